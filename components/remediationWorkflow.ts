import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { instanceLabels } from "./argoInstance.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { restrictedPod } from "./podSecurity.ts";
import {
  type GithubAccessArgs,
  githubVariables,
  type MainWorkflowLabelArgs,
  mainWorkflowVariables,
  podMetadata,
  podSpecPatch,
  retryStrategy,
  type StepContainerArgs,
  sharedDirectory,
  sharedMount,
  singleStep,
  stepContainer,
  type Variables,
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
  /** Values of `status.phase` at which a CodeRun has ended, so that there is nothing to cancel. */
  finishedPhases: pulumi.Input<string[]>;
}

/** How main workflows look. */
export interface MainWorkflowArgs extends MainWorkflowLabelArgs {
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
  /** What the name of a task's branch begins with; the task's number follows. */
  branchPrefix: pulumi.Input<string>;
  /** Whether pull requests are told what was done, or what failed. */
  comments: pulumi.Input<boolean>;
}

/** Who pushes, and whose work a push makes stale. */
export interface AgentArgs {
  /** Login of the GitHub App whose pushes count, `SLUG[bot]`. */
  pusher: pulumi.Input<string>;
  /** Agents whose CodeRuns a push cancels. Never the pusher. */
  toCancel: pulumi.Input<string[]>;
  /** A task with more agents to cancel than this stops the remediation before anything is touched. */
  maxToCancel: pulumi.Input<number>;
}

/** How Argo Workflows runs the remediations. */
export interface RunArgs {
  /** Base URL of Argo's server, for a link to the run; default: the command that shows it. */
  serverUrl?: pulumi.Input<string>;
  /** Instance ID of the workflow controller; default: the one without. See argoInstance.ts. */
  instanceId?: string;
  /** How long a Workflow is kept after its end. */
  retentionDays: pulumi.Input<number>;
}

/** What the steps run in, and how long they may take. */
export interface StepsArgs {
  /** Image with bash, coreutils, curl, jq and openssl. */
  image: pulumi.Input<string>;
  /** Limit for the proof that the cancelled agents are gone. */
  cancelTimeoutSeconds: pulumi.Input<number>;
  /** Limit for the main workflow to reach its gate once an agent was cancelled. */
  gateTimeoutSeconds: pulumi.Input<number>;
  /** Limit for each step. */
  stepTimeoutSeconds: pulumi.Input<number>;
  /** How long after a push to wait for further ones, so that several in a row cause one restart. */
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

/** The templates that have a pod. Argo makes the pod's name of the run's, the template's and a number. */
export const podTemplates = ["remediate", "record-failure"] as const;
const [remediate, recordFailure] = podTemplates;

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
  /** When it was made. */
  readonly createdAt: pulumi.Output<string>;

  constructor(name: string, args: RemediationWorkflowArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:RemediationWorkflow", name, {}, opts);
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
          podMetadata: podMetadata(runLabels(name, "remediation"), args),
          serviceAccountName: args.serviceAccountName,
          securityContext: restrictedPod,
          podSpecPatch,
          // Of several runs for one task one works at a time, the newest push first; a waiting one has no pod.
          synchronization: { mutexes: [{ name: `${name}-{{workflow.parameters.task}}` }] },
          ttlStrategy: {
            secondsAfterCompletion: pulumi.output(args.argo.retentionDays).apply((days) => days * 24 * 60 * 60),
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
    this.createdAt = template.metadata.creationTimestamp;
    this.registerOutputs({
      workflowTemplateName: this.workflowTemplateName,
      workflowTemplateUid: this.workflowTemplateUid,
      createdAt: this.createdAt,
    });
  }
}

function remediateTemplate(name: string, args: RemediationWorkflowArgs) {
  const config = fromConfig(name, args);
  const needs: Record<PodStep, Partial<StepContainerArgs>> = {
    plan: withKey,
    "stop-qa": withToken,
    "restart-qa": {},
    // It tells the pull request.
    record: withToken,
  };
  const container = (step: PodStep, index: number) =>
    stepContainer(containerOf(step), step, {
      image: args.steps.image,
      config,
      filledIn: fromRun,
      // Each waits for the one before it.
      dependencies: podSteps.slice(0, index).slice(-1).map(containerOf),
      ...needs[step],
    });
  return {
    name: remediate,
    // Also for a plan that has to be made anew.
    retryStrategy,
    // The steps follow one another, and the pod has to start.
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
          // A step that had nothing to do, or a run that failed, says nothing.
          when: `'{{outputs.parameters.${secondsOf(step)}}}' != ''`,
          labels: [{ key: "step", value: step }],
          histogram: {
            value: `{{outputs.parameters.${secondsOf(step)}}}`,
            buckets: [0.5, 1, 2, 3, 5, 10, 15, 30, 60, 120],
          },
        })),
        {
          name: "rex_remediation_round",
          help: "Rounds: a remediation that restarted QA counts as its task's first, second and so on.",
          // Only a remediation that restarted QA has one.
          when: "'{{outputs.parameters.round}}' != ''",
          histogram: { value: "{{outputs.parameters.round}}", buckets: roundBuckets },
        },
      ],
    },
  };
}

/** The greatest round that the metric of rounds tells from those above it. */
export const mostRounds = 20;

// The controller keeps the buckets that it saw first until it is started again: so each possible cap has its own from the start.
const roundBuckets = Array.from({ length: mostRounds }, (_, index) => index + 1);

/** The steps whose time is told: `record` tells it. */
const timedSteps = podSteps.filter((step) => step !== "record");

function secondsOf(step: PodStep): string {
  return `seconds-${step}`;
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
          histogram: { value: "{{workflow.duration}}", buckets: [5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 900] },
        },
      ],
    },
  };
}

function recordFailureTemplate(name: string, args: RemediationWorkflowArgs) {
  const container = singleStep("failed", {
    image: args.steps.image,
    config: fromConfig(name, args),
    filledIn: { ...fromRun, WORKFLOW_STATUS: "{{workflow.status}}", FAILURES: "{{workflow.failures}}" },
    // It tells the pull request, and the token of the run is gone with its pod.
    ...withKey,
  });
  return {
    name: recordFailure,
    retryStrategy,
    activeDeadlineSeconds: pulumi.output(args.steps.stepTimeoutSeconds).apply((seconds) => seconds + 60),
    volumes: volumes(args, "16Mi"),
    container,
  };
}

/** Argo hands a template to its pod in one environment variable, and moves a larger one to a ConfigMap, which it may not be allowed to. */
const largestTemplate = 120 * 1024;

function thatFits<T extends { name: string }>(template: T): T {
  const size = Buffer.byteLength(JSON.stringify(template));
  if (size > largestTemplate) {
    throw new pulumi.RunError(
      `template ${template.name} has ${size} bytes, more than the ${largestTemplate} that fit into a pod's environment`,
    );
  }
  return template;
}

/** What the push says, as Argo fills it in. */
const fromRun = {
  TASK: "{{workflow.parameters.task}}",
  BEFORE: "{{workflow.parameters.before}}",
  AFTER: "{{workflow.parameters.after}}",
  REPOSITORY: "{{workflow.parameters.repository}}",
  PUSHED_AT: "{{workflow.parameters.pushed-at}}",
  DRY_RUN: "{{workflow.parameters.dry-run}}",
  RUN_NAME: "{{workflow.name}}",
};

/** What the configuration says. */
function fromConfig(name: string, args: RemediationWorkflowArgs): Variables {
  return {
    NAME: name,
    NAMESPACE: args.namespace,
    ...githubVariables(args),
    ...mainWorkflowVariables(args.mainWorkflows),
    BRANCH_PREFIX: args.pullRequests.branchPrefix,
    TASK_LABEL_PREFIX: args.pullRequests.taskLabelPrefix,
    READY_LABEL: args.pullRequests.readyLabel,
    HOLD_LABEL: args.pullRequests.holdLabel,
    STAGES: pulumi.jsonStringify(args.mainWorkflows.stages),
    RESET_STAGE: args.mainWorkflows.resetStage,
    AGENTS: pulumi.jsonStringify(args.agents.toCancel),
    MAX_AGENTS_TO_CANCEL: args.agents.maxToCancel,
    PUSHER: args.agents.pusher,
    PULL_REQUEST_COMMENTS: args.pullRequests.comments,
    ARGO_SERVER_URL: args.argo.serverUrl ?? "",
    ARGO_INSTANCE_ID: args.argo.instanceId ?? "",
    QUIET_SECONDS: args.steps.debounceSeconds,
    PUSHER_NAMES: pulumi.jsonStringify(pulumi.output(args.agents.pusher).apply(pusherNames)),
    CODERUN_GROUP: args.codeRuns.group,
    CODERUN_VERSION: args.codeRuns.version,
    CODERUN_RESOURCE: args.codeRuns.resource,
    CODERUN_TASK_LABEL: args.codeRuns.taskLabel,
    CODERUN_AGENT_LABEL: args.codeRuns.agentLabel,
    CODERUN_REPOSITORY_LABEL: args.codeRuns.repositoryLabel,
    CODERUN_FINISHED_PHASES: pulumi.jsonStringify(args.codeRuns.finishedPhases),
    STEP_DEADLINE_SECONDS: args.steps.stepTimeoutSeconds,
    CANCEL_SECONDS: args.steps.cancelTimeoutSeconds,
    GATE_SECONDS: args.steps.gateTimeoutSeconds,
  };
}
