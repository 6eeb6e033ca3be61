/** The keys of labels and annotations that this program sets. */

/** Name of the program, where something says whose it is. */
export const programName = "rex-remediation";

/** What the keys of this program's own labels and annotations begin with; on a main workflow, those of the ledger. */
export const ledgerPrefix = `${programName}/`;

/** What the steps write on a main workflow, so that each run knows what was begun, and on which heads QA was restarted. */
export type LedgerName =
  /** Head on which QA was restarted, or is to be. */
  | "head"
  /** All heads of the task's branches then, with commas between. */
  | "heads"
  /** Commit that was pushed. */
  | "pushed"
  /** GitHub's time of the newest push that was handled, in seconds since 1970. */
  | "pushed-at"
  /** Name of the run. */
  | "run"
  /** How often QA of the task was restarted, with this time. */
  | "round"
  /** "false" as soon as the run has begun, "true" once it has opened the gate. */
  | "resumed"
  /** How it ended, and words for people. */
  | "outcome"
  | "message";

/** Key of the annotation. */
export function ledgerKey(name: LedgerName): string {
  return `${ledgerPrefix}${name}`;
}

/** Label of a remediation's Workflow that holds the task's number. */
export const taskLabel = `${ledgerPrefix}task`;

/** Label of a remediation's Workflow that a sweep started: the hour of its start, counted from 1970. */
export const sweptLabel = `${ledgerPrefix}swept`;

/** Label of a remediation's Workflow that holds its outcome; the steps set it. */
export const outcomeLabel = `${ledgerPrefix}outcome`;

/**
 * What the keys of labels and annotations begin with that Argo or this program goes by. Whoever else in a cluster labels its objects,
 * as a mutating webhook does, is free to use any other.
 */
export const meaningfulPrefixes = [
  "workflows.argoproj.io/",
  "events.argoproj.io/",
  "app.kubernetes.io/",
  ledgerPrefix,
] as const;
