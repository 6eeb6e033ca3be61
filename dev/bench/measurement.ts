import type { Platform } from "../../test/support/platform.ts";

/** Samples of one quantity. */
export interface Series {
  /** What was measured. This is the title of the table's row, such as "pushed → resumed, at a gate". */
  name: string;
  unit: "s" | "ms" | "MiB" | "CPU s" | "1/s" | "";
  samples: number[];
  /** If the series is a point of a curve: the number of tasks, CodeRuns or nodes with which it was measured. */
  at?: number;
}

/** The results of a measurement. */
export interface Figures {
  series: Series[];
  /** One line for each failure; empty if nothing failed. The report shows them with the measurement. */
  failures: string[];
}

/** How much to measure. */
export interface Extent {
  /** Runs of each kind. */
  runs: number;
  /** Whether to measure only enough to show that the measurement works. */
  smoke: boolean;
}

/** What a measurement works with: the dev stack on the embedded node. */
export interface Bench {
  platform: Platform;
  /** Prints a line of progress. */
  say(line: string): void;
}

/** A measurement. */
export interface Measurement {
  /** The name by which `npm run bench` selects it. */
  name: string;
  /** What it measures, in one line. */
  title: string;
  measure(bench: Bench, extent: Extent): Promise<Figures>;
  /** Its plots as Vega-Lite specifications, by file name without extension. */
  plots(figures: Figures): Record<string, object>;
}
