/** The part of the whole that an object belongs to, as its app.kubernetes.io/component label says. */
export type Part =
  | "access"
  | "alarms"
  | "dashboard"
  | "event-bus"
  | "event-source"
  | "remediation"
  | "secrets"
  | "sensor"
  | "sweep";

/**
 * Labels of every object that Pulumi makes.
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
 */
export function commonLabels(name: string, part: Part): Record<string, string> {
  return { ...runLabels(name, part), "app.kubernetes.io/managed-by": "pulumi" };
}

/** The same for what others make on behalf of this program: pods, and the Workflows that the Sensor creates. */
export function runLabels(name: string, part: Part): Record<string, string> {
  return {
    "app.kubernetes.io/name": "rex-remediation",
    "app.kubernetes.io/instance": name,
    "app.kubernetes.io/component": part,
  };
}

/** Label of a remediation's Workflow that holds the task's number. */
export const taskLabel = "rex-remediation/task";

/** Label of a remediation's Workflow that a sweep started: the hour of its start, counted from 1970. */
export const sweptLabel = "rex-remediation/swept";

/** Label of a remediation's Workflow that holds its outcome; the steps set it. */
export const outcomeLabel = "rex-remediation/outcome";

/** How a remediation can end; see docs/operate.md. */
export const outcomes = [
  "remediated",
  "already-remediated",
  "superseded",
  "nothing-stale",
  "held",
  "no-pull-request",
  "no-workflow",
  "dry-run",
  "failed",
] as const;

/** What the names of the annotations begin with that the steps write on a main workflow. */
export const ledgerPrefix = "rex-remediation/";

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

/** The value of the repository label of CodeRuns and main workflows: owner-name, at most 63 characters, a letter or digit at both ends. */
export function repositoryLabelValue(fullName: string): string {
  return fullName
    .replace("/", "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63)
    .replace(/[^A-Za-z0-9]+$/, "");
}
