import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const directory = resolve(import.meta.dirname, "../../components/steps");

/** A message that ends a step or sends the run back to plan: its last words, or why there was nothing to do. */
export interface StepMessage {
  file: string;
  kind: "fail" | "conclude" | "plan_again";
  /** The text, with an ellipsis for each bash expansion. */
  text: string;
}

/** Every message in components/steps, in the order of the files. */
export function stepMessages(): StepMessage[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".sh"))
    .sort()
    .flatMap((file) => {
      const text = readFileSync(join(directory, file), "utf8");
      return [...text.matchAll(/\b(fail|conclude [a-z-]+|plan_again) "/g)].map((match) => ({
        file,
        kind: match[1]?.split(" ")[0] as StepMessage["kind"],
        text: quoted(text, match.index + match[0].length),
      }));
    });
}

/** The double-quoted text that begins at `start`, up to its closing quote. */
function quoted(text: string, start: number): string {
  let result = "";
  for (let at = start; text[at] !== '"'; ) {
    if (at >= text.length) throw new Error(`a quote is not closed: ${text.slice(start, start + 80)}`);
    const expansion = text[at] === "$" ? expansionLength(text, at) : 0;
    result += expansion > 0 ? "…" : text[at] === "\\" ? text[at + 1] : text[at];
    at += expansion > 0 ? expansion : text[at] === "\\" ? 2 : 1;
  }
  return result;
}

/** Length of `$NAME`, `${…}` or `$(…)` at this place; 0 for a plain dollar sign. */
function expansionLength(text: string, at: number): number {
  const name = /^\$([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?])/.exec(text.slice(at, at + 80));
  if (name !== null) return name[0].length;
  const [open, close] = text[at + 1] === "{" ? ["{", "}"] : ["(", ")"];
  if (text[at + 1] !== open) return 0;
  let depth = 0;
  for (let end = at + 1; end < text.length; end += 1) {
    depth += text[end] === open ? 1 : text[end] === close ? -1 : 0;
    if (depth === 0) return end + 1 - at;
  }
  throw new Error(`an expansion is not closed: ${text.slice(at, at + 80)}`);
}
