import { createRequire } from "node:module";
import type { JsonObject } from "./answers.ts";

interface Definition {
  name: string;
  examples: JsonObject[];
}

// The package's entry is a JSON file, which an ES module cannot import by the package's name.
const definitions = createRequire(import.meta.url)("@octokit/webhooks-examples") as Definition[];

/** The account in the published examples. */
export const exampleOwner = "Codertocat";
export const exampleRepository = "Codertocat/Hello-World";

/** A copy of this webhook event's first published example that `fits`. Throws if there is none. */
export function example(event: string, fits: (payload: JsonObject) => boolean = () => true): JsonObject {
  const found = definitions.find(({ name }) => name === event)?.examples.find(fits);
  if (!found) throw new Error(`@octokit/webhooks-examples has no such ${event} event`);
  return structuredClone(found);
}

/** A copy with these replacements in every string, in order. */
export function rewrite<T>(value: T, replacements: readonly (readonly [from: string, to: string])[]): T {
  const text = replacements.reduce((json, [from, to]) => json.replaceAll(from, to), JSON.stringify(value));
  return JSON.parse(text) as T;
}
