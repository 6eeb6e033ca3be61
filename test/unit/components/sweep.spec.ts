import assert from "node:assert/strict";
import { stepScript } from "../../../components/stepScripts.ts";
import { Sweep, type SweepArgs } from "../../../components/sweep.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";
import { unsetVariables, variablesOf } from "../../support/unsetVariables.ts";

const component = "rex-remediation:index:Sweep";
const type = "kubernetes:argoproj.io/v1alpha1:CronWorkflow";

const args: SweepArgs = {
  namespace: "agents",
  serviceAccountName: "rex-sweep",
  schedule: "*/7 * * * *",
  afterSeconds: 400,
  pusher: "5DLabs-Rex[bot]",
  branchPrefix: "task-",
  repositoryLabels: { "5dlabs/platform": "5dlabs-platform" },
  mainWorkflows: {
    typeLabel: "workflow-type",
    type: "play",
    taskLabel: "task-id",
    stageLabel: "current-stage",
    repositoryLabel: "repository",
  },
  githubApiUrl: "https://api.github.com",
  githubAppId: "1234",
  privateKeySecretName: "rex-github-app",
  webhookUrl: "https://hooks.example.com/push",
  workflowTemplateUid: "uid",
  runSalt: "5a17",
  installedAt: "2026-01-01T00:00:00Z",
  retentionDays: 7,
  image: "registry.example.com/steps:1",
  stepTimeoutSeconds: 120,
};

interface Spec {
  schedules: string[];
  concurrencyPolicy: string;
  workflowSpec: Record<string, unknown> & {
    templates: {
      name: string;
      activeDeadlineSeconds: number;
      retryStrategy: { retryPolicy: string };
      container: {
        command: string[];
        args: string[];
        env: { name: string; value?: string; valueFrom?: object }[];
        volumeMounts: { name: string }[];
      };
      volumes: { name: string }[];
      metrics: { prometheus: { name: string; when?: string; labels?: object[]; counter: object }[] };
    }[];
  };
}

async function rendered(changes: Partial<SweepArgs> = {}) {
  const { registrations, value } = await register(() =>
    resolved(new Sweep("rex", { ...args, ...changes }).cronWorkflowName),
  );
  const spec = only(registrations, type).inputs.spec as Spec;
  const template = spec.workflowSpec.templates[0];
  const container = template?.container;
  assert.ok(template && container);
  return { registrations, value, spec, template, container };
}

/** test/steps/sweep.spec.ts tests what the sweep does, test/chain/sweep does so in a cluster. */
describe("Sweep", () => {
  it("is one CronWorkflow whose runs never overlap", async () => {
    const { registrations, value, spec } = await rendered();
    assert.deepEqual(shape(registrations), [` > ${component} rex`, `${component} > ${type} rex-sweep`]);
    assert.equal(value, "rex-sweep");
    assert.deepEqual([spec.schedules, spec.concurrencyPolicy], [["*/7 * * * *"], "Forbid"]);
    const { entrypoint, serviceAccountName, ttlStrategy } = spec.workflowSpec;
    assert.deepEqual(
      [entrypoint, serviceAccountName, ttlStrategy],
      ["sweep", "rex-sweep", { secondsAfterCompletion: 86_400 }],
    );
  });

  it("passes the step only what it needs", async () => {
    const { spec, template, container } = await rendered();
    const { command, args: text, env, volumeMounts } = container;
    assert.deepEqual(
      [command, text],
      [
        ["bash", "-c"],
        [stepScript("sweep"), "sweep"],
      ],
    );
    assert.deepEqual(
      volumeMounts.map(({ name }) => name),
      ["remediation", "github-token", "github-app"],
    );
    assert.deepEqual(
      template.volumes.map(({ name }) => name),
      ["remediation", "github-token", "github-app"],
    );
    assert.equal(template.activeDeadlineSeconds, 180);
    assert.equal(template.retryStrategy.retryPolicy, "OnError");
    const { annotations } = spec.workflowSpec.podMetadata as { annotations: Record<string, string> };
    const config = JSON.parse(annotations["rex-remediation/config"] ?? "");
    assert.deepEqual(unsetVariables(text[0] ?? "", [...env, ...variablesOf(config)]), []);
    assert.deepEqual(spec.workflowSpec.podMetadata, {
      labels: {
        "app.kubernetes.io/name": "rex-remediation",
        "app.kubernetes.io/instance": "rex",
        "app.kubernetes.io/component": "sweep",
      },
      annotations: {
        "rex-remediation/repositories": '{"5dlabs/platform":"5dlabs-platform"}',
        "rex-remediation/config": JSON.stringify({
          name: "rex",
          namespace: "agents",
          argo: "argo -n agents",
          argoInstanceId: "",
          github: { apiUrl: "https://api.github.com", appId: "1234", installationId: "" },
          main: {
            typeLabel: "workflow-type",
            type: "play",
            taskLabel: "task-id",
            stageLabel: "current-stage",
            repositoryLabel: "repository",
          },
          pusher: "5DLabs-Rex[bot]",
          branchPrefix: "task-",
          stepTimeoutSeconds: 120,
          afterSeconds: 400,
          retentionDays: 7,
        }),
      },
    });
    assert.deepEqual(Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom])), {
      CONFIG: { fieldRef: { fieldPath: "metadata.annotations['rex-remediation/config']" } },
      REPOSITORIES: { fieldRef: { fieldPath: "metadata.annotations['rex-remediation/repositories']" } },
      STEP: "sweep",
      RUN_NAME: "{{workflow.name}}",
      WEBHOOK_URL: "https://hooks.example.com/push",
      WORKFLOW_TEMPLATE_UID: "uid",
      RUN_SALT: "5a17",
      INSTALLED_AT: "2026-01-01T00:00:00Z",
      SHARED_DIR: "/remediation",
      HOME: "/remediation",
      GITHUB_PRIVATE_KEY_FILE: "/secrets/github-app/private-key.pem",
      TOKEN_DIR: "/github-token",
    });
  });

  it("requests no redelivery if the webhook's URL is not known", async () => {
    const { container } = await rendered({ webhookUrl: undefined });
    assert.equal(container.env.find(({ name }) => name === "WEBHOOK_URL")?.value, "");
  });

  it("counts what it did", async () => {
    const { template } = await rendered();
    assert.deepEqual(
      template.metrics.prometheus.map(({ name, when, labels, counter }) => [name, when ?? labels, counter]),
      [
        ["rex_remediation_sweeps_total", [{ key: "status", value: "{{status}}" }], { value: "1" }],
        ["rex_remediation_sweeps_total", "'{{status}}' != 'Succeeded' && '{{exitCode}}' == '0'", { value: "1" }],
        [
          "rex_remediation_swept_pushes_total",
          "'{{outputs.parameters.started}}' != ''",
          { value: "{{outputs.parameters.started}}" },
        ],
        [
          "rex_remediation_redeliveries_total",
          "'{{outputs.parameters.redelivered}}' != ''",
          { value: "{{outputs.parameters.redelivered}}" },
        ],
      ],
    );
  });

  it("also counts a sweep as succeeded if only Argo's own container failed", async () => {
    const { template } = await rendered();
    const done = template.metrics.prometheus.filter(({ when }) => when?.includes("exitCode"));
    assert.deepEqual(
      done.map(({ labels }) => labels),
      [[{ key: "status", value: "Succeeded" }]],
    );
  });
});
