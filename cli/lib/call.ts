import { type ParseArgsConfig, parseArgs } from "node:util";
import { Refusal } from "./installation.ts";

/** How the tools for operators read what they are called with. */

/** @throws Refusal for an option that is none, or one without its value */
export function readCall<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new Refusal(`${(error as Error).message}; see --help`);
  }
}

/**
 * @param pattern what the value has to match, as a regular expression
 * @param expected the same in words
 * @throws Refusal if it does not
 */
export function must(option: string, value: string, pattern: string, expected: string): void {
  if (!new RegExp(pattern).test(value)) {
    throw new Refusal(`${option}: expected ${expected}; got ${JSON.stringify(value)}`);
  }
}
