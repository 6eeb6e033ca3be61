import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const directory = resolve(import.meta.dirname, "../../components/steps");

/** A message with which a step fails, ends with nothing to do, or sends the run back to plan. */
export interface StepMessage {
  file: string;
  kind: "fail" | "conclude" | "plan_again";
  /** The text, with an ellipsis for each bash expansion. */
  text: string;
}

/** Every message in components/steps, in the order of the files. */
export function stepMessages(): StepMessage[] {
  return (
    readdirSync(directory)
      .filter((name) => /\.(sh|jq)$/.test(name))
      .sort()
      .flatMap((file) => {
        const text = readFileSync(join(directory, file), "utf8");
        return file.endsWith(".sh") ? ofBash(file, text) : ofJq(file, text);
      })
      // Leaves out messages that only pass on another one.
      .filter(({ text }) => text !== "…")
  );
}

/** `fail CAUSE "…" "…"`, where the parts of a text are joined with a space; `fail_refused "…"`, which adds the refusal; `plan_again "…"`. */
function ofBash(file: string, text: string): StepMessage[] {
  return [...text.matchAll(/\b(fail [a-z-]+|fail_refused|plan_again)\s+(?:\\\n\s*)?(?=")/g)].map((match) => {
    const parts: string[] = [];
    for (let at = match.index + match[0].length; text[at] === '"'; ) {
      const part = quoted(text, at + 1, bashExpansion);
      parts.push(part.text);
      at = part.end + (/^\s*(\\\n)?\s*(?=")/.exec(text.slice(part.end))?.[0].length ?? 0);
    }
    return {
      file,
      kind: match[1] === "plan_again" ? "plan_again" : "fail",
      text: `${parts.join(" ")}${match[1] === "fail_refused" ? ": …" : ""}`,
    };
  });
}

/** `fail("cause"; "command"; ["…", …])` and `conclude("outcome"; ["…", …])`: a part that is not a literal becomes "…". */
function ofJq(file: string, text: string): StepMessage[] {
  return [...text.matchAll(/\b(fail\("[a-z-]+"; "[a-z]+"|conclude\("[a-z-]+"); \[\s*(?=")/g)].map((match) => {
    const parts: string[] = [];
    for (let at = match.index + match[0].length; text[at] !== "]"; ) {
      const part =
        text[at] === '"'
          ? quoted(text, at + 1, jqExpansion)
          : { text: "…", end: text.slice(at).search(/[,\]\n]/) + at };
      parts.push(part.text);
      at = part.end + (/^[\s,]*/.exec(text.slice(part.end))?.[0].length ?? 0);
    }
    return { file, kind: match[1]?.split("(")[0] as StepMessage["kind"], text: parts.join(" ") };
  });
}

/** The double-quoted text that begins at `start`, up to its closing quote, and the position after it. */
function quoted(
  text: string,
  start: number,
  expansion: (text: string, at: number) => number,
): { text: string; end: number } {
  let result = "";
  let at = start;
  while (text[at] !== '"') {
    if (at >= text.length) throw new Error(`a quote is not closed: ${text.slice(start, start + 80)}`);
    const length = expansion(text, at);
    result += length > 0 ? "…" : text[at] === "\\" ? text[at + 1] : text[at];
    at += length > 0 ? length : text[at] === "\\" ? 2 : 1;
  }
  return { text: result, end: at + 1 };
}

/** Length of `\(…)` at this place of a text of jq, or 0. */
function jqExpansion(text: string, at: number): number {
  if (text[at] !== "\\" || text[at + 1] !== "(") return 0;
  let depth = 0;
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === '"') end = quoted(text, end + 1, jqExpansion).end - 1;
    depth += text[end] === "(" ? 1 : text[end] === ")" ? -1 : 0;
    if (depth === 0) return end + 1 - at;
  }
  throw new Error(`an expansion is not closed: ${text.slice(at, at + 80)}`);
}

/** Length of `$NAME`, `${…}` or `$(…)` at this place; 0 for a plain dollar sign. */
function bashExpansion(text: string, at: number): number {
  if (text[at] !== "$") return 0;
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
