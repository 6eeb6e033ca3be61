import { ApiException, CoreV1Api, CustomObjectsApi, type V1ContainerStatus } from "@kubernetes/client-node";
import { instanceIdLabel } from "../../components/argoInstance.ts";
import type { Outcome } from "../../components/vocabulary/outcomes.ts";
import { type RunByHand, runByHand } from "../../components/vocabulary/run.ts";
import { containerOf, endedByOthers, podSteps, stepOf } from "../../components/vocabulary/steps.ts";
import { ask, type Installation, Refusal, request } from "./installation.ts";
import { allTheSame, isFailed, outcomeOf } from "./runEnd.ts";

/** A remediation that a person starts: the run is made, watched, and read. */

const workflows = { group: "argoproj.io", version: "v1alpha1", plural: "workflows" };
const workflowTemplates = { ...workflows, plural: "workflowtemplates" };

/** A run as it is now. */
export interface Run {
  name: string;
  /** Of the controller that it is for; undefined for the one without. */
  instanceId?: string;
  /** What it waits for, in Argo's words, as long as it has not begun. */
  waitsFor?: string;
  /** Whether Argo calls it ended. */
  ended: boolean;
  /** Undefined as long as none is known. */
  outcome?: Outcome;
  /** What Argo says of its end, where it says anything. */
  lastWords?: string;
  /** What failed around the steps, though they did their work. */
  warning?: string;
  /** Lines: what is planned to be touched, what is left alone and why, what each step did. */
  report: string[];
}

/** A step that has ended. */
export interface EndedStep {
  /** The same for the same end, however often it is looked at. */
  id: string;
  step: string;
  exitCode: number;
  /** What it did, or its last words. */
  said: string;
}

interface Workflow {
  metadata: { name: string; uid: string; labels?: Record<string, string> };
  status?: {
    phase?: string;
    message?: string;
    nodes?: Record<string, ReportingNode>;
  };
}

/**
 * Makes a run of the present head, as the Sensor makes those of pushes.
 *
 * @returns its name
 * @throws Refusal if the installation has no such template, or the API server refuses
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
      `there is no WorkflowTemplate ${name} in namespace ${namespace} on ${cluster.getCurrentCluster()?.server}: the outputs are of another installation, the context is of another cluster, or pulumi up has still to be run`,
    );
  }
  const made = (await ask(
    cluster,
    "make the run",
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
    return { name, ended: true, lastWords: "somebody has deleted the run", report: [] };
  }
  const { phase = "", message, nodes } = read.status ?? {};
  const outcome = outcomeOf(read);
  const warning = outcome === "failed" ? undefined : allTheSame(read);
  const instanceId = read.metadata.labels?.[instanceIdLabel];
  return {
    name,
    ...(instanceId !== undefined && { instanceId }),
    ended: isFailed(read) || phase === "Succeeded",
    outcome,
    ...(warning && { warning }),
    ...(message && (phase === "Pending" ? { waitsFor: message } : { lastWords: message })),
    report: reportOf(Object.values(nodes ?? {})),
  };
}

interface ReportingNode {
  type?: string;
  phase?: string;
  message?: string;
  finishedAt?: string;
  outputs?: { exitCode?: string; parameters?: { name: string; value?: string }[] };
}

/** The report's lines; of a run whose pod was tried several times, the last one's. */
export function reportOf(nodes: ReportingNode[]): string[] {
  const reports = nodes
    .map(({ finishedAt, outputs }) => ({
      finishedAt: finishedAt ?? "",
      value: outputs?.parameters?.find(({ name }) => name === "report")?.value ?? "",
    }))
    .filter(({ value }) => value !== "")
    .sort((one, other) => one.finishedAt.localeCompare(other.finishedAt));
  return reports.at(-1)?.value.trimEnd().split("\n") ?? [];
}

/** The steps that have ended so far, in the order of their ends; of every pod that the run had. */
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
  return Promise.all(
    ended.map(async ({ pod, container }) => {
      const { exitCode = 0, message } = container.state?.terminated ?? {};
      const step = `${stepOf(container.name)}`;
      const log = exitCode === 0 ? await readLog(core, namespace, pod, container.name) : "";
      return {
        id: `${pod}/${step}`,
        step,
        exitCode,
        said: exitCode === 0 ? lastLine(log, step) : words(message, step),
      };
    }),
  );
}

/** The exit handler's pod has a container `main`, too. */
function isEndedStep(run: string, pod: string, { name, state }: V1ContainerStatus): boolean {
  const exitCode = state?.terminated?.exitCode;
  return (
    pod.startsWith(`${run}-remediate-`) &&
    stepOf(name) !== undefined &&
    exitCode !== undefined &&
    !endedByOthers.includes(exitCode)
  );
}

/** Kubernetes knows whole seconds; within one, the steps are in the order in which they depend on one another. */
function order({ name, state }: V1ContainerStatus): number {
  return new Date(state?.terminated?.finishedAt ?? 0).getTime() + podSteps.map(containerOf).indexOf(name);
}

/** Who may look at pods may perhaps not read their logs; and a pod may be gone. */
async function readLog(core: CoreV1Api, namespace: string, name: string, container: string): Promise<string> {
  try {
    return await core.readNamespacedPodLog({ namespace, name, container }, request);
  } catch (error) {
    if (error instanceof ApiException && [403, 404].includes(error.code)) return "";
    throw error;
  }
}

/** A step's last word in its log is what it did, but for `record`, which may tell the pull request after that. */
function lastLine(log: string, step: string): string {
  const recorded = /^record: (?<did>.*) \([\d.]+ s\)$/m.exec(log)?.groups?.did;
  if (step === "record" && recorded !== undefined) return recorded;
  const lines = log
    .split("\n")
    .map((line) => /^\d\d:\d\d:\d\d (?<step>[a-z-]+): (?<said>.*)$/.exec(line)?.groups)
    .filter((line) => line?.step === step);
  return lines.at(-1)?.said ?? "done";
}

/** What stands in the termination log begins with the step's name. */
function words(message: string | undefined, step: string): string {
  const text = (message ?? "ended without a word").trim();
  return text.startsWith(`${step}: `) ? text.slice(step.length + 2) : text;
}
