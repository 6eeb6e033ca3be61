import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { say } from "../figures.ts";
import { median } from "../times.ts";
import type { FaultCase } from "./matrix.ts";

/** The result of a case. */
export interface Result extends Pick<FaultCase, "id" | "fault" | "step" | "ending"> {
  right: boolean;
  /** Seconds from the push to the expected ending; absent for any other ending. */
  seconds?: number;
  /** What was wrong. */
  error?: string;
}

/** The content of the file that `REX_RELIABILITY` names; test/faults/report.ts reads it. */
export interface Measured {
  date: string;
  commit: string;
  machine: string;
  results: Result[];
}

/** Prints the totals, and writes all results to the file that REX_RELIABILITY names, if it is set. */
export function sayResults(results: Result[]): void {
  for (const ending of ["transient", "final"] as const) {
    const of = results.filter((result) => result.ending === ending);
    if (of.length === 0) continue;
    const times = of.flatMap(({ seconds }) => (seconds === undefined ? [] : [seconds]));
    if (times.length === 0) times.push(Number.NaN);
    say(
      `${ending} faults: ${of.length} tried, ${of.filter(({ right }) => right).length} ended right; from the push to the right ending median ${median(times).toFixed(1)} s, worst ${Math.max(...times).toFixed(1)} s`,
    );
  }
  const file = process.env.REX_RELIABILITY;
  if (file) writeFileSync(file, `${JSON.stringify(measured(results), undefined, 2)}\n`);
}

function measured(results: Result[]): Measured {
  const commit = execFileSync("git", ["rev-parse", "--short=12", "HEAD"], { encoding: "utf8", timeout: 10_000 });
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit.trim(),
    machine: `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    results,
  };
}
