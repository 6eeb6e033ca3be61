import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import { only, type Registration, register, resolved } from "../../support/pulumi/mockEngine.ts";
import { errorOf } from "../../support/pulumi/refusal.ts";
import { setStackConfig } from "../../support/pulumi/stackConfig.ts";
import { repositoryNames } from "../../support/repositoryNames.ts";

const crd = (kind: string) => `kubernetes:argoproj.io/v1alpha1:${kind}`;
const policyType = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy";

let runs = 0;

/** All objects of the program for these repositories. */
async function objects(repositories: string[], more = {}): Promise<Registration[]> {
  const { registrations } = await register(async () => {
    setStackConfig({ repositories, ...more });
    runs += 1;
    const outputs: Record<string, pulumi.Output<unknown> | undefined> = await import(`../../../index.ts?many=${runs}`);
    await Promise.all(Object.values(outputs).map((output) => output && resolved(output)));
  });
  return registrations;
}

/** The error message for these repositories; undefined if they are accepted. */
const refusal = async (repositories: string[]) => (await errorOf({ repositories }))?.message;

/** The value as Go writes it in JSON. */
const inGo = (value: unknown) => JSON.stringify(value).replace(/[<>&]/g, "\\u0000");
const kib = 1024;
/** Linux's limit for one argument or one environment variable, including the variable's name and the final zero byte. */
const oneText = 128 * kib;

interface Pods {
  podMetadata: { annotations: Record<string, string> };
  templates: { name: string }[];
}

/** Sizes that come near a limit of Argo, the API server or Linux: the size and its limit, in bytes. */
function sizes(registrations: Registration[]): Record<string, [number, number]> {
  const inputs = (kind: string) => only(registrations, crd(kind)).inputs as Record<string, never>;
  const remediation = inputs("WorkflowTemplate").spec as unknown as Pods;
  const sweep = (inputs("CronWorkflow").spec as unknown as { workflowSpec: Pods }).workflowSpec;
  const inEnvironment = (variable: string, kind: string) => {
    const { metadata, spec } = inputs(kind) as unknown as {
      metadata: { name: string; namespace: string };
      spec: object;
    };
    const { name, namespace } = metadata;
    const object = inGo({ metadata: { name, namespace, creationTimestamp: null }, spec, status: {} });
    return variable.length + 2 + Buffer.from(object).toString("base64").length;
  };
  const annotations = ({ podMetadata }: Pods) => Object.entries(podMetadata.annotations).flat().join("").length;
  const annotation = ({ podMetadata }: Pods, name: string) =>
    podMetadata.annotations[`rex-remediation/${name.toLowerCase()}`]?.length ?? 0;
  const rules = registrations
    .filter(({ type }) => type === policyType)
    .flatMap(({ inputs: { spec } }) => {
      const { variables, validations } = spec as Record<string, { expression: string; messageExpression?: string }[]>;
      return [...(variables ?? []), ...(validations ?? [])];
    });
  const eventSources = registrations.some(({ type }) => type === crd("EventSource"));
  return Object.fromEntries([
    // Leaves room, because the steps will grow.
    ...[...remediation.templates, ...sweep.templates].map((template) => [
      `ARGO_TEMPLATE of ${template.name}`,
      [inGo(template).length, 120 * kib],
    ]),
    ...["REPOSITORIES", "CONFIG"].flatMap((name) => [
      [name, [annotation(remediation, name) + name.length + 2, oneText]],
      [`${name} of the sweep`, [annotation(sweep, name) + name.length + 2, oneText]],
    ]),
    // Argo's own annotations are short.
    ["annotations of a pod", [annotations(remediation), 250 * kib]],
    // kubectl apply stores the whole object in one annotation.
    ["WorkflowTemplate", [JSON.stringify(inputs("WorkflowTemplate")).length, 256 * kib]],
    ...(eventSources ? [["EVENTSOURCE_OBJECT", [inEnvironment("EVENTSOURCE_OBJECT", "EventSource"), oneText]]] : []),
    ["SENSOR_OBJECT", [inEnvironment("SENSOR_OBJECT", "Sensor"), oneText]],
    // The limit of CEL's parser.
    ["the longest expression of a policy", [Math.max(...rules.map(({ expression }) => expression.length)), 100_000]],
    // If a refusal is longer, the API server shows the expression instead. An object's name in it has at most 253 characters.
    [
      "the longest refusal of a policy",
      [Math.max(...rules.map(({ messageExpression = "" }) => messageExpression.length)), 5 * kib - 253],
    ],
  ]);
}

const tooBig = (registrations: Registration[]) =>
  Object.entries(sizes(registrations)).filter(([, [has, may]]) => has > may);

const existingEventSource = { existingEventSource: { name: "github", event: "push" }, webhookSecret: "" };

/** test/policies/manyRepositories.spec.ts tests that the API server accepts such policies. */
describe("many repositories", function () {
  this.timeout(120_000);

  it("fit if there are 500 with names of 43 characters, even if the steps grow by 8 KiB", async () => {
    const registrations = await objects(repositoryNames(500, { characters: 43, owners: 7 }));
    assert.deepEqual(tooBig(registrations), []);
    const all = sizes(registrations);
    const [remediate = 0, may = 0] = all["ARGO_TEMPLATE of remediate"] ?? [];
    assert.ok(remediate > 0 && remediate <= may - 8 * kib, `template remediate has ${remediate} bytes`);
  });

  it("do not change the size of a step", async () => {
    const [few, many] = [
      await objects(["acme/shop"]),
      await objects(repositoryNames(500, { characters: 43, owners: 7 })),
    ];
    const templates = (registrations: Registration[]) =>
      (only(registrations, crd("WorkflowTemplate")).inputs.spec as unknown as Pods).templates;
    assert.deepEqual(templates(many), templates(few));
  });

  const shapes = {
    "names of 43 characters": { characters: 43, owners: 7 },
    "names of 43 characters, each of another owner": { characters: 43, owners: 9999 },
    "short names": { characters: 10, owners: 9999 },
    "GitHub's longest names": { characters: 140, owners: 3 },
  };
  for (const [title, shape] of Object.entries(shapes)) {
    it(`are accepted up to the largest number that fits, and refused above it with a message that names it: ${title}`, async () => {
      const names = repositoryNames(4000, shape);
      const message = (await refusal(names)) ?? "";
      const most = Number(/repositories: expected at most (\d+) with names of this length/.exec(message)?.[1]);
      assert.equal(
        message,
        `One value of the stack's configuration cannot be used. docs/configuration.md describes every key.
  repositories: expected at most ${most} with names of this length, because more do not fit into the objects that list them; got 4000.
      Move the others to a second stack with another name (docs/environments.md), starting with this one: pulumi config rm --path 'repositories[${most}]'`,
      );
      const fitting = names.slice(0, most);
      assert.deepEqual(
        [await refusal(fitting), (await refusal(names.slice(0, most + 1))) === undefined],
        [undefined, false],
      );
      assert.deepEqual(tooBig(await objects(fitting)), []);
      assert.deepEqual(tooBig(await objects(fitting, existingEventSource)), []);
    });
  }
});
