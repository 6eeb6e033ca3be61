import { CustomObjectsApi, Watch } from "@kubernetes/client-node";
import { runLabels } from "../../components/labels.ts";
import { taskLabel } from "../../components/vocabulary/keys.ts";
import type { Outcome } from "../../components/vocabulary/outcomes.ts";
import { runNameSuffix, sweepSuffix } from "../../components/vocabulary/runName.ts";
import type { ToldPush } from "../../components/vocabulary/samePush.ts";
import { type PodStep, stepOf } from "../../components/vocabulary/steps.ts";
import { ask, type Installation, request } from "./installation.ts";
import { reportOf } from "./remediationRun.ts";
import { allTheSame, failureOf, isFailed, outcomeOf } from "./runEnd.ts";

/** The remediations of an installation, as their runs tell of them. */

const workflows = { group: "argoproj.io", version: "v1alpha1", plural: "workflows" };

/** A remediation as it is now. */
export interface Remediation {
  run: string;
  /** When its run was made, ISO 8601. */
  started: string;
  task: string;
  /** owner/name; undefined where it was made without. */
  repository?: string;
  /** The pushed head, or the present one of a run by hand; twelve digits; undefined where no step has said it yet. */
  sha?: string;
  /** Undefined of a run by hand. */
  push?: ToldPush;
  state: "waits" | "at work" | "ended";
  /** Undefined before the end. */
  outcome?: Outcome;
  trigger: "push" | "sweep" | "by hand";
  /** What was done, why nothing was, or what it waits for. */
  summary: string;
  /** Since it was made, to its end or until now. */
  seconds: number;
}

/** The part of a Workflow that tells of a remediation. */
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

/** A run carries its whole template, so that a list of all would be large. */
const runsAtOnce = 50;

/** @returns newest first, and the version of the list, from which it can be watched on */
export async function listRemediations(
  installation: Installation,
  task?: string,
): Promise<{ remediations: Remediation[]; version: string }> {
  const { items, version } = await listRuns(installation, selector(installation, task));
  const remediations = items.map((run) => remediationOf(run, installation.outputs.workflowTemplate));
  return { remediations: remediations.sort(newestFirst), version };
}

/** Those of the sweep are Workflows of this program, too. */
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
        { ...workflows, namespace, labelSelector, limit: runsAtOnce, _continue: page?.metadata.continue },
        request,
      ),
    );
    items.push(...(page?.items ?? []));
  } while (page?.metadata.continue);
  return { items, version: page?.metadata.resourceVersion ?? "" };
}

/**
 * Tells of each change of a remediation until the API server ends the watch, or the signal does.
 *
 * @param version as {@link listRemediations} returned it
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
    const see = (type: string, run: RunObject) => {
      if (["ADDED", "MODIFIED"].includes(type)) changed(remediationOf(run, outputs.workflowTemplate));
    };
    new Watch(cluster)
      .watch(path, query, see, () => done())
      .then((watch) => {
        if (signal.aborted) watch.abort();
        signal.addEventListener("abort", () => watch.abort(), { once: true });
      }, failed);
  });
}

/** Label selector of the remediations. */
export function selector({ outputs }: Installation, task: string | undefined): string {
  const labels = { ...runLabels(outputs.workflowTemplate, "remediation"), ...(task && { [taskLabel]: task }) };
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

export function newestFirst(one: { started: string; run: string }, other: { started: string; run: string }): number {
  return other.started.localeCompare(one.started) || other.run.localeCompare(one.run);
}

/** @param installation the prefix of its names */
export function remediationOf(run: RunObject, installation: string): Remediation {
  const { name, creationTimestamp, labels = {} } = run.metadata;
  const { phase = "", finishedAt } = run.status ?? {};
  const state = isFailed(run) || phase === "Succeeded" ? "ended" : phase === "Running" ? "at work" : "waits";
  const outcome = state === "ended" ? outcomeOf(run) : undefined;
  const report = reportOf(nodesOf(run));
  const until = state === "ended" ? Date.parse(finishedAt ?? creationTimestamp) : Date.now();
  return {
    run: name,
    started: creationTimestamp,
    task: parameter(run, "task") ?? labels[taskLabel] ?? "",
    ...optional("repository", parameter(run, "repository")),
    ...optional("sha", parameter(run, "after")?.slice(0, 12) ?? /\bhead ([0-9a-f]{12})\b/.exec(report[0] ?? "")?.[1]),
    ...pushOf(run),
    state,
    ...(outcome !== undefined && { outcome }),
    trigger: triggerOf(name, installation),
    summary: summaryOf(run, state, outcome, report),
    seconds: Math.max(0, Math.round((until - Date.parse(creationTimestamp)) / 1000)),
  };
}

/** The push that a run was told of. */
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

/** By its name, which the Sensor and the sweep make of the push. */
function triggerOf(name: string, installation: string): Remediation["trigger"] {
  const suffix = runNameSuffix(installation, name);
  return suffix === "" ? "push" : suffix === sweepSuffix ? "sweep" : "by hand";
}

function nodesOf(run: RunObject): RunNode[] {
  return Object.values(run.status?.nodes ?? {}).sort((one, other) =>
    (one.finishedAt ?? "~").localeCompare(other.finishedAt ?? "~"),
  );
}

/** The steps whose words tell what was done. */
const doers: PodStep[] = ["stop-qa", "restart-qa"];

function summaryOf(
  run: RunObject,
  state: Remediation["state"],
  outcome: Outcome | undefined,
  report: string[],
): string {
  if (state === "waits") return run.status?.message ?? "Argo has not looked at it yet";
  if (state === "at work") return `at ${stepsAtWork(run)}`;
  if (outcome === "failed") return failureOf(run);
  const said = new Map<string | undefined, string | undefined>(
    report.map((line) => /^([a-z-]+): (.*) \([\d.]+ s\)$/.exec(line)).map((m) => [m?.[1], m?.[2]]),
  );
  const done =
    outcome === "remediated" && said.has("restart-qa")
      ? doers.map((step) => said.get(step))
      : [said.get("record")?.replace(`${outcome}: `, "")];
  return [...done, allTheSame(run)].filter(Boolean).join("; ");
}

function stepsAtWork(run: RunObject): string {
  const steps = nodesOf(run).filter(({ type, phase }) => type === "Container" && phase === "Running");
  return steps.map(({ displayName }) => stepOf(displayName) ?? displayName).join(", ") || "the start of its pod";
}
