import { runName } from "../../components/vocabulary/runName.ts";

const pushed = {
  before: "a".repeat(40),
  after: "b".repeat(40),
  repository: "acme/shop",
};

export type Run = ReturnType<typeof runOf>;

/** The run of a push as the Sensor makes it. */
export function runOf(name: string, task: string, pushedAt = 1_767_225_600) {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      name: runName(name, "a salt", { task, ...pushed, pushedAt }),
      labels: {
        "app.kubernetes.io/name": "rex-remediation",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "remediation",
        "rex-remediation/task": task,
      } as Record<string, string>,
      ownerReferences: [{ apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTemplate", name, uid: "e2b4" }],
    } as Record<string, unknown> & { name: string; labels: Record<string, string>; ownerReferences: object[] },
    spec: {
      workflowTemplateRef: { name },
      priority: pushedAt as unknown,
      arguments: {
        parameters: [
          { name: "task", value: task },
          { name: "before", value: pushed.before },
          { name: "after", value: pushed.after },
          { name: "repository", value: pushed.repository },
          { name: "pushed-at", value: String(pushedAt) },
        ] as { name: string; value: unknown }[],
      },
    } as Record<string, unknown> & { arguments: { parameters: { name: string; value: unknown }[] } },
  };
}
