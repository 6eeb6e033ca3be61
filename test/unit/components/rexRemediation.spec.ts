import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import type { RemediationConfig } from "../../../components/stepConfig.ts";
import { only, type Registration, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";
import { type ConfigValue, privateKey, setStackConfig } from "../../support/pulumi/stackConfig.ts";

let runs = 0;

/** Runs index.ts, the whole program, and also returns its outputs. */
async function program(changes: Record<string, ConfigValue> = {}) {
  const { registrations, value } = await register(async () => {
    setStackConfig(changes);
    runs += 1;
    const outputs: Record<string, pulumi.Output<unknown> | undefined> = await import(`../../../index.ts?run=${runs}`);
    const entries = Object.entries(outputs).map(
      async ([name, output]) => [name, output && (await resolved(output))] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  });
  return { registrations, outputs: value };
}

const whole = "rex-remediation:index:RexRemediation";
const part = (name: string) => `rex-remediation:index:${name}`;
const crd = (kind: string) => `kubernetes:argoproj.io/v1alpha1:${kind}`;
const rbac = (kind: string) => `kubernetes:rbac.authorization.k8s.io/v1:${kind}`;

const policy = (kind: string) => `kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy${kind}`;
const policies = [
  `${whole} > ${part("AdmissionPolicies")} rex-remediation`,
  ...["coderuns", "workflows", "taskresults", "runs", "swept", "sweptresults"].flatMap((subject) => [
    `${part("AdmissionPolicies")} > ${policy("")} rex-remediation-${subject}`,
    `${part("AdmissionPolicies")} > ${policy("Binding")} rex-remediation-${subject}`,
  ]),
];

const always = [
  ` > ${whole} rex-remediation`,
  `${whole} > ${part("GithubAppSecrets")} rex-remediation`,
  `${whole} > ${part("PushSensor")} rex-remediation`,
  `${whole} > ${part("RemediationAccess")} rex-remediation`,
  `${whole} > ${part("RemediationWorkflow")} rex-remediation`,
  `${whole} > ${part("Sweep")} rex-remediation`,
  `${part("Sweep")} > ${crd("CronWorkflow")} rex-remediation-sweep`,
  `${part("RemediationAccess")} > kubernetes:core/v1:ServiceAccount rex-remediation-sweep`,
  `${part("RemediationAccess")} > ${rbac("Role")} rex-remediation-sweep`,
  `${part("RemediationAccess")} > ${rbac("RoleBinding")} rex-remediation-sweep`,
  `${part("PushSensor")} > ${crd("Sensor")} rex-remediation-sensor`,
  `${part("RemediationAccess")} > kubernetes:core/v1:ServiceAccount rex-remediation`,
  `${part("RemediationAccess")} > kubernetes:core/v1:ServiceAccount rex-remediation-sensor`,
  `${part("RemediationAccess")} > ${rbac("Role")} rex-remediation`,
  `${part("RemediationAccess")} > ${rbac("Role")} rex-remediation-sensor`,
  `${part("RemediationAccess")} > ${rbac("RoleBinding")} rex-remediation`,
  `${part("RemediationAccess")} > ${rbac("RoleBinding")} rex-remediation-sensor`,
  `${part("RemediationWorkflow")} > ${crd("WorkflowTemplate")} rex-remediation-workflow-template`,
  `${part("RemediationWorkflow")} > kubernetes:core/v1:ConfigMap rex-remediation-limits`,
];
const ownEventSource = [
  `${whole} > ${part("PushEventSource")} rex-remediation`,
  `${part("PushEventSource")} > ${crd("EventSource")} rex-remediation-event-source`,
  `${part("PushEventSource")} > kubernetes:core/v1:Service rex-remediation-webhook`,
  `${part("RemediationAccess")} > kubernetes:core/v1:ServiceAccount rex-remediation-event-source`,
];
const secret = (name: string) => `${part("GithubAppSecrets")} > kubernetes:core/v1:Secret rex-remediation-${name}`;
const gatewayRoute = `${part("PushEventSource")} > kubernetes:gateway.networking.k8s.io/v1:HTTPRoute rex-remediation-webhook`;
const ingress = `${part("PushEventSource")} > kubernetes:networking.k8s.io/v1:Ingress rex-remediation-webhook`;
const eventBus = [
  `${whole} > ${part("EventBus")} rex-remediation`,
  `${part("EventBus")} > ${crd("EventBus")} rex-remediation-event-bus`,
];

const watch = [
  `${whole} > ${part("Alarms")} rex-remediation`,
  `${part("Alarms")} > kubernetes:monitoring.coreos.com/v1:PrometheusRule rex-remediation-alarms`,
  `${whole} > ${part("Dashboard")} rex-remediation`,
  `${part("Dashboard")} > kubernetes:core/v1:ConfigMap rex-remediation-dashboard`,
];

const sorted = (...lists: string[][]) => lists.flat().sort();
const objects = (registrations: Registration[]) => registrations.filter(({ type }) => type.startsWith("kubernetes:"));

describe("RexRemediation", () => {
  it("creates these objects and outputs with the minimal configuration", async () => {
    const { registrations, outputs } = await program();
    assert.deepEqual(
      shape(registrations),
      sorted(always, policies, ownEventSource, [secret("github-app"), secret("webhook")]),
    );
    const url = "http://rex-remediation-webhook.agent-platform.svc:12000/push";
    assert.deepEqual(outputs, {
      webhookUrl: url,
      inClusterWebhookUrl: url,
      namespace: "agent-platform",
      eventSource: "rex-remediation",
      sensor: "rex-remediation",
      workflowTemplate: "rex-remediation",
      serviceAccounts: {
        eventSource: "rex-remediation-event-source",
        sensor: "rex-remediation-sensor",
        remediation: "rex-remediation",
        sweep: "rex-remediation-sweep",
      },
    });
  });

  it("creates an Ingress and an EventBus if configured", async () => {
    const { registrations, outputs } = await program({ "ingress.host": "hooks.example.com", "eventBus.create": true });
    assert.deepEqual(
      shape(registrations),
      sorted(always, policies, ownEventSource, [secret("github-app"), secret("webhook"), ingress], eventBus),
    );
    assert.equal(outputs.webhookUrl, "https://hooks.example.com/push");
  });

  it("creates an HTTPRoute for a Gateway instead of an Ingress", async () => {
    const { registrations, outputs } = await program({ "gateway.host": "hooks.example.com", "gateway.name": "public" });
    assert.deepEqual(
      shape(registrations),
      sorted(always, policies, ownEventSource, [secret("github-app"), secret("webhook"), gatewayRoute]),
    );
    assert.equal(outputs.webhookUrl, "https://hooks.example.com/push");
  });

  it("creates alarms and a dashboard if configured", async () => {
    const { registrations } = await program({
      "alarms.enabled": true,
      "dashboard.enabled": true,
      "steps.debounceSeconds": 30,
    });
    assert.deepEqual(
      shape(registrations),
      sorted(always, policies, ownEventSource, [secret("github-app"), secret("webhook")], watch),
    );
    const { spec } = only(registrations, "kubernetes:monitoring.coreos.com/v1:PrometheusRule").inputs as {
      spec: { groups: { rules: { annotations: { summary: string } }[] }[] };
    };
    const summaries = spec.groups.flatMap(({ rules }) => rules.map(({ annotations }) => annotations.summary));
    assert.deepEqual(
      summaries.filter((summary) => summary.startsWith("Restarts take longer")),
      ["Restarts take longer than 150 s."],
    );
  });

  it("creates no Secret that already exists", async () => {
    const { registrations } = await program({
      githubAppPrivateKey: "",
      "githubApp.existingSecret": "app",
      webhookSecret: "",
      "webhook.existingSecret": "hook",
    });
    assert.deepEqual(shape(registrations), sorted(always, policies, ownEventSource));
  });

  it("listens to an existing EventSource, and then checks every push itself", async () => {
    const { registrations, outputs } = await program({
      webhookSecret: "",
      existingEventSource: { name: "github", event: "pushes" },
    });
    assert.deepEqual(shape(registrations), sorted(always, policies, [secret("github-app")]));
    assert.deepEqual(
      [outputs.webhookUrl, outputs.inClusterWebhookUrl, outputs.eventSource],
      [undefined, undefined, "github"],
    );
    assert.deepEqual(outputs.serviceAccounts, {
      eventSource: undefined,
      sensor: "rex-remediation-sensor",
      remediation: "rex-remediation",
      sweep: "rex-remediation-sweep",
    });
    const { spec } = only(registrations, crd("Sensor")).inputs as {
      spec: { dependencies: (Record<string, unknown> & { transform: { jq: string } })[] };
    };
    assert.deepEqual(
      spec.dependencies.map(({ eventSourceName, eventName }) => [eventSourceName, eventName]),
      [["github", "pushes"]],
    );
    assert.ok(spec.dependencies[0]?.transform.jq.includes('"5dlabs-rex[bot]"'));
  });

  it("creates no policies if they are turned off, and then the Sensor may only create", async () => {
    const { registrations } = await program({ admissionPolicies: false });
    assert.deepEqual(shape(registrations), sorted(always, ownEventSource, [secret("github-app"), secret("webhook")]));
    const role = registrations.find(({ type, name }) => type === rbac("Role") && name === "rex-remediation-sensor");
    assert.deepEqual(role?.inputs.rules, [{ apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["create"] }]);
    const { spec } = only(registrations, crd("Sensor")).inputs as {
      spec: { triggers: { template: { k8s: { operation: string } } }[] };
    };
    assert.deepEqual(
      spec.triggers.map(({ template }) => template.k8s.operation),
      ["create"],
    );
  });

  it("creates no sweep if it is turned off", async () => {
    const { registrations, outputs } = await program({ "sweep.schedule": "" });
    const swept = (line: string) => /:Sweep|rex-remediation-swe/.test(line);
    assert.deepEqual(
      shape(registrations),
      sorted(always, policies, ownEventSource, [secret("github-app"), secret("webhook")]).filter(
        (line) => !swept(line),
      ),
    );
    assert.equal((outputs.serviceAccounts as { sweep?: string }).sweep, undefined);
  });

  it("passes the configured limits to the steps", async () => {
    const { registrations } = await program({
      "agents.maxToCancel": 3,
      "pullRequest.holdLabel": "Wait",
      "agents.pusher": "Acme-Zed[bot]",
    });
    const { podMetadata } = only(registrations, crd("WorkflowTemplate")).inputs.spec as {
      podMetadata: { annotations: Record<string, string> };
    };
    const { agents, pull }: RemediationConfig = JSON.parse(podMetadata.annotations["rex-remediation/config"] ?? "");
    assert.deepEqual([agents.maxToCancel, pull.holdLabel, agents.pusherNames], [3, "Wait", ["acme-zed", "zed"]]);
  });

  it("sets name, labels and namespace of every object", async () => {
    const { registrations } = await program({
      name: "rex",
      namespace: "agents",
      "ingress.host": "a.b",
      "eventBus.create": true,
    });
    for (const { type, inputs } of objects(registrations)) {
      const { name, namespace, labels } = inputs.metadata as {
        name: string;
        namespace: string;
        labels: Record<string, string>;
      };
      const named = type === crd("EventBus") ? /^default$/ : /^rex($|-)/;
      assert.match(name, named, type);
      assert.equal(namespace, type.includes("AdmissionPolicy") ? undefined : "agents", type);
      assert.deepEqual(
        [
          labels["app.kubernetes.io/name"],
          labels["app.kubernetes.io/instance"],
          labels["app.kubernetes.io/managed-by"],
        ],
        ["rex-remediation", "rex", "pulumi"],
        type,
      );
    }
  });

  it("puts the secrets only into the two Secrets", async () => {
    const { registrations, outputs } = await program();
    const others = registrations.filter(({ type }) => type !== "kubernetes:core/v1:Secret");
    const text = JSON.stringify([others, outputs]);
    assert.ok(!text.includes("0123456789abcdef0123456789abcdef"));
    assert.ok(!text.includes(privateKey.slice(40, 80)));
    assert.deepEqual(
      others.flatMap(({ secretInputs }) => secretInputs),
      [],
    );
  });

  it("registers nothing when the configuration is bad", async () => {
    const { registrations } = await register(async () => {
      setStackConfig({ namespace: "No" });
      runs += 1;
      await assert.rejects(import(`../../../index.ts?run=${runs}`), /namespace: expected/);
    });
    assert.deepEqual(registrations, []);
  });
});
