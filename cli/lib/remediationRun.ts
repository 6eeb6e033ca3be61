import { CoreV1Api, CustomObjectsApi, type V1ContainerStatus } from "@kubernetes/client-node";
import { instanceIdLabel } from "../../components/argoInstance.ts";
import { type Ending, endingIn, sentence } from "../../components/vocabulary/ending.ts";
import type { Outcome } from "../../components/vocabulary/outcomes.ts";
import { type RunByHand, runByHand } from "../../components/vocabulary/run.ts";
import { containerOf, endedByOthers, podSteps, stepOf } from "../../components/vocabulary/steps.ts";
import { ask, type Installation, Refusal, request } from "./installation.ts";
import { type EndedRun, failureAroundSteps, failureOf, isFailed, outcomeOf, reportOf } from "./runEnd.ts";

/** Starts a remediation by hand, and reads the state of a run. */

const workflows = { group: "argoproj.io", version: "v1alpha1", plural: "workflows" };
const workflowTemplates = { ...workflows, plural: "workflowtemplates" };

/** A run as it is now. */
export interface Run {
  name: string;
  /** Instance ID of its workflow controller; undefined for the controller without one. */
  instanceId?: string;
  /** Until it begins: what it waits for, in Argo's words. */
  waitsFor?: string;
  /** Whether it has ended according to Argo. */
  ended: boolean;
  /** Undefined until it is known. */
  outcome?: Outcome;
  /** Why it failed; undefined if it did not. */
  failure?: string;
  /** What failed around the steps, if the steps did their work. */
  warning?: string;
  /** How each step ended. The ending of `plan` says what the plan touches, and what it leaves alone and why. */
  report: Ending[];
}

/** A step that has ended. */
export interface EndedStep {
  /** Identifies the end of the step, so that it is reported only once. */
  id: string;
  step: string;
  exitCode: number;
  /** What it did, or its last message. */
  said: string;
}

interface Workflow extends EndedRun {
  metadata: { name: string; uid: string; labels?: Record<string, string> };
}

/**
 * Creates a run for the current head of the branch, as the Sensor does for pushes.
 *
 * @returns the name of the run
 * @throws Refusal if the installation has no WorkflowTemplate, or the API server refuses
 */
export async function startRun({ outputs, cluster }: Installation, parameters: RunByHand): Promise<string> {
  const { namespace, workflowTemplate: name } = outputs;
  const api = cluster.makeApiClient(CustomObjectsApi);
  const template = (await ask(
    cluster,
    `read WorkflowTemplate ${name} in namespace ${namespace}`,
    api.getNamespacedCustomObject({ ...workflowTemplates, namespace, name }, request),
  )) as Workflow | undefined;
  if (template === undefined) {
    throw new Refusal(
      `there is no WorkflowTemplate ${name} in namespace ${namespace} on ${cluster.getCurrentCluster()?.server}: the outputs belong to another installation, the context belongs to another cluster, or pulumi up has not been run yet`,
    );
  }
  const made = (await ask(
    cluster,
    "create the run",
    api.createNamespacedCustomObject(
      { ...workflows, namespace, body: runByHand(runArgs(namespace, template.metadata), parameters) },
      request,
    ),
  )) as Workflow;
  return made.metadata.name;
}

function runArgs(namespace: string, { name, uid, labels }: Workflow["metadata"]) {
  const argoInstanceId = labels?.[instanceIdLabel] ?? "";
  return { name, namespace, workflowTemplateName: name, workflowTemplateUid: uid, argoInstanceId };
}

/** @throws Refusal if the API server does not answer */
export async function hasRun(installation: Installation, name: string): Promise<boolean> {
  return (await readWorkflow(installation, name)) !== undefined;
}

async function readWorkflow({ outputs, cluster }: Installation, name: string): Promise<Workflow | undefined> {
  const { namespace } = outputs;
  const api = cluster.makeApiClient(CustomObjectsApi);
  const answer = api.getNamespacedCustomObject({ ...workflows, namespace, name }, request);
  return (await ask(cluster, `read run ${name}`, answer)) as Workflow | undefined;
}

/** @throws Refusal if the API server does not answer */
export async function readRun(installation: Installation, name: string): Promise<Run> {
  const read = await readWorkflow(installation, name);
  if (read === undefined) {
    return { name, ended: true, failure: "the run was deleted", report: [] };
  }
  const { phase = "", message } = read.status ?? {};
  const outcome = outcomeOf(read);
  const warning = outcome === "failed" ? undefined : failureAroundSteps(read);
  const instanceId = read.metadata.labels?.[instanceIdLabel];
  return {
    name,
    ...(instanceId !== undefined && { instanceId }),
    ended: isFailed(read) || phase === "Succeeded",
    outcome,
    ...(warning && { warning }),
    ...(message && phase === "Pending" && { waitsFor: message }),
    ...(outcome === "failed" && { failure: failureOf(read).did }),
    report: reportOf(read),
  };
}

/** The steps that have ended so far, in the order of their ends, from all pods of the run. */
export async function endedSteps({ outputs, cluster }: Installation, run: string): Promise<EndedStep[]> {
  const { namespace } = outputs;
  const core = cluster.makeApiClient(CoreV1Api);
  const { items } = await core.listNamespacedPod(
    { namespace, labelSelector: `workflows.argoproj.io/workflow=${run}` },
    request,
  );
  const ended = items
    .flatMap(({ metadata, status }) =>
      (status?.containerStatuses ?? []).map((container) => ({ pod: metadata?.name ?? "", container })),
    )
    .filter(({ pod, container }) => isEndedStep(run, pod, container))
    .sort((one, other) => order(one.container) - order(other.container));
  return ended.map(({ pod, container }) => {
    const { exitCode = 0, message } = container.state?.terminated ?? {};
    const step = `${stepOf(container.name)}`;
    return { id: `${pod}/${step}`, step, exitCode, said: said(message) };
  });
}

/** What a termination log says; the whole text if the container was killed before it could write its ending. */
function said(message: string | undefined): string {
  const ending = endingIn(message);
  if (ending === undefined) return message?.trim() || "ended without a message";
  return ending.passes === undefined ? sentence(ending) : ending.did;
}

/** Whether a container is an ended step. The exit handler's pod also has a container `main`, which is not a step. */
function isEndedStep(run: string, pod: string, { name, state }: V1ContainerStatus): boolean {
  const exitCode = state?.terminated?.exitCode;
  return (
    pod.startsWith(`${run}-remediate-`) &&
    stepOf(name) !== undefined &&
    exitCode !== undefined &&
    !endedByOthers.includes(exitCode)
  );
}

/** Sorts by end time. Kubernetes records whole seconds; within one second, it keeps the order in which the steps depend on each other. */
function order({ name, state }: V1ContainerStatus): number {
  return new Date(state?.terminated?.finishedAt ?? 0).getTime() + podSteps.map(containerOf).indexOf(name);
}
