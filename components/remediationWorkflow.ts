import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { instanceLabels } from "./argoInstance.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { restrictedPod } from "./podSecurity.ts";
import type { Inputs, RemediationConfig } from "./stepConfig.ts";
import {
  commonConfig,
  type GithubAccessArgs,
  type MainWorkflowLabelArgs,
  podMetadata,
  podSpecPatch,
  retryStrategy,
  type StepContainerArgs,
  sharedDirectory,
  sharedMount,
  singleStep,
  stepContainer,
  volumes,
  withKey,
  withToken,
} from "./stepContainer.ts";
import { pusherNames } from "./taskPush.ts";
import { outcomeLabel, taskLabel } from "./vocabulary/keys.ts";
import { parameters } from "./vocabulary/run.ts";
import { containerOf, type PodStep, podSteps } from "./vocabulary/steps.ts";

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
  /** Values of `status.phase` that mean that a CodeRun has ended, so that there is nothing to cancel. */
  finishedPhases: pulumi.Input<string[]>;
}

/** How main workflows look. */
export interface MainWorkflowArgs extends MainWorkflowLabelArgs {
  /** Every stage, in order. */
  stages: pulumi.Input<string[]>;
  /** The stage that a push resets the workflow to. */
  resetStage: pulumi.Input<string>;
}

/** How pull requests look. */
export interface PullRequestArgs {
  /** A task's pull request carries a label of this prefix and the task's number. */
  taskLabelPrefix: pulumi.Input<string>;
  /** The label that a push removes. */
  readyLabel: pulumi.Input<string>;
  /** The label with which a person holds a task. While it is set, no remediation of the task begins. */
  holdLabel: pulumi.Input<string>;
  /** Prefix of a task's branch. The task's number follows it. */
  branchPrefix: pulumi.Input<string>;
  /** Whether to comment on pull requests, saying what was done or what failed. */
  comments: pulumi.Input<boolean>;
}

/** Who pushes, and whose work a push makes stale. */
export interface AgentArgs {
  /** Login of the GitHub App whose pushes count, `SLUG[bot]`. */
  pusher: pulumi.Input<string>;
  /** Agents whose CodeRuns a push cancels. The pusher must not be among them. */
  toCancel: pulumi.Input<string[]>;
  /** If a task has more agents to cancel than this, the remediation fails before it changes anything. */
  maxToCancel: pulumi.Input<number>;
}

/** How Argo Workflows runs the remediations. */
export interface RunArgs {
  /** Base URL of Argo's server, for links to a run; default: comments show a command instead. */
  serverUrl?: pulumi.Input<string>;
  /** Instance ID of the workflow controller; default: a controller without one. See argoInstance.ts. */
  instanceId?: string;
  /** How long to keep a Workflow after it ends, in days. */
  retentionDays: pulumi.Input<number>;
  /** How many remediations work at the same time. */
  maxConcurrentRemediations: pulumi.Input<number>;
}

/** The image of the steps, and how long they may take. */
export interface StepsArgs {
  /** Image with bash, coreutils, curl, jq and openssl. */
  image: pulumi.Input<string>;
  /** How long to wait until the cancelled agents are gone. */
  cancelTimeoutSeconds: pulumi.Input<number>;
  /** How long to wait until the main workflow reaches its gate after an agent was cancelled. */
  gateTimeoutSeconds: pulumi.Input<number>;
  /** How long each step may take. */
  stepTimeoutSeconds: pulumi.Input<number>;
  /** How long to wait for further pushes, so that several pushes in a row cause one restart. */
  debounceSeconds: pulumi.Input<number>;
}

export interface RemediationWorkflowArgs extends GithubAccessArgs {
  namespace: pulumi.Input<string>;
  serviceAccountName: pulumi.Input<string>;
  agents: AgentArgs;
  codeRuns: CodeRunArgs;
  mainWorkflows: MainWorkflowArgs;
  pullRequests: PullRequestArgs;
  argo: RunArgs;
  steps: StepsArgs;
}

/** The templates that run in a pod. Argo composes a pod's name from the names of the run and the template, and a number. */
export const podTemplates = ["remediate", "record-failure"] as const;
const [remediate, recordFailure] = podTemplates;

/**
 * The WorkflowTemplate of a remediation: one pod with a container for each step, and an exit handler that records a failure. It contains
 * the scripts of the steps, so a run always uses the version that it started with.
 *
 * @see https://argo-workflows.readthedocs.io/en/latest/container-set-template/
 */
export class RemediationWorkflow extends pulumi.ComponentResource {
  readonly workflowTemplateName: pulumi.Output<string>;
  /** metadata.uid of the WorkflowTemplate, for owner references. */
  readonly workflowTemplateUid: pulumi.Output<string>;
  /** metadata.creationTimestamp of the WorkflowTemplate. */
  readonly createdAt: pulumi.Output<string>;

  constructor(name: string, args: RemediationWorkflowArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:RemediationWorkflow", name, {}, opts);
    const limits = new k8s.core.v1.ConfigMap(
      `${name}-limits`,
      {
        metadata: { name: `${name}-limits`, namespace: args.namespace, labels: commonLabels(name, "remediation") },
        data: { [limitKey]: pulumi.output(args.argo.maxConcurrentRemediations).apply(String) },
      },
      { parent: this },
    );
    const template = new k8s.apiextensions.CustomResource(
      `${name}-workflow-template`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "WorkflowTemplate",
        metadata: {
          name,
          namespace: args.namespace,
          labels: { ...commonLabels(name, "remediation"), ...instanceLabels(args.argo.instanceId) },
        },
        spec: {
          entrypoint: remediate,
          onExit: "record-failure-if-any",
          arguments: {
            parameters: Object.entries(parameters).map(([name, told]) => ({ name, ...told })),
          },
          workflowMetadata: {
            labels: runLabels(name, "remediation"),
            labelsFrom: { [taskLabel]: { expression: "workflow.parameters.task" } },
          },
          podMetadata: podMetadata(runLabels(name, "remediation"), args, configOf(name, args)),
          serviceAccountName: args.serviceAccountName,
          securityContext: restrictedPod,
          podSpecPatch,
          // Only one run per task works at a time. The newest push goes first, and waiting runs have no pod.
          synchronization: { mutexes: [{ name: `${name}-{{workflow.parameters.task}}` }] },
          ttlStrategy: {
            secondsAfterCompletion: pulumi.output(args.argo.retentionDays).apply((days) => days * 24 * 60 * 60),
          },
          templates: pulumi
            .output([remediateTemplate(args, limits.metadata.name), exitTemplate(), recordFailureTemplate(args)])
            .apply((templates) => templates.map(mustFit)),
        },
      },
      { parent: this },
    );
    this.workflowTemplateName = template.metadata.name;
    this.workflowTemplateUid = template.metadata.uid;
    this.createdAt = template.metadata.creationTimestamp;
    this.registerOutputs({
      workflowTemplateName: this.workflowTemplateName,
      workflowTemplateUid: this.workflowTemplateUid,
      createdAt: this.createdAt,
    });
  }
}

/** Key of the ConfigMap `…-limits` that holds {@link RunArgs.maxConcurrentRemediations}. */
const limitKey = "remediations";

function remediateTemplate(args: RemediationWorkflowArgs, limits: pulumi.Input<string>) {
  const needs: Record<PodStep, Partial<StepContainerArgs>> = {
    plan: withKey,
    "stop-qa": withToken,
    "restart-qa": {},
    // It comments on the pull request.
    record: withToken,
  };
  const container = (step: PodStep, index: number) =>
    stepContainer(containerOf(step), step, {
      image: args.steps.image,
      filledIn: fromRun,
      // Each step waits for the one before it.
      dependencies: podSteps.slice(0, index).slice(-1).map(containerOf),
      ...needs[step],
    });
  return {
    name: remediate,
    // More pods at once only slow each other down. The semaphore must not be on the Workflow, next to the mutex: in Argo's queue nobody
    // overtakes the first, so a run that waits for its task's mutex would block the runs of all other tasks.
    synchronization: { semaphores: [{ configMapKeyRef: { name: limits, key: limitKey } }] },
    // A pod is also retried when a step finds that the plan is outdated.
    retryStrategy,
    // The steps run one after another, and the pod needs time to start.
    activeDeadlineSeconds: pulumi
      .output(args.steps)
      .apply(({ stepTimeoutSeconds, debounceSeconds }) => podSteps.length * stepTimeoutSeconds + debounceSeconds + 60),
    volumes: volumes(args, "64Mi"),
    containerSet: {
      volumeMounts: [sharedMount],
      containers: podSteps.map(container),
    },
    outputs: {
      parameters: [
        { name: "outcome", valueFrom: { path: `${sharedDirectory}/outcome`, default: "failed" } },
        { name: "report", valueFrom: { path: `${sharedDirectory}/report`, default: "" } },
        ...timedSteps.map((step) => ({
          name: secondsOf(step),
          valueFrom: { path: `${sharedDirectory}/seconds/${step}`, default: "" },
        })),
        { name: "round", valueFrom: { path: `${sharedDirectory}/round`, default: "" } },
      ],
    },
    metrics: {
      prometheus: [
        ...timedSteps.map((step) => ({
          name: "rex_remediation_step_duration_seconds",
          help: "Seconds that a step of a remediation took, by step.",
          // The output is empty if the step had nothing to do or the run failed.
          when: `'{{outputs.parameters.${secondsOf(step)}}}' != ''`,
          labels: [{ key: "step", value: step }],
          histogram: {
            value: `{{outputs.parameters.${secondsOf(step)}}}`,
            buckets: [0.5, 1, 2, 3, 5, 10, 15, 30, 60, 120],
          },
        })),
        {
          name: "rex_remediation_round",
          help: "Round of the task that each restart of QA began: its first, second and so on.",
          // The output is empty unless the remediation restarted QA.
          when: "'{{outputs.parameters.round}}' != ''",
          histogram: { value: "{{outputs.parameters.round}}", buckets: roundBuckets },
        },
      ],
    },
  };
}

/** The highest round with its own bucket in the metric of rounds. */
export const mostRounds = 20;

// Until the controller restarts, it keeps the buckets that it saw first. So each possible value of alarms.maxRounds has its own bucket.
const roundBuckets = Array.from({ length: mostRounds }, (_, index) => index + 1);

/** The steps whose duration is reported. `record` is missing because it writes the report. */
const timedSteps = podSteps.filter((step) => step !== "record");

function secondsOf(step: PodStep): string {
  return `seconds-${step}`;
}

/**
 * The exit handler. It starts a pod only if the run failed. It also counts every run: the outcome is known only at the end, from the label
 * that `record` or `failed` set, and the handler runs once, however often the pod was retried.
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
          histogram: { value: "{{workflow.duration}}", buckets: [5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 900] },
        },
      ],
    },
  };
}

function recordFailureTemplate(args: RemediationWorkflowArgs) {
  const container = singleStep("failed", {
    image: args.steps.image,
    filledIn: { ...fromRun, WORKFLOW_STATUS: "{{workflow.status}}", FAILURES: "{{workflow.failures}}" },
    // It comments on the pull request and needs a new token, because the run's token is gone with the run's pod.
    ...withKey,
  });
  return {
    name: recordFailure,
    retryStrategy,
    activeDeadlineSeconds: pulumi.output(args.steps.stepTimeoutSeconds).apply((seconds) => seconds + 60),
    volumes: volumes(args, "16Mi"),
    container,
    outputs: { parameters: [{ name: "ending", valueFrom: { path: `${sharedDirectory}/ending`, default: "" } }] },
  };
}

/**
 * The most bytes a template may have. Argo passes it to its pod in one environment variable. It would move a larger one to a ConfigMap, but
 * may lack the right to create it.
 */
const largestTemplate = 120 * 1024;

function mustFit<T extends { name: string }>(template: T): T {
  const size = Buffer.byteLength(JSON.stringify(template));
  if (size > largestTemplate) {
    throw new pulumi.RunError(
      `template ${template.name} has ${size} bytes, but only ${largestTemplate} fit into a pod's environment`,
    );
  }
  return template;
}

/** Variables from the run's parameters and name, which Argo fills in. */
const fromRun = {
  TASK: "{{workflow.parameters.task}}",
  BEFORE: "{{workflow.parameters.before}}",
  AFTER: "{{workflow.parameters.after}}",
  REPOSITORY: "{{workflow.parameters.repository}}",
  PUSHED_AT: "{{workflow.parameters.pushed-at}}",
  DRY_RUN: "{{workflow.parameters.dry-run}}",
  RUN_NAME: "{{workflow.name}}",
};

function configOf(name: string, args: RemediationWorkflowArgs): Inputs<RemediationConfig> {
  const { agents, codeRuns, mainWorkflows, pullRequests, argo, steps } = args;
  const { pusher, toCancel, maxToCancel } = agents;
  const { branchPrefix, ...pull } = pullRequests;
  const { image: _, stepTimeoutSeconds, ...seconds } = steps;
  const common = commonConfig(name, { ...args, branchPrefix, pusher, stepTimeoutSeconds, instanceId: argo.instanceId });
  return {
    ...common,
    argoServerUrl: argo.serverUrl ?? "",
    main: { ...common.main, stages: mainWorkflows.stages, resetStage: mainWorkflows.resetStage },
    codeRun: codeRuns,
    agents: { toCancel, maxToCancel, pusherNames: pulumi.output(pusher).apply(pusherNames) },
    pull,
    ...seconds,
  };
}
