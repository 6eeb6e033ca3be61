import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Ground } from "./ground.ts";
import type { Figures } from "./measurement.ts";

/** A measurement as it is written down. */
export interface Measured {
  /** When it ended, ISO 8601. */
  at: string;
  /** Commit of the checkout; "… with changes" if it had some. */
  commit: string;
  /** Runs of each kind that were asked for. */
  runs: number;
  /** How long it took. */
  seconds: number;
  ground: Ground;
  figures: Figures;
}

/** Measurements by name. Each has the machine that it was taken on: they need not all be of one day. */
export type Results = Record<string, Measured>;

/** @returns none where there is no such file yet */
export function readResults(file: string): Results {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

export function writeResults(file: string, results: Results): void {
  writeFileSync(file, resultsText(results));
}

/** As JSON, the samples of a series on one line. */
export function resultsText(results: Results): string {
  const text = JSON.stringify(results, null, 2);
  return `${text.replace(/\[[\s\d.,e+-]+\]/g, (numbers) => numbers.replace(/\s+/g, "").replaceAll(",", ", "))}\n`;
}

/** To a thousandth: what is finer is no more than noise. */
export function rounded({ series, failures }: Figures): Figures {
  return {
    series: series.map((one) => ({ ...one, samples: one.samples.map((sample) => Math.round(sample * 1000) / 1000) })),
    failures,
  };
}
