import { createHash } from "node:crypto";
import { literal } from "../policies/cel.ts";
import { programName } from "./keys.ts";
import { taskPattern } from "./patterns.ts";

/**
 * The name of a push's run: `PREFIX-TASK-HEAD-DIGEST`. The sweep adds `-sweep`. The digest covers every value of the object, so equal
 * names mean identical objects. A redelivered push therefore writes nothing new, and no push is refused because another one has its name.
 *
 * A Workflow's name becomes a label of its pods and must fit into 63 characters. The longest prefix has 24, the longest task 9, head
 * and digest have 7 and 12. With the three dashes, that makes 55. That leaves 8 for a suffix: `-sweep`, `-again-3`, or the dash and five letters
 * of `argo resubmit`.
 *
 * The Sensor writes the name with {@link runNameTemplate}, the sweep with {@link runNameFunctions}. An admission policy checks its shape.
 */
const headDigits = 7;
const digestDigits = 12;

/** The digest at the end of a name, as a regular expression. */
export const digestPattern = `[0-9a-f]{${digestDigits}}`;

/** Suffix of the name of a run that a sweep started. */
export const sweepSuffix = "-sweep";

/** Annotation of the Sensor that holds the {@link runSalt} of its runs. */
export const runSaltAnnotation = `${programName}/run-salt`;

/** The values that a run takes from its push. */
export interface RunValues {
  task: string;
  before: string;
  after: string;
  /** owner/name, as the push spells it. */
  repository: string;
  /** Seconds since 1970. */
  pushedAt: number;
}

/** The digest covers the salt and these values, in this order, separated by spaces. */
const digested = ["task", "before", "after", "repository", "pushedAt"] as const satisfies (keyof RunValues)[];

/**
 * A digest of everything that all runs of an installation share. When an update changes it, a redelivered push gets a new run, which
 * finds nothing left to do. Otherwise the Sensor would try to change the old run, and the API server would refuse that.
 *
 * @param run the Workflow before a push fills in its values
 */
export function runSalt(run: object): string {
  return digest(JSON.stringify(run));
}

/** @param prefix of the installation's names */
export function runName(prefix: string, salt: string, push: RunValues): string {
  const values = [salt, ...digested.map((key) => push[key])].join(" ");
  return `${prefix}-${push.task}-${push.after.slice(0, headDigits)}-${digest(values)}`;
}

/** The suffix after a name from {@link runName}: "" for a run of the Sensor; undefined if the name does not have that form. */
export function runNameSuffix(prefix: string, name: string): string | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined;
  const made = new RegExp(`^${taskPattern}-[0-9a-f]{${headDigits}}-${digestPattern}(?<suffix>.*)$`);
  return made.exec(name.slice(prefix.length + 1))?.groups?.suffix;
}

/**
 * {@link runName} as a template of Argo Events. Its input is the output of the transform, in which numbers are floating-point.
 *
 * @see https://masterminds.github.io/sprig/
 */
export function runNameTemplate(prefix: string, salt: string): string {
  const formats = digested.map((key) => (key === "pushedAt" ? "%d" : "%s")).join(" ");
  const values = digested.map((key) => (key === "pushedAt" ? `(int64 .Input.${key})` : `.Input.${key}`)).join(" ");
  return `${prefix}-{{ .Input.task }}-{{ trunc ${headDigits} .Input.after }}-{{ printf "${salt} ${formats}" ${values} | sha256sum | trunc ${digestDigits} }}`;
}

/** {@link runName} as jq functions of a push. The caller has to compute the digest of `run_digested`. */
export const runNameFunctions = {
  run_digested: `def run_digested($salt): [$salt, ${digested.map((key) => `.${key}`).join(", ")}] | join(" ");`,
  run_name_begin: `def run_name_begin($prefix): "\\($prefix)-\\(.task)-\\(.after[:${headDigits}])-";`,
  swept_run_name: `def swept_run_name($prefix; $digest): run_name_begin($prefix) + $digest[:${digestDigits}] + "${sweepSuffix}";`,
};

/** A CEL expression for the name up to the digest, from CEL expressions for task and head. */
export function runNameBegin(prefix: string, task: string, after: string): string {
  return `${literal(`${prefix}-`)} + ${task} + "-" + ${after}.substring(0, ${headDigits}) + "-"`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digestDigits);
}
