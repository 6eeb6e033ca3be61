import { readFileSync } from "node:fs";
import { join } from "node:path";
import { prelude } from "./vocabulary/prelude.ts";
import type { Step } from "./vocabulary/steps.ts";

/** A line with which a step includes a file from its own folder. */
const sourceLine = /^source "\$\{BASH_SOURCE%\/\*\}\/(?<file>[a-z-]+\.sh)"$/;

/**
 * A step as one text for `bash -c`: the parts of the vocabulary that it uses, then its script. Each `source` line is replaced with the file
 * that it names, the first time only. Comment lines are dropped, because all steps together must fit into one environment variable of the
 * pod.
 *
 * @param directory folder of the scripts; default: components/steps
 * @throws Error if a script contains a template tag of Argo or a here-document
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

/** In a here-document a line that begins with # may be content, and would be dropped. */
function refuseHereDocuments(path: string, lines: string[]): void {
  const line = lines.findIndex((words) => /(^|[^<])<<-?\s*["'\\A-Za-z_]/.test(words));
  if (line >= 0) {
    throw new Error(`${path}:${line + 1}: a here-document cannot be embedded; use printf or <<<`);
  }
}

/**
 * Escapes a text for the kubelet, which expands `$(NAME)` in arguments and environment if NAME is a variable of the container, and turns
 * `$$` into `$`. Every `$` that it would interpret is doubled, so that the text comes out as written.
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function untouchedByKubelet(text: string): string {
  return text.replace(/\$(?=\$)|(?<=\$)\$|\$(?=\([A-Z_][A-Z0-9_]*\))/g, "$$$$");
}
