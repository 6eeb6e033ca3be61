import type { Platform } from "../../test/support/platform.ts";

/** One thing that was measured several times. */
export interface Series {
  /** What was measured, as a row of the table names it: "pushed → resumed, at a gate". */
  name: string;
  unit: "s" | "ms" | "MiB" | "CPU s" | "1/s" | "";
  samples: number[];
  /** Where the series is a point of a curve: the number of tasks, CodeRuns or nodes that it was measured with. */
  at?: number;
}

/** What a measurement found. */
export interface Figures {
  series: Series[];
  /** What went wrong, a line each; empty in a good run. A measurement with failures is written down as such. */
  failures: string[];
}

/** How much is measured. */
export interface Extent {
  /** Runs of each kind. */
  runs: number;
  /** Only what the smoke version needs. */
  smoke: boolean;
}

/** What a measurement has at hand: the dev stack on the embedded node. */
export interface Bench {
  platform: Platform;
  /** Says a line of progress. */
  say(line: string): void;
}

/** A measurement, by the name that `npm run bench` calls it. */
export interface Measurement {
  name: string;
  /** What it measures, in a line. */
  title: string;
  measure(bench: Bench, extent: Extent): Promise<Figures>;
  /** Its plots, by file name without ending, as Vega-Lite specifications. */
  plots(figures: Figures): Record<string, object>;
}
