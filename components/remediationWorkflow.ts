import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { privateKeyKey } from "./githubAppSecrets.ts";
import { commonLabels, outcomeLabel, runLabels, taskLabel } from "./labels.ts";
import { resources, restrictedContainer, restrictedPod } from "./podSecurity.ts";
import { type Step, stepScript, untouchedByKubelet } from "./stepScripts.ts";

/** How CodeRuns look. */
export interface CodeRunArgs {
  group: pulumi.Input<string>;
  version: pulumi.Input<string>;
  /** Plural name. */
  resource: pulumi.Input<string>;
  /** Label that holds the task's number. */
  taskLabel: pulumi.Input<string>;
  /** Label that holds the agent's name. */
  agentLabel: pulumi.Input<string>;
  /** Label that may hold the repository, as owner-name. */
  repositoryLabel: pulumi.Input<string>;
  /** Values of `status.phase` at which a CodeRun has ended, so that there is nothing to cancel. */
  finishedPhases: pulumi.Input<string[]>;
}

/** How main workflows look. */
export interface MainWorkflowArgs {
  /** Label whose value {@link type} makes a workflow a main one. */
  typeLabel: pulumi.Input<string>;
  type: pulumi.Input<string>;
  /** Label that holds the task's number. */
  taskLabel: pulumi.Input<string>;
  /** Label that holds the stage. */
  stageLabel: pulumi.Input<string>;
  /** Label that may hold the repository, as owner-name. */
  repositoryLabel: pulumi.Input<string>;
  /** Every stage, in order. */
  stages: pulumi.Input<string[]>;
  /** The stage that a push sets back to. */
  resetStage: pulumi.Input<string>;
}

/** How pull requests look. */
export interface PullRequestArgs {
  /** A task's pull request carries a label of this and the task's number. */
  taskLabelPrefix: pulumi.Input<string>;
  /** The label that a push takes off. */
  readyLabel: pulumi.Input<string>;
  /** The label with which a person holds a task: no remediation of it begins. */
  holdLabel: pulumi.Input<string>;
}

/** What the steps run in, and how long they may take. */
export interface StepsArgs {
  /** Image with bash, coreutils, curl, jq, openssl and kubectl. */
  image: pulumi.Input<string>;
  /** Limit for the proof that the cancelled agents are gone. */
  cancelSeconds: pulumi.Input<number>;
  /** Limit for the main workflow to reach its gate once an agent was cancelled. */
  gateSeconds: pulumi.Input<number>;
  /** Limit for each step. */
  deadlineSeconds: pulumi.Input<number>;
}

export interface RemediationWorkflowArgs {
  namespace: pulumi.Input<string>;
  serviceAccountName: pulumi.Input<string>;
  /** The value of the repository label, for each repository as owner/name in lower case. */
  repositoryLabels: pulumi.Input<Record<string, string>>;
  /** What the name of a task branch begins with; the task's number follows. */
  branchPrefix: pulumi.Input<string>;
  /** Agents whose CodeRuns a push cancels. */
  agentsToCancel: pulumi.Input<string[]>;
  /** A task with more agents to cancel than this stops the remediation before anything is touched. */
  maxAgentsToCancel: pulumi.Input<number>;
  /** Names of the pusher in lower case. One of them in a label of a CodeRun to cancel stops the remediation likewise. */
  pusherNames: pulumi.Input<string[]>;
  codeRuns: CodeRunArgs;
  mainWorkflows: MainWorkflowArgs;
  pullRequests: PullRequestArgs;
  /** Base URL of GitHub's REST API. */
  githubApiUrl: pulumi.Input<string>;
  githubAppId: pulumi.Input<string>;
  /** Default: asked of GitHub for the pushed repository. */
  githubInstallationId?: pulumi.Input<string>;
  /** Secret whose key `private-key.pem` holds the App's private key. */
  privateKeySecretName: pulumi.Input<string>;
  steps: StepsArgs;
  /** How long a Workflow is kept after its end. */
  retentionDays: pulumi.Input<number>;
}

/** The templates that have a pod. Argo makes the pod's name of the run's, the template's and a number. */
export const podTemplates = ["remediate", "record-failure"] as const;
const [remediate, recordFailure] = podTemplates;

const keyDirectory = "/secrets/github-app";
const tokenDirectory = "/github-token";
const sharedDirectory = "/remediation";

const sharedMount = { name: "remediation", mountPath: sharedDirectory };
const tokenMount = { name: "github-token", mountPath: tokenDirectory };
const keyMount = { name: "github-app", mountPath: keyDirectory, readOnly: true };

const inMemory = (name: string, sizeLimit: string) => ({ name, emptyDir: { medium: "Memory", sizeLimit } });

/**
 * The WorkflowTemplate of a remediation: one pod with a container for each step, and an exit handler that records a failure. The
 * bash of the steps is part of it, so that a run keeps the version it began with.
 *
 * @see https://argo-workflows.readthedocs.io/en/latest/container-set-template/
 */
export class RemediationWorkflow extends pulumi.ComponentResource {
  readonly workflowTemplateName: pulumi.Output<string>;
  /** Identity of the WorkflowTemplate, for what shall go when it goes. */
  readonly workflowTemplateUid: pulumi.Output<string>;

  constructor(name: string, args: RemediationWorkflowArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:RemediationWorkflow", name, {}, opts);
    const template = new k8s.apiextensions.CustomResource(
      `${name}-workflow-template`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "WorkflowTemplate",
        metadata: { name, namespace: args.namespace, labels: commonLabels(name, "remediation") },
        spec: {
          entrypoint: remediate,
          onExit: "record-failure-if-any",
          arguments: {
            parameters: [
              { name: "task", description: "Number of the task." },
              { name: "before", description: "Head of the branch before the push, 40 hexadecimal digits." },
              { name: "after", description: "Head of the branch after the push, 40 hexadecimal digits." },
              { name: "repository", description: "Pushed repository, owner/name." },
              { name: "pushed-at", description: "GitHub's time of the push, in seconds since 1970." },
              { name: "dry-run", description: "true: plan, say what would be done, touch nothing.", value: "false" },
            ],
          },
          workflowMetadata: {
            labels: runLabels(name, "remediation"),
            labelsFrom: { [taskLabel]: { expression: "workflow.parameters.task" } },
          },
          podMetadata: { labels: runLabels(name, "remediation") },
          serviceAccountName: args.serviceAccountName,
          securityContext: restrictedPod,
          podSpecPatch: JSON.stringify(patchOfArgosContainers),
          // Of several runs for one task one works at a time, the newest push first; a waiting one has no pod.
          synchronization: { mutexes: [{ name: `${name}-{{workflow.parameters.task}}` }] },
          ttlStrategy: {
            secondsAfterCompletion: pulumi.output(args.retentionDays).apply((days) => days * 24 * 60 * 60),
          },
          templates: pulumi
            .output([remediateTemplate(name, args), exitTemplate(), recordFailureTemplate(name, args)])
            .apply((templates) => templates.map(thatFits)),
        },
      },
      { parent: this },
    );
    this.workflowTemplateName = template.metadata.name;
    this.workflowTemplateUid = template.metadata.uid;
    this.registerOutputs({
      workflowTemplateName: this.workflowTemplateName,
      workflowTemplateUid: this.workflowTemplateUid,
    });
  }
}

/** Argo's own containers violate the restricted standard unless told otherwise, and have no resources. */
const patchOfArgosContainers = {
  initContainers: [ownContainer("init")],
  containers: [ownContainer("wait")],
};

function ownContainer(name: string) {
  return {
    name,
    securityContext: restrictedContainer,
    resources: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "500m", memory: "256Mi" }),
  };
}

function remediateTemplate(name: string, args: RemediationWorkflowArgs) {
  const step = (step: Step, dependencies: string[], own: Partial<ContainerParts> = {}) =>
    stepContainer(step === "record" ? "main" : step, step, name, args, { dependencies, ...own });
  return {
    name: remediate,
    // Retries of calls happen inside a step. This is for a pod that was lost, and for a plan that has to be made anew.
    retryStrategy: { limit: "2", retryPolicy: "Always", backoff: { duration: "2s", factor: 2 } },
    // At most five steps follow one another, and the pod has to start.
    activeDeadlineSeconds: pulumi.output(args.steps.deadlineSeconds).apply((seconds) => 5 * seconds + 60),
    volumes: [
      inMemory(sharedMount.name, "64Mi"),
      inMemory(tokenMount.name, "1Mi"),
      {
        name: keyMount.name,
        secret: {
          secretName: args.privateKeySecretName,
          items: [{ key: privateKeyKey, path: privateKeyKey }],
          defaultMode: 0o440,
        },
      },
    ],
    containerSet: {
      volumeMounts: [sharedMount],
      containers: [
        step("plan", [], {
          volumeMounts: [tokenMount, keyMount],
          env: [
            { name: "GITHUB_PRIVATE_KEY_FILE", value: `${keyDirectory}/${privateKeyKey}` },
            { name: "TOKEN_DIR", value: tokenDirectory },
          ],
        }),
        step("cancel-agents", ["plan"]),
        step("remove-label", ["plan"], {
          volumeMounts: [tokenMount],
          env: [{ name: "TOKEN_DIR", value: tokenDirectory }],
        }),
        // It looks once more whether the label came back.
        step("reset-stage", ["cancel-agents", "remove-label"], {
          volumeMounts: [tokenMount],
          env: [{ name: "TOKEN_DIR", value: tokenDirectory }],
        }),
        step("resume", ["reset-stage"]),
        step("record", ["resume"]),
      ],
    },
    outputs: {
      parameters: [{ name: "outcome", valueFrom: { path: `${sharedDirectory}/outcome`, default: "failed" } }],
    },
  };
}

/**
 * The exit handler: a pod only for a failed run. It counts every run, because only at its end is the outcome known, from the label that
 * `record` or `failed` set, however often the pod was tried.
 */
function exitTemplate() {
  const labels = [{ key: "outcome", value: `{{workflow.labels.${outcomeLabel}}}` }];
  return {
    name: "record-failure-if-any",
    steps: [[{ name: "record-failure", template: recordFailure, when: "{{workflow.status}} != Succeeded" }]],
    metrics: {
      prometheus: [
        {
          name: "rex_remediation_runs_total",
          help: "Remediations, by outcome.",
          labels,
          counter: { value: "1" },
        },
        {
          name: "rex_remediation_duration_seconds",
          help: "Seconds from the start of a remediation to its end, by outcome.",
          labels,
          histogram: { value: "{{workflow.duration}}", buckets: [5, 10, 15, 20, 30, 45, 60, 90, 120, 300] },
        },
      ],
    },
  };
}

function recordFailureTemplate(name: string, args: RemediationWorkflowArgs) {
  const container = stepContainer("main", "failed", name, args, {
    volumeMounts: [sharedMount],
    env: [
      { name: "WORKFLOW_STATUS", value: "{{workflow.status}}" },
      { name: "FAILURES", value: "{{workflow.failures}}" },
    ],
  });
  return {
    name: recordFailure,
    retryStrategy: { limit: "2", retryPolicy: "Always", backoff: { duration: "2s", factor: 2 } },
    activeDeadlineSeconds: pulumi.output(args.steps.deadlineSeconds).apply((seconds) => seconds + 60),
    volumes: [inMemory(sharedMount.name, "16Mi")],
    container,
  };
}

/** Argo hands a template to its pod in one environment variable, and moves a larger one to a ConfigMap, which it may not be allowed to. */
const largestTemplate = 120 * 1024;

function thatFits<T extends { name: string }>(template: T): T {
  const size = Buffer.byteLength(JSON.stringify(template));
  if (size > largestTemplate) {
    throw new Error(
      `template ${template.name} has ${size} bytes, more than the ${largestTemplate} that fit into a pod's environment`,
    );
  }
  return template;
}

interface EnvironmentVariable {
  name: string;
  value: pulumi.Input<string>;
}

interface ContainerParts {
  dependencies: string[];
  env: EnvironmentVariable[];
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}

function stepContainer(
  containerName: string,
  step: Step,
  name: string,
  args: RemediationWorkflowArgs,
  own: Partial<ContainerParts>,
) {
  const script = stepScript(step);
  return {
    name: containerName,
    image: args.steps.image,
    imagePullPolicy: "IfNotPresent",
    // The step's name becomes $0, which bash puts before its messages.
    command: ["bash", "-c"],
    args: [script, step],
    env: [{ name: "STEP", value: step }, ...commonEnvironment(name, args, script), ...(own.env ?? [])],
    securityContext: restrictedContainer,
    resources: resources({ cpu: "10m", memory: "32Mi" }, { cpu: "1", memory: "256Mi" }),
    ...(own.volumeMounts && { volumeMounts: own.volumeMounts }),
    ...(own.dependencies?.length && { dependencies: own.dependencies }),
  };
}

/** What the push says and what the configuration says, as far as the step's text names it. */
function commonEnvironment(name: string, args: RemediationWorkflowArgs, script: string): EnvironmentVariable[] {
  const fromRun: [string, string][] = [
    ["TASK", "{{workflow.parameters.task}}"],
    ["BEFORE", "{{workflow.parameters.before}}"],
    ["AFTER", "{{workflow.parameters.after}}"],
    ["REPOSITORY", "{{workflow.parameters.repository}}"],
    ["PUSHED_AT", "{{workflow.parameters.pushed-at}}"],
    ["DRY_RUN", "{{workflow.parameters.dry-run}}"],
    ["RUN_NAME", "{{workflow.name}}"],
  ];
  const fromConfig: [string, pulumi.Input<string | number>][] = [
    ["NAME", name],
    ["NAMESPACE", args.namespace],
    ["REPOSITORIES", pulumi.jsonStringify(args.repositoryLabels)],
    ["BRANCH_PREFIX", args.branchPrefix],
    ["TASK_LABEL_PREFIX", args.pullRequests.taskLabelPrefix],
    ["READY_LABEL", args.pullRequests.readyLabel],
    ["HOLD_LABEL", args.pullRequests.holdLabel],
    ["STAGES", pulumi.jsonStringify(args.mainWorkflows.stages)],
    ["RESET_STAGE", args.mainWorkflows.resetStage],
    ["AGENTS", pulumi.jsonStringify(args.agentsToCancel)],
    ["MAX_AGENTS_TO_CANCEL", args.maxAgentsToCancel],
    ["PUSHER_NAMES", pulumi.jsonStringify(args.pusherNames)],
    ["CODERUN_GROUP", args.codeRuns.group],
    ["CODERUN_VERSION", args.codeRuns.version],
    ["CODERUN_RESOURCE", args.codeRuns.resource],
    ["CODERUN_TASK_LABEL", args.codeRuns.taskLabel],
    ["CODERUN_AGENT_LABEL", args.codeRuns.agentLabel],
    ["CODERUN_REPOSITORY_LABEL", args.codeRuns.repositoryLabel],
    ["CODERUN_FINISHED_PHASES", pulumi.jsonStringify(args.codeRuns.finishedPhases)],
    ["MAIN_WORKFLOW_TYPE_LABEL", args.mainWorkflows.typeLabel],
    ["MAIN_WORKFLOW_TYPE", args.mainWorkflows.type],
    ["MAIN_WORKFLOW_TASK_LABEL", args.mainWorkflows.taskLabel],
    ["MAIN_WORKFLOW_STAGE_LABEL", args.mainWorkflows.stageLabel],
    ["MAIN_WORKFLOW_REPOSITORY_LABEL", args.mainWorkflows.repositoryLabel],
    ["GITHUB_API_URL", args.githubApiUrl],
    ["GITHUB_APP_ID", args.githubAppId],
    ["GITHUB_INSTALLATION_ID", args.githubInstallationId ?? ""],
    ["SHARED_DIR", sharedDirectory],
    ["HOME", sharedDirectory],
    ["STEP_DEADLINE_SECONDS", args.steps.deadlineSeconds],
    ["CANCEL_SECONDS", args.steps.cancelSeconds],
    ["GATE_SECONDS", args.steps.gateSeconds],
  ];
  const variables = [
    ...fromRun.map(([name, value]) => ({ name, value })),
    ...fromConfig.map(([name, value]) => ({
      name,
      value: pulumi.output(value).apply((text) => literal(name, `${text}`)),
    })),
  ];
  // curl and kubectl read HOME by themselves.
  return variables.filter(({ name }) => name === "HOME" || new RegExp(`\\b${name}\\b`).test(script));
}

/** A configured text that neither Argo nor the kubelet expands. */
function literal(variable: string, text: string): string {
  if (text.includes("{{")) {
    throw new Error(`${variable}: Argo Workflows would expand "{{" in ${JSON.stringify(text)}`);
  }
  return untouchedByKubelet(text);
}
