import { CustomObjectsApi, Watch } from "@kubernetes/client-node";
import { runLabels } from "../../components/labels.ts";
import type { Ending, RunEnding } from "../../components/vocabulary/ending.ts";
import { taskLabel } from "../../components/vocabulary/keys.ts";
import type { Outcome } from "../../components/vocabulary/outcomes.ts";
import { runNameSuffix, sweepSuffix } from "../../components/vocabulary/runName.ts";
import type { ToldPush } from "../../components/vocabulary/samePush.ts";
import { type PodStep, stepOf } from "../../components/vocabulary/steps.ts";
import { ask, type Installation, request } from "./installation.ts";
import { failureAroundSteps, failureOf, isFailed, outcomeOf, reportOf } from "./runEnd.ts";

/** Reads the remediations of an installation from their runs. */

const workflows = { group: "argoproj.io", version: "v1alpha1", plural: "workflows" };

/** A remediation as it is now. */
export interface Remediation {
  run: string;
  /** When its run was created, ISO 8601. */
  started: string;
  task: string;
  /** owner/name; undefined if the run was created without one. */
  repository?: string;
  /** The pushed head, or the current head for a run by hand; twelve digits; undefined until a step has reported it. */
  sha?: string;
  /** Undefined for a run by hand. */
  push?: ToldPush;
  state: "waits" | "at work" | "ended";
  /** Undefined until the end. */
  outcome?: Outcome;
  /** Why it failed, and which command continues it; undefined if it did not fail. */
  failure?: RunEnding;
  trigger: "push" | "sweep" | "by hand";
  /** What it did, why it did nothing, or what it waits for. */
  summary: string;
  /** Seconds from its creation to its end, or until now. */
  seconds: number;
}

/** The part of a run's Workflow that is read here. */
export interface RunObject {
  metadata: { name: string; creationTimestamp: string; labels?: Record<string, string> };
  spec: { arguments?: { parameters?: { name: string; value?: string }[] } };
  status?: { phase?: string; message?: string; finishedAt?: string; nodes?: Record<string, RunNode> };
}

interface RunNode {
  displayName: string;
  type: string;
  phase: string;
  message?: string;
  finishedAt?: string;
  outputs?: { exitCode?: string; parameters?: { name: string; value?: string }[] };
}

/** The page size of the list. Each run contains its whole template, so a list of all runs would be large. */
const pageSize = 50;

/** @returns the remediations, newest first, and the version of the list, from which a watch can continue */
export async function listRemediations(
  installation: Installation,
  task?: string,
): Promise<{ remediations: Remediation[]; version: string }> {
  const { items, version } = await listRuns(installation, selector(installation, task));
  const remediations = items.map((run) => remediationOf(run, installation.outputs.workflowTemplate));
  return { remediations: remediations.sort(newestFirst), version };
}

/** Lists all Workflows with the labels: runs of remediations or of the sweep, or main workflows. */
export async function listRuns(
  { outputs, cluster }: Installation,
  labelSelector: string,
): Promise<{ items: RunObject[]; version: string }> {
  const api = cluster.makeApiClient(CustomObjectsApi);
  const { namespace } = outputs;
  const items: RunObject[] = [];
  let page: { metadata: { continue?: string; resourceVersion: string }; items: RunObject[] } | undefined;
  do {
    page = await ask(
      cluster,
      `list the Workflows in namespace ${namespace}`,
      api.listNamespacedCustomObject(
        { ...workflows, namespace, labelSelector, limit: pageSize, _continue: page?.metadata.continue },
        request,
      ),
    );
    items.push(...(page?.items ?? []));
  } while (page?.metadata.continue);
  return { items, version: page?.metadata.resourceVersion ?? "" };
}

/**
 * Reports each change of a remediation until the API server or the signal ends the watch.
 *
 * @param version the version that {@link listRemediations} returned
 */
export async function watchRemediations(
  { outputs, cluster }: Installation,
  version: string,
  task: string | undefined,
  changed: (remediation: Remediation) => void,
  signal: AbortSignal,
): Promise<void> {
  const path = `/apis/${workflows.group}/${workflows.version}/namespaces/${outputs.namespace}/${workflows.plural}`;
  const query = {
    labelSelector: selector({ outputs, cluster }, task),
    resourceVersion: version,
    timeoutSeconds: 240,
  };
  await new Promise<void>((done, failed) => {
    const onEvent = (type: string, run: RunObject) => {
      if (["ADDED", "MODIFIED"].includes(type)) changed(remediationOf(run, outputs.workflowTemplate));
    };
    new Watch(cluster)
      .watch(path, query, onEvent, () => done())
      .then((watch) => {
        if (signal.aborted) watch.abort();
        signal.addEventListener("abort", () => watch.abort(), { once: true });
      }, failed);
  });
}

/** Label selector of the remediations of all tasks or of one. */
export function selector({ outputs }: Installation, task: string | undefined): string {
  const labels = { ...runLabels(outputs.workflowTemplate, "remediation"), ...(task && { [taskLabel]: task }) };
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

export function newestFirst(one: { started: string; run: string }, other: { started: string; run: string }): number {
  return other.started.localeCompare(one.started) || other.run.localeCompare(one.run);
}

/** @param installation prefix of the installation's object names */
export function remediationOf(run: RunObject, installation: string): Remediation {
  const { name, creationTimestamp, labels = {} } = run.metadata;
  const { phase = "", finishedAt } = run.status ?? {};
  const state = isFailed(run) || phase === "Succeeded" ? "ended" : phase === "Running" ? "at work" : "waits";
  const outcome = state === "ended" ? outcomeOf(run) : undefined;
  const report = reportOf(run);
  const until = state === "ended" ? Date.parse(finishedAt ?? creationTimestamp) : Date.now();
  return {
    run: name,
    started: creationTimestamp,
    task: parameter(run, "task") ?? labels[taskLabel] ?? "",
    ...optional("repository", parameter(run, "repository")),
    ...optional("sha", (parameter(run, "after") ?? report.find(({ head }) => head)?.head)?.slice(0, 12)),
    ...pushOf(run),
    state,
    ...(outcome !== undefined && { outcome }),
    ...(outcome === "failed" && { failure: failureOf(run) }),
    trigger: triggerOf(name, installation),
    summary: summaryOf(run, state, outcome, report),
    seconds: Math.max(0, Math.round((until - Date.parse(creationTimestamp)) / 1000)),
  };
}

/** The push in the parameters of a run; none for a run by hand. */
export function pushOf(run: RunObject): { push?: ToldPush } {
  const [before, after, pushedAt] = ["before", "after", "pushed-at"].map((name) => parameter(run, name));
  if (before === undefined || after === undefined || pushedAt === undefined) return {};
  return { push: { before, after, pushedAt: Number(pushedAt) } };
}

function parameter(run: RunObject, name: string): string | undefined {
  return run.spec.arguments?.parameters?.find((one) => one.name === name)?.value || undefined;
}

function optional<K extends string>(key: K, value: string | undefined): { [key in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: string });
}

/** The trigger, read from the name: the Sensor and the sweep derive the name from the push. */
function triggerOf(name: string, installation: string): Remediation["trigger"] {
  const suffix = runNameSuffix(installation, name);
  return suffix === "" ? "push" : suffix === sweepSuffix ? "sweep" : "by hand";
}

function nodesOf(run: RunObject): RunNode[] {
  return Object.values(run.status?.nodes ?? {}).sort((one, other) =>
    (one.finishedAt ?? "~").localeCompare(other.finishedAt ?? "~"),
  );
}

/** The steps whose messages say what the run did. */
const actingSteps: PodStep[] = ["stop-qa", "restart-qa"];

function summaryOf(
  run: RunObject,
  state: Remediation["state"],
  outcome: Outcome | undefined,
  report: Ending[],
): string {
  if (state === "waits") return run.status?.message ?? "Argo has not picked it up yet";
  if (state === "at work") return `at ${stepsAtWork(run)}`;
  if (outcome === "failed") return failureOf(run).did;
  const did = (step: PodStep) => report.find((ending) => ending.step === step)?.did;
  const done =
    outcome === "remediated" && did("restart-qa") !== undefined
      ? actingSteps.map((step) => did(step))
      : [did("record")];
  return [...done, failureAroundSteps(run)].filter(Boolean).join("; ");
}

function stepsAtWork(run: RunObject): string {
  const steps = nodesOf(run).filter(({ type, phase }) => type === "Container" && phase === "Running");
  return steps.map(({ displayName }) => stepOf(displayName) ?? displayName).join(", ") || "the start of its pod";
}
