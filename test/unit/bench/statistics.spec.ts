import { deepEqual, equal } from "node:assert/strict";
import { nearestRank, summary } from "../../../dev/bench/statistics.ts";

describe("what the tables show of a series", () => {
  it("is its median, its 95th percentile by nearest rank, its minimum and its maximum", () => {
    const samples = [5, 1, 4, 2, 3, 20, 6, 19, 7, 18, 8, 17, 9, 16, 10, 15, 11, 14, 12, 13];
    deepEqual(summary(samples), { n: 20, median: 10.5, p95: 19, least: 1, most: 20 });
  });

  it("is a measured value, and the largest one if there are fewer than twenty", () => {
    equal(nearestRank([3, 1, 2], 95), 3);
    equal(
      nearestRank(
        Array.from({ length: 100 }, (_, index) => index + 1),
        95,
      ),
      95,
    );
    equal(nearestRank([7], 95), 7);
    equal(nearestRank([10, 20, 30, 40], 50), 20);
  });

  it("does not change the samples", () => {
    const samples = [3, 1, 2];
    summary(samples);
    deepEqual(samples, [3, 1, 2]);
  });

  it("is empty if nothing was measured", () => {
    equal(summary([]), undefined);
  });
});
