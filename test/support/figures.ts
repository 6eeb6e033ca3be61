import { appendFileSync } from "node:fs";

/**
 * Prints a measured figure at once. Under `scripts/test` it also appears in the summary.
 *
 * @param text one line, such as "attempts: 40 made, 40 refused"
 */
export function say(text: string): void {
  console.log(`    ${text}`);
  if (process.env.REX_FIGURES) appendFileSync(process.env.REX_FIGURES, `${text}\n`);
}
