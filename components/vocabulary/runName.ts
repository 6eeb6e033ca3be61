import { createHash } from "node:crypto";

/**
 * The name of a push's run: `PREFIX-TASK-HEAD-DIGEST`, and of the sweep's `-sweep` behind. One name always means one identical object:
 * the digest is of every value that the object has. So a push that is delivered again writes nothing new, and no push can be refused
 * because another one has its name.
 *
 * A Workflow's name becomes a label of its pods and has to fit into 63 characters. Of these the longest prefix takes 24 and the longest
 * task 9, head and digest 7 and 12, with three dashes 55 together; 8 are left for what is put behind: `-sweep`, `-again-3`, or the dash
 * and five letters of `argo resubmit`.
 *
 * The Sensor writes it by {@link runNameTemplate}, the sweep by run_name in steps/sweep.sh, and an admission policy checks its shape.
 */
export const headDigits = 7;
export const digestDigits = 12;

/** Ends the name of a run that a sweep started. */
export const sweepSuffix = "-sweep";

/** Annotation of the Sensor that holds its {@link runSalt}. */
export const runSaltAnnotation = "rex-remediation/run-salt";

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
export function runName(
  prefix: string,
  salt: string,
  { task, before, after, repository, pushedAt }: RunValues,
): string {
  const values = [salt, task, before, after, repository, pushedAt].join(" ");
  return `${prefix}-${task}-${after.slice(0, headDigits)}-${digest(values)}`;
}

/**
 * The same as a template of Argo Events, of what the transform lets through. Numbers come as floating-point ones.
 *
 * @see https://masterminds.github.io/sprig/
 */
export function runNameTemplate(prefix: string, salt: string): string {
  const values = `printf "${salt} %s %s %s %s %d" .Input.task .Input.before .Input.after .Input.repository (int64 .Input.pushedAt)`;
  return `${prefix}-{{ .Input.task }}-{{ trunc ${headDigits} .Input.after }}-{{ ${values} | sha256sum | trunc ${digestDigits} }}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digestDigits);
}
