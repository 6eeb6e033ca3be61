import { median } from "../../test/support/times.ts";

/** What the tables show of one series. */
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
 * The smallest sample that at least this many percent of all samples do not exceed. It is always a measured value, never interpolated.
 * With fewer than twenty samples, the 95th percentile is the largest sample.
 */
export function nearestRank(samples: number[], percent: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  // Multiply whole numbers first, because floating point makes 0.95 * 20 a little more than 19.
  const rank = Math.max(1, Math.ceil((percent * sorted.length) / 100));
  return sorted[rank - 1] ?? Number.NaN;
}
