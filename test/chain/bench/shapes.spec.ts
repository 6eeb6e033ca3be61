import { deepEqual, ok } from "node:assert/strict";
import type { Figures } from "../../../dev/bench/measurement.ts";
import { ratioOf, shapes } from "../../../dev/bench/shapes.ts";
import { shapeTitles } from "../../../dev/bench/stepShapes.ts";
import { openDevPlatform } from "../../support/devStack.ts";
import { say } from "../../support/figures.ts";

/**
 * Checks that the bench can still run the installed steps with a pod per step and as one container, with two runs of each.
 *
 * What this does not show: that one shape is faster than another. Two runs on a busy machine say too little about that, so the ratios
 * are only printed. The full bench checks them against limits (dev/bench/run, docs/performance.md).
 */
describe("the shape of the steps", function () {
  this.timeout(180_000);
  let figures: Figures;

  before(async () => {
    const platform = await openDevPlatform();
    const bench = { platform, say: (line: string) => console.log(`    ${line}`) };
    try {
      figures = await shapes.measure(bench, { runs: 2, smoke: true });
    } finally {
      await platform.close();
    }
  });

  it("does not matter for the outcome: every remediation ends as remediated", () => {
    deepEqual(figures.failures, []);
    deepEqual(
      figures.series.filter(({ unit }) => unit === "s").map(({ samples }) => samples.length),
      [2, 2, 2, 2, 2, 2],
    );
  });

  it("is compared by the same ratios as in the full bench", () => {
    for (const [slow, fast] of [
      ["pods", "installed"],
      ["installed", "single"],
    ] as const) {
      const ratio = ratioOf(figures, slow, fast);
      say(`${shapeTitles[slow]} took ${ratio.toFixed(1)} times as long as ${shapeTitles[fast]} (two runs of each)`);
      ok(Number.isFinite(ratio) && ratio > 0, `${shapeTitles[slow]} / ${shapeTitles[fast]} is ${ratio}`);
    }
  });
});
