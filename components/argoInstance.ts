/**
 * If a cluster has several workflow controllers of Argo, each has an instance ID. A controller handles only Workflows and CronWorkflows
 * whose label has this value; a controller without an ID handles only those without the label.
 *
 * @see https://argo-workflows.readthedocs.io/en/latest/scaling/#instance-id
 */
export const instanceIdLabel = "workflows.argoproj.io/controller-instanceid";

/** @param instanceId the controller's instance ID; undefined or empty if it has none */
export function instanceLabels(instanceId: string | undefined): Record<string, string> {
  return instanceId ? { [instanceIdLabel]: instanceId } : {};
}

/** The beginning of an argo command for a namespace. Without the right instance ID the command refuses to touch a Workflow. */
export function argoCommand(namespace: string, instanceId: string | undefined): string {
  return `argo -n ${namespace}${instanceId ? ` --instanceid ${instanceId}` : ""}`;
}
