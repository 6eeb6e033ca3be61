/** The keys of labels and annotations that this program sets. */

/** Name of the program, for labels and keys that show what belongs to it. */
export const programName = "rex-remediation";

/** Prefix of the keys of this program's labels and annotations. On a main workflow, these form the ledger. */
export const ledgerPrefix = `${programName}/`;

/** The ledger: annotations that the steps write on a main workflow. They tell later runs what has begun, and which heads QA ran on. */
export type LedgerName =
  /** Head on which QA was restarted or will be restarted. */
  | "head"
  /** Heads of all branches of the task at that time, separated by commas. */
  | "heads"
  /** Commit that was pushed. */
  | "pushed"
  /** GitHub's time of the newest push that was handled, in seconds since 1970. */
  | "pushed-at"
  /** Name of the run. */
  | "run"
  /** How often QA of the task has restarted, including this restart. */
  | "round"
  /** "false" from the moment the run begins, "true" once it has opened the gate. */
  | "resumed"
  /** How the run ended. */
  | "outcome"
  /** Explanation of the outcome, for people. */
  | "message";

/** Key of the annotation that holds this part of the ledger. */
export function ledgerKey(name: LedgerName): string {
  return `${ledgerPrefix}${name}`;
}

/** Label of a remediation's Workflow that holds the task's number. */
export const taskLabel = `${ledgerPrefix}task`;

/** Label of a remediation's Workflow that a sweep started. Its value is the hour of the start, in hours since 1970. */
export const sweptLabel = `${ledgerPrefix}swept`;

/** Label of a remediation's Workflow that holds its outcome. The steps set it. */
export const outcomeLabel = `${ledgerPrefix}outcome`;

/**
 * Prefixes of the labels and annotations that Argo or this program acts on. Others in the cluster, such as mutating webhooks, may use any
 * other prefix.
 */
export const meaningfulPrefixes = [
  "workflows.argoproj.io/",
  "events.argoproj.io/",
  "app.kubernetes.io/",
  ledgerPrefix,
] as const;
