const oldHead = "a".repeat(40);
const newHead = "b".repeat(40);

export type Run = ReturnType<typeof runOf>;

/** The run of a push as the Sensor makes it. */
export function runOf(name: string, task: string) {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      name: `${name}-${task}-${newHead.slice(0, 12)}-${oldHead.slice(0, 8)}`,
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
      priority: 1_767_225_600 as unknown,
      arguments: {
        parameters: [
          { name: "task", value: task },
          { name: "before", value: oldHead },
          { name: "after", value: newHead },
          { name: "repository", value: "acme/shop" },
          { name: "pushed-at", value: "1767225600" },
        ] as { name: string; value: unknown }[],
      },
    } as Record<string, unknown> & { arguments: { parameters: { name: string; value: unknown }[] } },
  };
}
