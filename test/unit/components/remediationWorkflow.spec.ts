import assert from "node:assert/strict";
import { RemediationWorkflow, type RemediationWorkflowArgs } from "../../../components/remediationWorkflow.ts";
import { asText, type RemediationConfig } from "../../../components/stepConfig.ts";
import { stepScript } from "../../../components/stepScripts.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";
import { unsetVariables, variablesOf } from "../../support/unsetVariables.ts";

const component = "rex-remediation:index:RemediationWorkflow";
const type = "kubernetes:argoproj.io/v1alpha1:WorkflowTemplate";
const configMap = "kubernetes:core/v1:ConfigMap";

const args: RemediationWorkflowArgs = {
  namespace: "agents",
  serviceAccountName: "rex",
  repositoryLabels: { "5dlabs/platform": "5dlabs-platform" },
  agents: { pusher: "5DLabs-Rex[bot]", toCancel: ["5DLabs-Cleo", "5DLabs-Tess"], maxToCancel: 12 },
  codeRuns: {
    group: "agents.platform",
    version: "v1",
    resource: "coderuns",
    taskLabel: "task-id",
    agentLabel: "github-app",
    repositoryLabel: "repository",
    finishedPhases: ["Succeeded", "Failed"],
  },
  mainWorkflows: {
    typeLabel: "workflow-type",
    type: "play",
    taskLabel: "task-id",
    stageLabel: "current-stage",
    repositoryLabel: "repository",
    stages: ["a", "b"],
    resetStage: "a",
  },
  pullRequests: {
    branchPrefix: "task-",
    taskLabelPrefix: "task-",
    readyLabel: "ready $(HOME)",
    holdLabel: "hold $(HOME)",
    comments: true,
  },
  githubApiUrl: "https://api.github.com",
  githubAppId: "1234",
  privateKeySecretName: "rex-github-app",
  steps: {
    image: "registry.example.com/steps:1",
    cancelTimeoutSeconds: 50,
    gateTimeoutSeconds: 55,
    stepTimeoutSeconds: 120,
    debounceSeconds: 30,
  },
  argo: { serverUrl: "https://argo.example.com", retentionDays: 7, maxConcurrentRemediations: 4 },
};

/** What the steps know of these. */
const config: RemediationConfig = {
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
    stages: ["a", "b"],
    resetStage: "a",
  },
  pusher: "5DLabs-Rex[bot]",
  branchPrefix: "task-",
  stepTimeoutSeconds: 120,
  argoServerUrl: "https://argo.example.com",
  codeRun: {
    group: "agents.platform",
    version: "v1",
    resource: "coderuns",
    taskLabel: "task-id",
    agentLabel: "github-app",
    repositoryLabel: "repository",
    finishedPhases: ["Succeeded", "Failed"],
  },
  agents: { toCancel: ["5DLabs-Cleo", "5DLabs-Tess"], maxToCancel: 12, pusherNames: ["5dlabs-rex", "rex"] },
  pull: { taskLabelPrefix: "task-", readyLabel: "ready $(HOME)", holdLabel: "hold $(HOME)", comments: true },
  debounceSeconds: 30,
  cancelTimeoutSeconds: 50,
  gateTimeoutSeconds: 55,
};

interface Container {
  name: string;
  command: string[];
  args: string[];
  env: { name: string; value?: string; valueFrom?: object }[];
  volumeMounts?: { name: string; mountPath: string }[];
  dependencies?: string[];
  image: string;
  securityContext: object;
  resources: { requests: object; limits: object };
}

interface Template {
  name: string;
  containerSet: { containers: Container[]; volumeMounts: object[] };
  container: Container;
  volumes: { name: string }[];
  retryStrategy: object;
  synchronization?: object;
  activeDeadlineSeconds: number;
  outputs: object;
  steps: object[][];
  metrics: { prometheus: { name: string; labels: object[]; when?: string; histogram?: { value: string } }[] };
}

async function rendered(changes: Partial<RemediationWorkflowArgs> = {}) {
  const { registrations, value } = await register(() =>
    resolved(new RemediationWorkflow("rex", { ...args, ...changes }).workflowTemplateName),
  );
  const { metadata, spec } = only(registrations, type).inputs as {
    metadata: Record<string, unknown>;
    spec: Record<string, unknown> & { templates: Template[] };
  };
  const template = (name: string) => spec.templates.find((one) => one.name === name) as Template;
  const { containers } = template("remediate").containerSet;
  const exitContainer = template("record-failure").container;
  return { registrations, value, metadata, spec, template, containers, exitContainer };
}

const timed = ["plan", "stop-qa", "restart-qa"];

const names = (list: { name: string }[] | undefined) => (list ?? []).map(({ name }) => name);

describe("RemediationWorkflow", () => {
  it("is one WorkflowTemplate, and a ConfigMap that limits how many of its runs work at once", async () => {
    const { registrations, value, metadata } = await rendered();
    assert.deepEqual(shape(registrations), [
      ` > ${component} rex`,
      `${component} > ${type} rex-workflow-template`,
      `${component} > ${configMap} rex-limits`,
    ]);
    assert.equal(value, "rex");
    assert.deepEqual([metadata.name, metadata.namespace], ["rex", "agents"]);
  });

  it("runs one remediation per task at a time, keeps runs for days, and labels its objects", async () => {
    const { spec } = await rendered();
    const { templates, arguments: parameters, podSpecPatch, podMetadata, ...rest } = spec;
    const labels = {
      "app.kubernetes.io/name": "rex-remediation",
      "app.kubernetes.io/instance": "rex",
      "app.kubernetes.io/component": "remediation",
    };
    assert.deepEqual(rest, {
      entrypoint: "remediate",
      onExit: "record-failure-if-any",
      workflowMetadata: { labels, labelsFrom: { "rex-remediation/task": { expression: "workflow.parameters.task" } } },
      serviceAccountName: "rex",
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: "RuntimeDefault" },
      },
      synchronization: { mutexes: [{ name: "rex-{{workflow.parameters.task}}" }] },
      ttlStrategy: { secondsAfterCompletion: 604800 },
    });
    const { annotations, ...metadata } = podMetadata as { annotations: Record<string, string> };
    assert.deepEqual(metadata, { labels });
    assert.deepEqual(Object.fromEntries(Object.entries(annotations).map(([key, value]) => [key, JSON.parse(value)])), {
      "rex-remediation/repositories": { "5dlabs/platform": "5dlabs-platform" },
      "rex-remediation/config": config,
    });
    assert.deepEqual(names(templates), ["remediate", "record-failure-if-any", "record-failure"]);
    const values = (parameters as { parameters: { name: string; value?: string }[] }).parameters;
    assert.deepEqual(
      values.map(({ name, value }) => [name, value]),
      [
        ["task", undefined],
        ["before", ""],
        ["after", ""],
        ["repository", ""],
        ["pushed-at", ""],
        ["dry-run", "false"],
      ],
    );
  });

  it("lets only so many remediations of all tasks have a pod [semaphore-on-template]", async () => {
    const { registrations, template } = await rendered();
    const { metadata, data } = only(registrations, configMap).inputs;
    const { name, namespace } = metadata as Record<string, string>;
    assert.deepEqual([name, namespace, data], ["rex-limits", "agents", { remediations: "4" }]);
    assert.deepEqual(template("remediate").synchronization, {
      semaphores: [{ configMapKeyRef: { name: "rex-limits", key: "remediations" } }],
    });
    // A failure is recorded without waiting.
    assert.equal(template("record-failure").synchronization, undefined);
  });

  it("runs the steps in one pod, one after the other [steps-in-one-pod]", async () => {
    const { containers } = await rendered();
    assert.deepEqual(
      containers.map(({ name, dependencies }) => [name, dependencies]),
      [
        ["plan", undefined],
        ["stop-qa", ["plan"]],
        ["restart-qa", ["stop-qa"]],
        ["main", ["restart-qa"]],
      ],
    );
    for (const { name, command, args, env } of containers) {
      const step = name === "main" ? "record" : (name as "plan");
      assert.deepEqual(
        [command, args],
        [
          ["bash", "-c"],
          [stepScript(step), step],
        ],
      );
      assert.equal(env.find((one) => one.name === "STEP")?.value, step);
    }
  });

  it("mounts the private key only for plan and the exit handler, and the token only for calls to GitHub [who-sees-the-private-key]", async () => {
    const { containers, template, exitContainer } = await rendered();
    const mounting = (volume: string) =>
      names(containers.filter(({ volumeMounts }) => names(volumeMounts).includes(volume)));
    assert.deepEqual(mounting("github-app"), ["plan"]);
    assert.deepEqual(mounting("github-token"), ["plan", "stop-qa", "main"]);
    assert.deepEqual(template("remediate").containerSet.volumeMounts, [
      { name: "remediation", mountPath: "/remediation" },
    ]);
    const volumes = (sizeLimit: string) => [
      { name: "remediation", emptyDir: { medium: "Memory", sizeLimit } },
      { name: "github-token", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      {
        name: "github-app",
        secret: {
          secretName: "rex-github-app",
          items: [{ key: "private-key.pem", path: "private-key.pem" }],
          defaultMode: 0o440,
        },
      },
    ];
    assert.deepEqual(template("remediate").volumes, volumes("64Mi"));
    assert.deepEqual(template("record-failure").volumes, volumes("16Mi"));
    assert.deepEqual(names(exitContainer.volumeMounts), ["remediation", "github-token", "github-app"]);
    const keyFile = containers.filter(({ env }) => names(env).includes("GITHUB_PRIVATE_KEY_FILE"));
    assert.deepEqual(names(keyFile), ["plan"]);
  });

  it("passes a step only the variables that its script mentions", async () => {
    const { containers, exitContainer } = await rendered();
    for (const { env, args } of [...containers, exitContainer]) {
      for (const { name } of env.filter(({ name }) => name !== "HOME")) {
        assert.match(args[0] ?? "", new RegExp(`\\b${name}\\b`), `${args[1]}: ${name}`);
      }
      assert.equal(new Set(names(env)).size, env.length, `${args[1]} has a variable twice`);
      assert.deepEqual(unsetVariables(args[0] ?? "", [...env, ...variablesOf(config)]), [], args[1]);
    }
    const environment = Object.fromEntries(
      containers[0]?.env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]) ?? [],
    );
    assert.deepEqual(environment, {
      CONFIG: { fieldRef: { fieldPath: "metadata.annotations['rex-remediation/config']" } },
      REPOSITORIES: { fieldRef: { fieldPath: "metadata.annotations['rex-remediation/repositories']" } },
      STEP: "plan",
      TASK: "{{workflow.parameters.task}}",
      BEFORE: "{{workflow.parameters.before}}",
      AFTER: "{{workflow.parameters.after}}",
      REPOSITORY: "{{workflow.parameters.repository}}",
      PUSHED_AT: "{{workflow.parameters.pushed-at}}",
      DRY_RUN: "{{workflow.parameters.dry-run}}",
      RUN_NAME: "{{workflow.name}}",
      SHARED_DIR: "/remediation",
      HOME: "/remediation",
      GITHUB_PRIVATE_KEY_FILE: "/secrets/github-app/private-key.pem",
      TOKEN_DIR: "/github-token",
    });
  });

  it("refuses a configuration that Argo would expand, and names the value", () => {
    const pull = { ...config.pull, readyLabel: "ready {{workflow.name}}" };
    assert.throws(
      () => asText({ ...config, pull }),
      /^Error: pull\.readyLabel: Argo Workflows would expand "\{\{" in "ready \{\{workflow\.name\}\}"$/,
    );
  });

  it("meets the restricted pod security standard in every container, including Argo's own", async () => {
    const { containers, exitContainer, spec } = await rendered();
    const restricted = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    };
    for (const one of [...containers, exitContainer]) {
      assert.deepEqual(one.securityContext, restricted, one.name);
      assert.deepEqual(one.resources, {
        requests: { cpu: "10m", memory: "32Mi" },
        limits: { cpu: "1", memory: "256Mi" },
      });
      assert.equal(one.image, "registry.example.com/steps:1");
    }
    const own = (name: string) => ({
      name,
      securityContext: restricted,
      resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
    });
    assert.deepEqual(JSON.parse(spec.podSpecPatch as string), {
      initContainers: [own("init")],
      containers: [own("wait")],
    });
  });

  it("tries a lost pod three times in total, each with a deadline", async () => {
    const { template } = await rendered();
    const retryStrategy = { limit: "2", retryPolicy: "Always", backoff: { duration: "2s", factor: 2 } };
    assert.deepEqual(
      [template("remediate").retryStrategy, template("remediate").activeDeadlineSeconds],
      [retryStrategy, 570],
    );
    assert.deepEqual(
      [template("record-failure").retryStrategy, template("record-failure").activeDeadlineSeconds],
      [retryStrategy, 180],
    );
  });

  it("outputs an outcome even if no step could write one, a report, and the seconds of each step", async () => {
    const seconds = (step: string) => ({
      name: `seconds-${step}`,
      valueFrom: { path: `/remediation/seconds/${step}`, default: "" },
    });
    assert.deepEqual((await rendered()).template("remediate").outputs, {
      parameters: [
        { name: "outcome", valueFrom: { path: "/remediation/outcome", default: "failed" } },
        { name: "report", valueFrom: { path: "/remediation/report", default: "" } },
        ...timed.map(seconds),
        { name: "round", valueFrom: { path: "/remediation/round", default: "" } },
      ],
    });
  });

  it("outputs why the run did not succeed, as the exit handler sums it up", async () => {
    assert.deepEqual((await rendered()).template("record-failure").outputs, {
      parameters: [{ name: "ending", valueFrom: { path: "/remediation/ending", default: "" } }],
    });
  });

  it("starts a pod to record a failure only if the run failed", async () => {
    const { template, exitContainer } = await rendered();
    assert.deepEqual(template("record-failure-if-any").steps, [
      [{ name: "record-failure", template: "record-failure", when: "{{workflow.status}} != Succeeded" }],
    ]);
    const { command, args: text, env } = exitContainer;
    assert.deepEqual(
      [command, text],
      [
        ["bash", "-c"],
        [stepScript("failed"), "failed"],
      ],
    );
    const environment = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    assert.deepEqual(
      [environment.FAILURES, environment.WORKFLOW_STATUS],
      ["{{workflow.failures}}", "{{workflow.status}}"],
    );
  });

  it("counts and times each run once, by outcome", async () => {
    const { template } = await rendered();
    const labels = [{ key: "outcome", value: "{{workflow.labels.rex-remediation/outcome}}" }];
    assert.deepEqual(
      template("record-failure-if-any").metrics.prometheus.map((metric) => [metric.name, metric.labels]),
      [
        ["rex_remediation_runs_total", labels],
        ["rex_remediation_duration_seconds", labels],
      ],
    );
  });

  it("times each step that did something", async () => {
    const { template } = await rendered();
    assert.deepEqual(
      template("remediate")
        .metrics.prometheus.slice(0, -1)
        .map(({ name, labels, when, histogram }) => [name, labels, when, histogram?.value]),
      timed.map((step) => [
        "rex_remediation_step_duration_seconds",
        [{ key: "step", value: step }],
        `'{{outputs.parameters.seconds-${step}}}' != ''`,
        `{{outputs.parameters.seconds-${step}}}`,
      ]),
    );
  });

  it("counts restarts by the round of their task, with a bucket for each possible alarms.maxRounds", async () => {
    const { template } = await rendered();
    assert.deepEqual(template("remediate").metrics.prometheus.at(-1), {
      name: "rex_remediation_round",
      help: "Round of the task that each restart of QA began: its first, second and so on.",
      when: "'{{outputs.parameters.round}}' != ''",
      histogram: {
        value: "{{outputs.parameters.round}}",
        buckets: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
      },
    });
  });
});
