import { equal } from "node:assert/strict";
import { goalsTable } from "../../../dev/bench/goals.ts";
import type { Series } from "../../../dev/bench/measurement.ts";
import type { Results } from "../../../dev/bench/results.ts";

const measured = (name: string, series: Series[]): Results => ({
  [name]: { figures: { series, failures: [] } } as unknown as Results[string],
});

describe("the bench's goals", () => {
  it("are shown beside the measurement, as met or missed", () => {
    const name = "at a gate: pushed → resumed";
    equal(
      goalsTable(measured("latency", [{ name, unit: "s", samples: [7, 8, 13] }])),
      `| what | goal | measured | |
| --- | --: | --: | --- |
| ${name}, median | at most 8 s | 8.0 s | met |
| ${name}, p95 | at most 12 s | 13.0 s | **missed** |`,
    );
  });

  it("are minimums if more is better", () => {
    const name = "a pod per step / as installed, at a gate";
    const [, , row] = goalsTable(measured("shapes", [{ name, unit: "", samples: [4.9] }])).split("\n");
    equal(row, "| times faster than a pod per step | at least 5 | 4.9 | **missed** |");
  });

  it("compare the time per task at fifty with that at ten", () => {
    const each = (at: number, sample: number): Series => ({
      name: "the same, for each task",
      unit: "s",
      samples: [sample],
      at,
    });
    const [, , row] = goalsTable(measured("bursts", [each(10, 2), each(50, 2.5)])).split("\n");
    equal(
      row,
      "| time until the last is resumed, for each task: 50 at once / 10 at once | at most 1 | 1.3 | **missed** |",
    );
  });

  it("are left out if nothing was measured", () => {
    equal(goalsTable({}), "");
  });
});
