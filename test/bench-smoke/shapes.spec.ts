import { deepEqual, ok } from "node:assert/strict";
import type { Figures } from "../bench/measurement.ts";
import { ratioOf, shapes } from "../bench/shapes.ts";
import { openDevPlatform } from "../support/devStack.ts";
import { say } from "../support/figures.ts";

/**
 * That the installed shape of the steps is worth having: the same steps as a pod each and as one container, two runs of each, on a node
 * that may be busy. No time is compared with anything but another one of the same minute.
 *
 * What this does not show: the times themselves, and the ratios that the full bench finds on a quiet machine (docs/performance.md).
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

  it("lets each remediation end as remediated, whichever it is", () => {
    deepEqual(figures.failures, []);
    deepEqual(
      figures.series.filter(({ unit }) => unit === "s").map(({ samples }) => samples.length),
      [2, 2, 2, 2, 2, 2],
    );
  });

  it("opens the gate at least three times faster than a pod for each step would", () => {
    const ratio = ratioOf(figures, "pods", "installed");
    say(`a pod per step took ${ratio.toFixed(1)} times as long as installed`);
    ok(ratio >= 3, `a pod per step took ${ratio} times as long`);
  });

  it("takes at most three and a half times as long as all steps in one container", () => {
    const ratio = ratioOf(figures, "installed", "single");
    say(`installed took ${ratio.toFixed(1)} times as long as one container`);
    ok(ratio <= 3.5, `installed took ${ratio} times as long`);
  });
});
