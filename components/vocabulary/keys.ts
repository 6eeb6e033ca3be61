/** The keys of labels and annotations that this program sets. */

/** Name of the program, where something says whose it is. */
export const programName = "rex-remediation";

/** What the keys of this program's own labels and annotations begin with; on a main workflow, those of the ledger. */
export const ledgerPrefix = `${programName}/`;

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
