import assert from "node:assert/strict";
import { stepScript } from "../../../components/stepScripts.ts";
import { Sweep, type SweepArgs } from "../../../components/sweep.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";
import { unsetVariables } from "../../support/unsetVariables.ts";

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

/** What the sweep does is shown by test/steps/sweep.spec.ts, and on the node by test/chain/sweep. */
describe("Sweep", () => {
  it("is one CronWorkflow, of which one run is at work at a time", async () => {
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

  it("runs the step with what it needs, and no more", async () => {
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
    assert.deepEqual(unsetVariables(text[0] ?? "", env), []);
    assert.deepEqual(spec.workflowSpec.podMetadata, {
      labels: {
        "app.kubernetes.io/name": "rex-remediation",
        "app.kubernetes.io/instance": "rex",
        "app.kubernetes.io/component": "sweep",
      },
      annotations: { "rex-remediation/repositories": '{"5dlabs/platform":"5dlabs-platform"}' },
    });
    assert.deepEqual(Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom])), {
      STEP: "sweep",
      RUN_NAME: "{{workflow.name}}",
      NAME: "rex",
      NAMESPACE: "agents",
      REPOSITORIES: { fieldRef: { fieldPath: "metadata.annotations['rex-remediation/repositories']" } },
      REPOSITORY: "",
      ARGO_INSTANCE_ID: "",
      BRANCH_PREFIX: "task-",
      PUSHER: "5DLabs-Rex[bot]",
      WEBHOOK_URL: "https://hooks.example.com/push",
      WORKFLOW_TEMPLATE_UID: "uid",
      RUN_SALT: "5a17",
      INSTALLED_AT: "2026-01-01T00:00:00Z",
      SWEEP_AFTER_SECONDS: "400",
      RETENTION_DAYS: "7",
      MAIN_WORKFLOW_TYPE_LABEL: "workflow-type",
      MAIN_WORKFLOW_TYPE: "play",
      MAIN_WORKFLOW_TASK_LABEL: "task-id",
      MAIN_WORKFLOW_REPOSITORY_LABEL: "repository",
      GITHUB_API_URL: "https://api.github.com",
      GITHUB_APP_ID: "1234",
      GITHUB_INSTALLATION_ID: "",
      STEP_DEADLINE_SECONDS: "120",
      SHARED_DIR: "/remediation",
      HOME: "/remediation",
      GITHUB_PRIVATE_KEY_FILE: "/secrets/github-app/private-key.pem",
      TOKEN_DIR: "/github-token",
    });
  });

  it("asks for no delivery again where it is not known where the webhook goes", async () => {
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

  it("counts a sweep that did its work as one that did well, too, where only Argo's own container failed", async () => {
    const { template } = await rendered();
    const done = template.metrics.prometheus.filter(({ when }) => when?.includes("exitCode"));
    assert.deepEqual(
      done.map(({ labels }) => labels),
      [[{ key: "status", value: "Succeeded" }]],
    );
  });
});
