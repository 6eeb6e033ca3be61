import assert from "node:assert/strict";
import { Workflow } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Workflow";
import { WorkflowStep } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/WorkflowStep";
import { WorkflowTemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/WorkflowTemplate";
import { type Manifest, manifests, ofKind } from "../support/pulumi/manifests.ts";
import { unknownFields } from "../support/pulumi/unknownFields.ts";

type Model = new (data: never) => { validate(): void };

/** Errors in an object by the schema of Argo Workflows 4: the first broken rule, or all unknown fields. */
function objections(Kind: Model, object: object): string[] {
  const model = new Kind(object as never);
  try {
    model.validate();
  } catch (error) {
    return [(error as Error).message];
  }
  // A parameter's description may be anything, so the validator knows the field but never reads it.
  return unknownFields({ ...model }, (value) => Kind.prototype.validate.call(value)).filter(
    (path) => !/\.parameters\[\d+\]\.description$/.test(path),
  );
}

interface Templates {
  templates: { name: string; steps?: object[][]; containerSet?: { containers: Record<string, unknown>[] } }[];
}

/** The WorkflowTemplate without the steps of its templates, and those steps separately. The models cannot read a list of lists. */
async function apart() {
  const template = ofKind(await manifests(), "WorkflowTemplate") as Manifest & { spec: Templates };
  const steps = template.spec.templates.flatMap((one) => (one.steps ?? []).flat());
  template.spec.templates = template.spec.templates.map(({ steps: _, ...rest }) => rest);
  return { template, steps };
}

describe("the schema of Argo Workflows 4, closed,", () => {
  it("accepts the WorkflowTemplate", async () => {
    const { template, steps } = await apart();
    assert.deepEqual(objections(WorkflowTemplate, template), []);
    assert.equal(steps.length, 1);
    assert.deepEqual(
      steps.flatMap((step) => objections(WorkflowStep, step)),
      [],
    );
  });

  it("accepts the Workflow that the Sensor creates", async () => {
    const { triggers } = ofKind(await manifests(), "Sensor").spec as {
      triggers: { template: { k8s: { source: { resource: object } } } }[];
    };
    assert.deepEqual(objections(Workflow, triggers[0]?.template.k8s.source.resource ?? {}), []);
  });

  it("refuses fields that version 4 removed, and misspelt ones", async () => {
    const { template } = await apart();
    Object.assign(template.spec, { synchronization: { mutex: { name: "rex" } } });
    Object.assign(template.spec.templates[0]?.containerSet?.containers[0] ?? {}, { volumeMount: [] });
    assert.deepEqual(objections(WorkflowTemplate, template), [
      ".spec.synchronization.mutex",
      ".spec.templates[0].containerSet.containers[0].volumeMount",
    ]);
  });
});
