/**
 * Where a cluster has several of Argo's workflow controllers, each has an instance ID, and takes only Workflows and CronWorkflows with a
 * label of that value; one without an ID takes only those without the label.
 *
 * @see https://argo-workflows.readthedocs.io/en/latest/scaling/#instance-id
 */
export const instanceIdLabel = "workflows.argoproj.io/controller-instanceid";

/** @param instanceId of the controller that is meant; undefined or empty for the one without */
export function instanceLabels(instanceId: string | undefined): Record<string, string> {
  return instanceId ? { [instanceIdLabel]: instanceId } : {};
}

/** How people call Argo for the objects of a namespace. The command refuses Workflows of another instance ID than it is told. */
export function argoCommand(namespace: string, instanceId: string | undefined): string {
  return `argo -n ${namespace}${instanceId ? ` --instanceid ${instanceId}` : ""}`;
}
