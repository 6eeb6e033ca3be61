import type { Cluster } from "../cluster.ts";
import type { PushOptions } from "../github/index.ts";
import type { Platform, Task } from "../platform.ts";
import type { Workflow } from "../workflows.ts";

/** A push to a task's branch, and the run for it. */
export interface PushedRun {
  run: string;
  push: PushOptions;
  pushedAt: Date;
}

/** The Workflow that a Sensor creates for a push, as its trigger defines it. */
interface TriggerResource extends Workflow {
  metadata: Workflow["metadata"] & { ownerReferences: object[] };
}

/**
 * Creates the Workflow that the deployed Sensor would create for a push to the task's branch. So a case does not depend on EventSource and
 * Sensor.
 *
 * @param template WorkflowTemplate to run instead of the Sensor's, with its UID
 */
export async function startRun(
  platform: Platform,
  task: Task,
  template?: { name: string; uid: string },
): Promise<PushedRun> {
  const pushed = await pushWithoutDelivery(platform, task);
  const workflow = await triggerResource(platform.cluster);
  const { push } = pushed;
  const values = [task.id, push.before, push.after, task.repository, String(push.pushedAt)];
  const { parameters } = workflow.spec.arguments as { parameters: { name: string; value: string }[] };
  workflow.metadata.name = pushed.run;
  workflow.metadata.labels = { ...workflow.metadata.labels, "rex-remediation/task": task.id };
  workflow.spec.priority = push.pushedAt;
  workflow.spec.arguments = {
    parameters: parameters.map((parameter, index) => ({ ...parameter, value: values[index] ?? parameter.value })),
  };
  if (template !== undefined) {
    workflow.spec.workflowTemplateRef = { name: template.name };
    workflow.metadata.ownerReferences = [{ apiVersion: workflow.apiVersion, kind: "WorkflowTemplate", ...template }];
  }
  await platform.cluster.create<Workflow>(workflow);
  return { ...pushed, pushedAt: new Date() };
}

/** Pushes to the task's branch on GitHub, but delivers no event. */
export async function pushWithoutDelivery(platform: Platform, task: Task): Promise<PushedRun> {
  const push: PushOptions = {
    ref: `refs/heads/${task.branch}`,
    ...(await platform.moveBranch(task)),
    pushedAt: platform.clock(),
  };
  return { run: platform.runName(task.id, push), push, pushedAt: new Date() };
}

async function triggerResource(cluster: Cluster): Promise<TriggerResource> {
  const sensor = (await cluster.custom.getNamespacedCustomObject({
    group: "argoproj.io",
    version: "v1alpha1",
    plural: "sensors",
    namespace: cluster.namespace,
    name: "rex-remediation",
  })) as { spec: { triggers: { template: { k8s: { source: { resource: TriggerResource } } } }[] } };
  const resource = sensor.spec.triggers[0]?.template.k8s.source.resource;
  if (resource === undefined) throw new Error("the Sensor has no trigger that creates a Workflow");
  return resource;
}
