import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Conditions } from "./conditions.ts";
import type { Figures } from "./measurement.ts";

/** A measurement as it is saved. */
export interface Measured {
  /** When it ended, in ISO 8601. */
  at: string;
  /** Commit of the checkout; "… with changes" if there were uncommitted changes. */
  commit: string;
  /** Requested runs of each kind. */
  runs: number;
  /** How long the measurement took. */
  seconds: number;
  conditions: Conditions;
  figures: Figures;
}

/** Measurements by name. Each has its own conditions, because they may have been taken on different days. */
export type Results = Record<string, Measured>;

/** @returns the saved results; empty if the file does not exist yet */
export function readResults(file: string): Results {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

export function writeResults(file: string, results: Results): void {
  writeFileSync(file, resultsText(results));
}

/** The results as JSON, with all samples of a series on one line. */
export function resultsText(results: Results): string {
  const text = JSON.stringify(results, null, 2);
  return `${text.replace(/\[[\s\d.,e+-]+\]/g, (numbers) => numbers.replace(/\s+/g, "").replaceAll(",", ", "))}\n`;
}

/** Rounds to three decimal places, because anything finer is noise. */
export function rounded({ series, failures }: Figures): Figures {
  return {
    series: series.map((one) => ({ ...one, samples: one.samples.map((sample) => Math.round(sample * 1000) / 1000) })),
    failures,
  };
}
