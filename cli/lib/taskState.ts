import { CustomObjectsApi } from "@kubernetes/client-node";
import { runLabels } from "../../components/labels.ts";
import { ledgerPrefix } from "../../components/vocabulary/keys.ts";
import { counted } from "./counted.ts";
import { ask, type Installation, request } from "./installation.ts";
import { howItEnded, type WorkflowState, waitingGates } from "./mainWorkflowState.ts";
import { isReady, listPods } from "./pods.ts";
import { listRuns, type RunObject } from "./remediations.ts";
import { failureAroundSteps, failureOf, isFailed, stepsEndedWell } from "./runEnd.ts";
import type { Settings } from "./settings.ts";

/** Reads the state of a task and of the route of its pushes from the cluster. */

/** A main workflow of the task. */
export interface MainWorkflow {
  name: string;
  /** Argo's phase. */
  phase: string;
  /** Whether it can no longer begin a round. */
  ended: boolean;
  /** How it ended, in words. */
  end?: string;
  stage?: string;
  /** Value of its repository label. */
  repository?: string;
  /** Names of the waiting gates. */
  gates: string[];
  /** The program's annotations, by name without the prefix. */
  ledger: Record<string, string>;
}

/** A CodeRun of the task. */
export interface Agent {
  name: string;
  agent: string;
  phase: string;
  /** Seconds since its creation. */
  age: number;
  /** Whether a remediation may cancel its kind. */
  listed: boolean;
}

/** Pods of an EventSource or a Sensor. */
export interface Pods {
  of: "EventSource" | "Sensor";
  name: string;
  /** Label selector that finds them. */
  selector: string;
  ready: number;
  all: number;
}

/** The last sweep for lost pushes. */
export interface Sweep {
  run: string;
  started: string;
  summary: string;
}

type MainWorkflowObject = RunObject & WorkflowState & { metadata: { annotations?: Record<string, string> } };

/** @returns the task's main workflows, newest first */
export async function mainWorkflows(
  installation: Installation,
  { mainWorkflows }: Settings,
  task: string,
): Promise<MainWorkflow[]> {
  const { typeLabel, type, taskLabel, stageLabel, repositoryLabel } = mainWorkflows;
  const { items } = await listRuns(installation, `${typeLabel}=${type},${taskLabel}=${task}`);
  return (items as MainWorkflowObject[])
    .sort((one, other) => other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp))
    .map((workflow) => ({ ...workflow, end: howItEnded(workflow), gates: waitingGates(workflow) }))
    .map(({ metadata, status, end, gates }) => ({
      name: metadata.name,
      phase: status?.phase ?? "Pending",
      ended: end !== undefined,
      ...(end !== undefined && { end }),
      ...(metadata.labels?.[stageLabel] && { stage: metadata.labels[stageLabel] }),
      ...(metadata.labels?.[repositoryLabel] && { repository: metadata.labels[repositoryLabel] }),
      gates,
      ledger: Object.fromEntries(
        Object.entries(metadata.annotations ?? {})
          .filter(([key]) => key.startsWith(ledgerPrefix))
          .map(([key, value]) => [key.slice(ledgerPrefix.length), value]),
      ),
    }));
}

export async function agents(
  { outputs, cluster }: Installation,
  { codeRuns, agents: listed }: Settings,
  task: string,
): Promise<Agent[]> {
  const { group, version, resource, taskLabel, agentLabel } = codeRuns;
  const { namespace } = outputs;
  const list = (await ask(
    cluster,
    `list the ${resource}.${group} in namespace ${namespace}`,
    cluster
      .makeApiClient(CustomObjectsApi)
      .listNamespacedCustomObject(
        { group, version, plural: resource, namespace, labelSelector: `${taskLabel}=${task}` },
        request,
      ),
  )) as { items: (RunObject & { status?: { phase?: string } })[] } | undefined;
  return (list?.items ?? []).map(({ metadata, status }) => {
    const agent = metadata.labels?.[agentLabel] ?? "";
    return {
      name: metadata.name,
      agent,
      phase: status?.phase ?? "",
      age: Math.max(0, Math.round((Date.now() - Date.parse(metadata.creationTimestamp)) / 1000)),
      listed: listed.includes(agent),
    };
  });
}

/** The pods of the EventSource and of the Sensor. */
export async function podsOfTheRoute({ outputs, cluster }: Installation): Promise<Pods[]> {
  const { namespace, eventSource, sensor } = outputs;
  const look = async (of: Pods["of"], name: string, selector: string): Promise<Pods> => {
    const pods = await listPods(cluster, namespace, selector);
    return { of, name, selector, ready: pods.filter(isReady).length, all: pods.length };
  };
  return Promise.all([
    look("EventSource", eventSource, `eventsource-name=${eventSource}`),
    look("Sensor", sensor, `sensor-name=${sensor}`),
  ]);
}

/** @returns undefined if the cluster no longer has one */
export async function lastSweep(installation: Installation): Promise<Sweep | undefined> {
  const labels = runLabels(installation.outputs.workflowTemplate, "sweep");
  const { items } = await listRuns(
    installation,
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  );
  const last = items.sort((one, other) =>
    other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp),
  )[0];
  return last && { run: last.metadata.name, started: last.metadata.creationTimestamp, summary: summaryOf(last) };
}

function summaryOf(run: RunObject): string {
  if (isFailed(run) && !stepsEndedWell(run)) return `it failed: ${failureOf(run).did}`;
  if (!isFailed(run) && run.status?.phase !== "Succeeded") return "it is running";
  const parameters = Object.values(run.status?.nodes ?? {}).flatMap(({ outputs }) => outputs?.parameters ?? []);
  const number = (name: string) => Number(parameters.find((one) => one.name === name)?.value || 0);
  const started = counted(number("started"), "remediation");
  const redelivered = counted(number("redelivered"), "redelivery", "redeliveries");
  const did = `it started ${started} and requested ${redelivered}`;
  return [did, failureAroundSteps(run)].filter(Boolean).join("; ");
}
