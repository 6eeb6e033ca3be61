import { unfilledRun } from "../../components/vocabulary/run.ts";
import { runName } from "../../components/vocabulary/runName.ts";

const pushed = {
  before: "a".repeat(40),
  after: "b".repeat(40),
  repository: "acme/shop",
};

export type Run = ReturnType<typeof runOf>;

/** The run of a push as the Sensor makes it. */
export function runOf(name: string, task: string, pushedAt = 1_767_225_600) {
  const { apiVersion, kind, metadata, spec } = unfilledRun({
    name,
    namespace: "",
    workflowTemplateName: name,
    workflowTemplateUid: "e2b4",
  });
  const { labels, ownerReferences } = metadata;
  const values: Record<string, string> = { task, ...pushed, "pushed-at": `${pushedAt}` };
  return {
    apiVersion,
    kind,
    metadata: {
      name: runName(name, "a salt", { task, ...pushed, pushedAt }),
      labels: { ...labels, "rex-remediation/task": task },
      ownerReferences,
    } as Record<string, unknown> & { name: string; labels: Record<string, string>; ownerReferences: object[] },
    spec: {
      workflowTemplateRef: spec.workflowTemplateRef,
      priority: pushedAt as unknown,
      arguments: {
        parameters: spec.arguments.parameters.map(({ name }) => ({ name, value: values[name] as unknown })),
      },
    } as Record<string, unknown> & { arguments: { parameters: { name: string; value: unknown }[] } },
  };
}
