import { median } from "../../test/support/times.ts";

/** What the tables say of a series. */
export interface Summary {
  n: number;
  median: number;
  p95: number;
  least: number;
  most: number;
}

/** @returns undefined for a series without samples */
export function summary(samples: number[]): Summary | undefined {
  if (samples.length === 0) return undefined;
  return {
    n: samples.length,
    median: median(samples),
    p95: nearestRank(samples, 95),
    least: Math.min(...samples),
    most: Math.max(...samples),
  };
}

/**
 * The smallest sample that is not exceeded by this many percent of all: a value that was measured, none in between. Of less than
 * twenty samples the 95th is the largest.
 */
export function nearestRank(samples: number[], percent: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  // Whole numbers first: 0.95 * 20 is a little more than 19 in floating point.
  const rank = Math.max(1, Math.ceil((percent * sorted.length) / 100));
  return sorted[rank - 1] ?? Number.NaN;
}
