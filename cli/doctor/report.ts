import type { Result, Verdict } from "./check.ts";

/** The doctor's report as text. */

/** A result as one line. The finding may quote messages with several lines, so line breaks become spaces. */
export function asText({ verdict, check, of, found, fix }: Result): string {
  const fixText = fix === undefined ? "" : `; fix: ${fix}`;
  return `${verdict}  ${check}${of === undefined ? "" : ` (${of})`}: ${found}${fixText}`.replaceAll(/\s*\n\s*/g, " ");
}

/** The number of results per verdict. */
export function countsOf(results: Result[]): Record<Verdict, number> {
  const counts = { pass: 0, warn: 0, fail: 0, skip: 0 };
  for (const { verdict } of results) counts[verdict] += 1;
  return counts;
}

export function countsText({ pass, warn, fail, skip }: Record<Verdict, number>): string {
  return `${pass} passed, ${warn} warned, ${fail} failed, ${skip} skipped`;
}
