import { deepEqual, equal } from "node:assert/strict";
import { latency, share } from "../../../dev/bench/latency.ts";
import { milestones, type Restart } from "../../../dev/bench/restart.ts";

describe("a milestone's share of the time", () => {
  const restart: Restart = {
    seen: {
      "Workflow created": 0.5,
      "pod made": 1,
      planned: 4,
      cancelled: 6,
      "label off": 5,
      reset: 8,
      resumed: 20,
      restarted: 21,
    },
    ownSeconds: {},
  };
  const shares = (of: Restart) => milestones.map((milestone) => share(of, milestone));

  it("begins when the last milestone it waits for is reached; agents and label are handled side by side", () => {
    deepEqual(shares(restart), [0.5, 0.5, 3, 2, 1, 2, 12, 1]);
  });

  it("is undefined if the milestone was not reached, which delays no other share", () => {
    const { cancelled, reset, ...seen } = restart.seen;
    deepEqual(shares({ seen, ownSeconds: {} }), [0.5, 0.5, 3, undefined, 1, undefined, 15, 1]);
  });

  it("is zero if two milestones are one write", () => {
    equal(share({ seen: { ...restart.seen, reset: 20 }, ownSeconds: {} }, "resumed"), 0);
  });
});

describe("latency's plot", () => {
  it("has a part for each share of each situation, and 0 for a share that was not seen", () => {
    const series = [
      { name: "at a gate: pod made, its share", unit: "s" as const, samples: [3, 1, 2] },
      { name: "agents at work: cancelled and label off, their share", unit: "s" as const, samples: [4, 5] },
    ];
    const { data } = latency.plots({ series, failures: [] }).latency as { data: { values: { seconds: number }[] } };
    deepEqual(
      data.values.map(({ seconds }) => seconds),
      [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4.5, 0, 0, 0],
    );
  });
});
