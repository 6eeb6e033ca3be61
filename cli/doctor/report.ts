import type { Result, Verdict } from "./check.ts";

/** The doctor's report: its words, and its data. */

/** A result as a person reads it; what was found may be others' words, with lines of their own. */
export function asText({ verdict, check, of, found, fix }: Result): string {
  const mend = fix === undefined ? "" : `; fix: ${fix}`;
  return `${verdict}  ${check}${of === undefined ? "" : ` (${of})`}: ${found}${mend}`.replaceAll(/\s*\n\s*/g, " ");
}

/** How many results there are of each verdict. */
export function countsOf(results: Result[]): Record<Verdict, number> {
  const counts = { pass: 0, warn: 0, fail: 0, skip: 0 };
  for (const { verdict } of results) counts[verdict] += 1;
  return counts;
}

export function countsText({ pass, warn, fail, skip }: Record<Verdict, number>): string {
  return `${pass} passed, ${warn} warned, ${fail} failed, ${skip} skipped`;
}
