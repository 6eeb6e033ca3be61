import { createHash } from "node:crypto";
import { literal } from "../policies/cel.ts";
import { programName } from "./keys.ts";
import { taskPattern } from "./patterns.ts";

/**
 * The name of a push's run: `PREFIX-TASK-HEAD-DIGEST`, and of the sweep's `-sweep` behind. One name always means one identical object:
 * the digest is of every value that the object has. So a push that is delivered again writes nothing new, and no push can be refused
 * because another one has its name.
 *
 * A Workflow's name becomes a label of its pods and has to fit into 63 characters. Of these the longest prefix takes 24 and the longest
 * task 9, head and digest 7 and 12, with three dashes 55 together; 8 are left for what is put behind: `-sweep`, `-again-3`, or the dash
 * and five letters of `argo resubmit`.
 *
 * The Sensor writes it by {@link runNameTemplate}, the sweep by {@link runNameFunctions}, and an admission policy checks its shape.
 */
const headDigits = 7;
const digestDigits = 12;

/** The end of a name, as a regular expression. */
export const digestPattern = `[0-9a-f]{${digestDigits}}`;

/** Ends the name of a run that a sweep started. */
export const sweepSuffix = "-sweep";

/** Annotation of the Sensor that holds its {@link runSalt}. */
export const runSaltAnnotation = `${programName}/run-salt`;

/** The values of a push, as its run has them. */
export interface RunValues {
  task: string;
  before: string;
  after: string;
  /** owner/name, as the push spells it. */
  repository: string;
  /** Seconds since 1970. */
  pushedAt: number;
}

/** The digest is of the salt and these, in this order, with a space between each two. */
const digested = ["task", "before", "after", "repository", "pushedAt"] as const satisfies (keyof RunValues)[];

/**
 * What all runs of an installation have in common, as a short text for the digest: where an update changes it, a push that is delivered
 * again gets a new run, which finds that there is nothing left to do, and not a write to the old one, which would be refused.
 *
 * @param run the Workflow but for what a push fills in
 */
export function runSalt(run: object): string {
  return digest(JSON.stringify(run));
}

/** @param prefix of the installation's names */
export function runName(prefix: string, salt: string, push: RunValues): string {
  const values = [salt, ...digested.map((key) => push[key])].join(" ");
  return `${prefix}-${push.task}-${push.after.slice(0, headDigits)}-${digest(values)}`;
}

/** What is put behind the name that {@link runName} makes: "" for the Sensor's own; undefined for a name that was not made so. */
export function runNameSuffix(prefix: string, name: string): string | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined;
  const made = new RegExp(`^${taskPattern}-[0-9a-f]{${headDigits}}-${digestPattern}(?<suffix>.*)$`);
  return made.exec(name.slice(prefix.length + 1))?.groups?.suffix;
}

/**
 * The same as a template of Argo Events, of what the transform lets through. Numbers come as floating-point ones.
 *
 * @see https://masterminds.github.io/sprig/
 */
export function runNameTemplate(prefix: string, salt: string): string {
  const formats = digested.map((key) => (key === "pushedAt" ? "%d" : "%s")).join(" ");
  const values = digested.map((key) => (key === "pushedAt" ? `(int64 .Input.${key})` : `.Input.${key}`)).join(" ");
  return `${prefix}-{{ .Input.task }}-{{ trunc ${headDigits} .Input.after }}-{{ printf "${salt} ${formats}" ${values} | sha256sum | trunc ${digestDigits} }}`;
}

/** The same as jq, of a push; the digest is the caller's to make, of `run_digested`. */
export const runNameFunctions = {
  run_digested: `def run_digested($salt): [$salt, ${digested.map((key) => `.${key}`).join(", ")}] | join(" ");`,
  run_name_begin: `def run_name_begin($prefix): "\\($prefix)-\\(.task)-\\(.after[:${headDigits}])-";`,
  swept_run_name: `def swept_run_name($prefix; $digest): run_name_begin($prefix) + $digest[:${digestDigits}] + "${sweepSuffix}";`,
};

/** All of the name but for the digest, as CEL, of expressions for task and head. */
export function runNameBegin(prefix: string, task: string, after: string): string {
  return `${literal(`${prefix}-`)} + ${task} + "-" + ${after}.substring(0, ${headDigits}) + "-"`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digestDigits);
}
