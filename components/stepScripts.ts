import { readFileSync } from "node:fs";
import { join } from "node:path";
import { prelude } from "./vocabulary/prelude.ts";
import type { Step } from "./vocabulary/steps.ts";

/** A line with which a step takes in one of the files beside it. */
const sourceLine = /^source "\$\{BASH_SOURCE%\/\*\}\/(?<file>[a-z-]+\.sh)"$/;

/**
 * A step as one text for `bash -c`: what it uses of the vocabulary, then its file of components/steps, in which each `source` line gives
 * way to the file that it names, once. Lines of comment stay behind, because all steps together have to fit into one environment
 * variable of the pod.
 *
 * @param directory where the files are; default: components/steps
 * @throws Error if Argo would read a part of it as its own
 */
export function stepScript(step: Step, directory = join(import.meta.dirname, "steps")): string {
  const text = inlined(join(directory, `${step}.sh`), directory, new Set());
  return untouchedByKubelet(`${prelude(text)}${text}`);
}

function inlined(path: string, directory: string, seen: Set<string>): string {
  const text = readFileSync(path, "utf8");
  const lines = text.replace(/\n$/, "").split("\n");
  refuseTemplateTags(path, lines);
  refuseHereDocuments(path, lines);
  return lines
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((line) => {
      const file = sourceLine.exec(line)?.groups?.file;
      if (file === undefined) {
        return `${line}\n`;
      }
      const isNew = !seen.has(file);
      seen.add(file);
      return isNew ? inlined(join(directory, file), directory, seen) : "";
    })
    .join("");
}

function refuseTemplateTags(path: string, lines: string[]): void {
  const line = lines.findIndex((words) => words.includes("{{"));
  if (line >= 0) {
    throw new Error(`${path}:${line + 1}: Argo Workflows would expand "{{" here; write it as '{''{'`);
  }
}

/** In one, a line that begins with # need not be a comment. */
function refuseHereDocuments(path: string, lines: string[]): void {
  const line = lines.findIndex((words) => /(^|[^<])<<-?\s*["'\\A-Za-z_]/.test(words));
  if (line >= 0) {
    throw new Error(`${path}:${line + 1}: a here-document cannot be embedded; use printf or <<<`);
  }
}

/**
 * The kubelet expands `$(NAME)` in arguments and environment where NAME is a variable of the container, and makes `$$` a single `$`.
 * Doubled, each `$` that it would look at comes out as written.
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function untouchedByKubelet(text: string): string {
  return text.replace(/\$(?=\$)|(?<=\$)\$|\$(?=\([A-Z_][A-Z0-9_]*\))/g, "$$$$");
}
