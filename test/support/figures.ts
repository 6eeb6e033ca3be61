import { appendFileSync } from "node:fs";

/**
 * Says a measured figure: at once, and, where `scripts/test` asks for it, once more in its summary.
 *
 * @param text one line, such as "attempts: 40 made, 40 refused"
 */
export function say(text: string): void {
  console.log(`    ${text}`);
  if (process.env.REX_FIGURES) appendFileSync(process.env.REX_FIGURES, `${text}\n`);
}
