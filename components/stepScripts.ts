import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jqVocabulary, prelude } from "./vocabulary/prelude.ts";
import type { Step } from "./vocabulary/steps.ts";

/** A line with which a step includes a file from its own folder. */
const sourceLine = /^source "\$\{BASH_SOURCE%\/\*\}\/(?<file>[a-z-]+\.sh)"$/;

/** A line with which a step reads a jq program from its own folder into a constant. */
const jqLine = /^(?<name>[A-Z_]+)=\$\(<"\$\{BASH_SOURCE%\/\*\}\/(?<file>[a-z-]+\.jq)"\)$/;

/** A line with which a jq program includes the definitions of another. */
const includeLine = /^include "(?<name>[a-z-]+)";$/;

const stepsDirectory = join(import.meta.dirname, "steps");

/**
 * A step as one text for `bash -c`: the parts of the vocabulary that it uses, then its script. Each `source` line is replaced with the file
 * that it names, the first time only. Unused functions, comment lines and indentation are dropped, because all steps together must fit into
 * one environment variable of the pod.
 *
 * @param directory folder of the scripts; default: components/steps
 * @throws Error if a script contains a template tag of Argo or a here-document
 */
export function stepScript(step: Step, directory = stepsDirectory): string {
  const text = withoutUnused(inlined(join(directory, `${step}.sh`), directory, new Set())).replace(/^[ \t]+/gm, "");
  return untouchedByKubelet(`${prelude(text)}${text}`);
}

/** A function of a script: its name, its body, and a closing brace at the beginning of a line. */
const functionText = /^(?<name>[a-z_]+)\(\) \{\n.*?^\}\n/gms;

/** Drops the functions of the sourced files that the step does not use. */
function withoutUnused(text: string): string {
  const used = text.replace(functionText, (whole, name: string) =>
    (text.match(new RegExp(`\\b${name}\\b`, "g")) ?? []).length > 1 ? whole : "",
  );
  return used === text ? text : withoutUnused(used);
}

function inlined(path: string, directory: string, seen: Set<string>): string {
  const text = readFileSync(path, "utf8");
  const lines = text.replace(/\n$/, "").split("\n");
  refuseTemplateTags(path, lines);
  refuseHereDocuments(path, lines);
  return lines
    .filter(isCode)
    .map((line) => {
      const { name, file: program } = jqLine.exec(line)?.groups ?? {};
      if (name !== undefined && program !== undefined) {
        return jqConstants(name, program, directory, seen);
      }
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

/**
 * The constant that a step reads a jq program into. Each file that belongs to the program gets a constant of its own, in front of the first
 * program that needs it, so that several programs can share it.
 */
function jqConstants(name: string, file: string, directory: string, seen: Set<string>): string {
  const parts = jqParts(file, directory);
  const vocabulary = jqVocabulary(textOf(parts)) === "" ? "" : "$VOCABULARY";
  const constantOf = (part: string) => `JQ_${part.slice(0, -".jq".length).replaceAll("-", "_").toUpperCase()}`;
  const fresh = parts.filter((part) => !seen.has(part.file));
  for (const { file } of fresh) seen.add(file);
  return [
    ...fresh.map((part) => `${constantOf(part.file)}=${bashText(part.text)}\n`),
    `${name}=${vocabulary}${parts.map((part) => `$${constantOf(part.file)}`).join("")}\n`,
  ].join("");
}

/**
 * A jq program in components/steps as one text, with the parts of the vocabulary that it uses. jq's own `include` would hide the variables
 * of the including program, but every file needs the configuration.
 *
 * @throws Error if a file contains a template tag of Argo
 */
export function jqProgram(file: string, directory = stepsDirectory): string {
  const text = textOf(jqParts(file, directory));
  return `${jqVocabulary(text)}${text}`;
}

function textOf(parts: { text: string }[]): string {
  return parts.map(({ text }) => text).join("");
}

/** The files that a program includes, each once, and the program itself, without comments and indentation. */
function jqParts(file: string, directory: string, seen = new Set<string>()): { file: string; text: string }[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const lines = readFileSync(join(directory, file), "utf8").trimEnd().split("\n");
  refuseTemplateTags(join(directory, file), lines);
  const included = lines.flatMap((line) => {
    const name = includeLine.exec(line)?.groups?.name;
    return name === undefined ? [] : jqParts(`${name}.jq`, directory, seen);
  });
  const text = lines
    .filter((line) => isCode(line) && !includeLine.test(line))
    .map(withoutIndentation)
    .join("");
  return [...included, { file, text }];
}

/** Whether a line is neither empty nor a comment, which begins with # in bash and in jq. */
function isCode(line: string): boolean {
  return !/^\s*(#|$)/.test(line);
}

function withoutIndentation(line: string): string {
  return `${line.trimStart()}\n`;
}

/** A literal of bash. */
function bashText(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
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
