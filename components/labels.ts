import { programName } from "./vocabulary/keys.ts";

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
    "app.kubernetes.io/name": programName,
    "app.kubernetes.io/instance": name,
    "app.kubernetes.io/component": part,
  };
}

/** The value of the repository label of CodeRuns and main workflows: owner-name, at most 63 characters, a letter or digit at both ends. */
export function repositoryLabelValue(fullName: string): string {
  return fullName
    .replace("/", "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63)
    .replace(/[^A-Za-z0-9]+$/, "");
}
