import { appendFileSync } from "node:fs";

/**
 * Prints a measured figure at once, and, if `scripts/test` asks for it, again in its summary.
 *
 * @param text one line, such as "attempts: 40 made, 40 refused"
 */
export function say(text: string): void {
  console.log(`    ${text}`);
  if (process.env.REX_FIGURES) appendFileSync(process.env.REX_FIGURES, `${text}\n`);
}
