import { CustomObjectsApi, setHeaderOptions, type V1Deployment } from "@kubernetes/client-node";
import { parse } from "yaml";
import { ask, Refusal, request } from "../lib/installation.ts";
import { postponed } from "../lib/parallelism.ts";
import { argoWorkflowsKindsCheck, deploymentsOf, runsPart } from "./argo.ts";
import { type Check, type Finding, fail, forbidden, pass, skip, warn } from "./check.ts";
import type { DoctorContext, Platform, Thing } from "./context.ts";
import { atLeast } from "./versions.ts";

/** What the ConfigMap of Argo Workflows' controller says that holds remediations back, or makes them look as if they failed. */

/** @param configured what has to be well first, so that it is known which workflows are main workflows */
export const workflowsAtOnceCheck = (configured: Check): Check<DoctorContext> => ({
  name: "workflows at once",
  needs: [configured, argoWorkflowsKindsCheck],
  look: (context) => each(context, notChecked, async (known) => atOnce(context, await context.platform(), known)),
});

/** @param configured what has to be well first */
export const archivedLogsCheck = (configured: Check): Check<DoctorContext> => ({
  name: "archived logs",
  needs: [configured, argoWorkflowsKindsCheck],
  look: (context) =>
    each(
      context,
      () => skip("because the ConfigMap of Argo Workflows' controller is not seen"),
      async (known) => [archivedLogs(known, await ownRepository(context))],
    ),
});

// ------------------------------------------------------------ the configuration

/** A controller that takes care of the namespace's workflows, as far as its Deployment tells. */
export interface Controller {
  /** Of its ConfigMap. */
  namespace: string;
  configMap: string;
  /** Undefined where it is not seen as a Deployment. */
  deployment?: string;
  /** Its image's tag. */
  version?: string;
  /** Whether it takes care of one namespace only; undefined where that is not seen. */
  namespaced?: boolean;
}

interface Known extends Controller {
  config: Config;
}

/** The part of it that is read here. */
interface Config {
  instanceID?: string;
  parallelism?: number;
  namespaceParallelism?: number;
  artifactRepository?: { archiveLogs?: boolean };
  workflowDefaults?: { spec?: { archiveLogs?: boolean } };
}

const usualName = "workflow-controller-configmap";

/**
 * The controllers that take care of a namespace: where none is seen, those that upstream's manifests would make.
 *
 * @param deployments of the whole cluster
 */
export function controllersOf(namespace: string, deployments: V1Deployment[]): Controller[] {
  const seen = deployments
    .filter((one) => runsPart("Argo Workflows", one))
    .map((one) => {
      const [container] = one.spec?.template.spec?.containers ?? [];
      const words = [...(container?.command ?? []), ...(container?.args ?? [])];
      const flag = (name: string): string | undefined => {
        const at = words.findIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`));
        const next = words[at + 1];
        if (at >= 0) return words[at]?.split("=")[1] ?? (next === undefined || next.startsWith("-") ? "true" : next);
        const variable = `ARGO_${name.toUpperCase().replaceAll("-", "_")}`;
        return container?.env?.find((one) => one.name === variable)?.value;
      };
      const at = one.metadata?.namespace ?? "";
      const namespaced = flag("namespaced") === "true";
      return {
        namespace: at,
        configMap: flag("configmap") ?? usualName,
        deployment: one.metadata?.name ?? "",
        version: container?.image?.replace(/^.*:/, "") ?? "",
        namespaced,
        of: namespaced ? (flag("managed-namespace") ?? at) : undefined,
      };
    })
    .filter(({ of }) => of === undefined || of === namespace)
    .map(({ of: _, ...controller }) => controller);
  if (seen.length > 0) return seen;
  return [...new Set([namespace, "argo"])].map((at) => ({ namespace: at, configMap: usualName }));
}

/**
 * As the controller reads its ConfigMap.
 *
 * @see https://github.com/argoproj/argo-workflows/blob/v3.7.4/config/controller.go parseConfigMap
 */
export function configOf(data: Record<string, string>): Config {
  return data.config === undefined
    ? Object.fromEntries(Object.entries(data).map(([key, value]) => [key, parse(value)]))
    : (parse(data.config) ?? {});
}

/** @param unseen what is said where no ConfigMap can be read, for these reasons */
async function each(
  context: DoctorContext,
  unseen: (reasons: string[]) => Finding,
  judge: (known: Known) => Promise<Finding[]>,
): Promise<Finding[]> {
  const { known, reasons } = await configurations(context);
  if (known.length === 0) return [unseen(reasons)];
  const found = await Promise.all(known.map(judge));
  return found.flatMap((findings, index) =>
    findings.map((finding) => (known.length === 1 ? finding : { ...finding, of: placeOf(known[index] as Known) })),
  );
}

function notChecked(reasons: string[]): Finding {
  return warn(
    `not checked: ${reasons.join("; ")}`,
    `kubectl get configmaps -A | grep ${usualName} finds what Argo Workflows' controller was told; docs/troubleshooting.md, "Too many workflows are running", says what of it counts`,
  );
}

function configurations(context: DoctorContext): Promise<{ known: Known[]; reasons: string[] }> {
  return context.once("the controllers' configuration", async () => {
    const reasons: string[] = [];
    const known: Known[] = [];
    const deployments = await seen(deploymentsOf(context), []);
    for (const controller of controllersOf(context.namespace, deployments.value)) {
      const { namespace: at, configMap: name } = controller;
      const read = context.core.readNamespacedConfigMap({ namespace: at, name }, request);
      const { value, reason } = await seen(ask(context.cluster, `read ConfigMap ${at}/${name}`, read), undefined);
      if (value === undefined) {
        reasons.push(reason ?? `there is no ConfigMap ${at}/${name}`);
        continue;
      }
      try {
        known.push({ ...controller, config: configOf(value.data ?? {}) });
      } catch {
        reasons.push(`ConfigMap ${at}/${name} is no YAML`);
      }
    }
    return { known, reasons };
  });
}

/** What may be looked at; else why not, which is no failure of the installation. */
async function seen<T>(asked: Promise<T>, instead: T): Promise<{ value: T; reason?: string }> {
  try {
    return { value: await asked };
  } catch (error) {
    if (!forbidden(error)) throw error;
    return { value: instead, reason: (error as Error).message };
  }
}

const placeOf = ({ namespace, configMap }: Controller) => `${namespace}/${configMap}`;

// ------------------------------------------------------------ how many at once

const limitLabel = "workflows.argoproj.io/parallelism-limit";

/** A limit, and what it holds back now. */
export interface Limit {
  /** What sets it, as `parallelism`. */
  by: "parallelism" | "namespaceParallelism" | "label";
  most: number;
  /** Workflows that count; a reason why they could not be counted. */
  running: number | string;
  /** Workflows that Argo holds back because of a limit. */
  waiting: number;
  /** Main workflows of the namespace among those that count. */
  mainWorkflows: number;
  /** Of them. */
  atGates: number;
}

async function atOnce(
  context: DoctorContext,
  { mainWorkflows: { typeLabel, type } }: Pick<Platform, "mainWorkflows">,
  known: Known,
): Promise<Finding[]> {
  const { labels } = (await seen(readNamespace(context), undefined)).value?.metadata ?? {};
  const limits = limitsOf(known, labels?.[limitLabel]);
  if (limits.length === 0) {
    return [pass(`neither parallelism nor namespaceParallelism is set in ConfigMap ${placeOf(known)}`)];
  }
  const main = await context.listArgo("workflows", `${typeLabel}=${type},${running}`);
  const mainWorkflows = main.length;
  const atGates = main.filter(waitsAtGate).length;
  return Promise.all(
    limits.map(async ({ by, most }) => {
      const counted = await seen<Counted | undefined>(
        count(context, known, by === "parallelism" && known.namespaced !== true),
        undefined,
      );
      const { running, waiting } = counted.value ?? { running: counted.reason ?? "", waiting: 0 };
      return held({ by, most, running, waiting, mainWorkflows, atGates }, known, context.namespace);
    }),
  );
}

function readNamespace({ core, cluster, namespace: name }: DoctorContext) {
  return ask(cluster, `read namespace ${name}`, core.readNamespace({ name }, request));
}

/**
 * @param label of the namespace: from Argo 3.7 on it goes before namespaceParallelism, where the controller may list namespaces
 */
export function limitsOf({ config, version }: Known, label: string | undefined): Pick<Limit, "by" | "most">[] {
  const { parallelism = 0, namespaceParallelism = 0 } = config;
  const own = label !== undefined && /^\d+$/.test(label) && atLeast(version ?? "", "3.7.0") !== false;
  const all: Pick<Limit, "by" | "most">[] = [
    { by: "parallelism", most: Number(parallelism) },
    own ? { by: "label", most: Number(label) } : { by: "namespaceParallelism", most: Number(namespaceParallelism) },
  ];
  return all.filter(({ most }) => most > 0);
}

const running = "workflows.argoproj.io/phase=Running";

interface Counted {
  running: number;
  waiting: number;
}

/** The workflows that a controller has let begin, and those that it has not. */
async function count({ cluster, namespace }: DoctorContext, { config }: Known, everywhere: boolean): Promise<Counted> {
  const instance = "workflows.argoproj.io/controller-instanceid";
  const whose = config.instanceID ? `${instance}=${config.instanceID}` : `!${instance}`;
  const api = cluster.makeApiClient(CustomObjectsApi);
  const kind = { group: "argoproj.io", version: "v1alpha1" };
  const list = async (selector: string, options: typeof request): Promise<Thing[]> => {
    const labelSelector = `${selector},${whose}`;
    const answer = everywhere
      ? api.listCustomObjectForAllNamespaces({ ...kind, resourcePlural: "workflows", labelSelector }, options)
      : api.listNamespacedCustomObject({ ...kind, plural: "workflows", namespace, labelSelector }, options);
    const where = everywhere ? "all namespaces" : `namespace ${namespace}`;
    return ((await ask(cluster, `list workflows in ${where}`, answer)) as { items: Thing[] } | undefined)?.items ?? [];
  };
  // Each may be a megabyte, and only their number is wanted.
  const metadata = setHeaderOptions(
    "Accept",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    request,
  );
  const begun = await list(running, metadata);
  const pending = await list("workflows.argoproj.io/phase=Pending", request);
  const waiting = pending.filter(({ status }) => postponed(status?.message)).length;
  // What waits for a lock has been let in, too.
  return { running: begun.length + pending.length - waiting, waiting };
}

function waitsAtGate({ status }: Thing): boolean {
  const nodes: { type: string; phase: string }[] = Object.values(status?.nodes ?? {});
  return nodes.some(({ type, phase }) => type === "Suspend" && phase === "Running");
}

/** @param known the controller whose limit it is */
export function held(limit: Limit, known: Controller, namespace: string): Finding {
  const { by, most, running, waiting, mainWorkflows, atGates } = limit;
  const { namespace: at, configMap, deployment, namespaced } = known;
  const source = by === "label" ? `label ${limitLabel} of the namespace` : `${by} in ConfigMap ${placeOf(known)}`;
  const where = by !== "parallelism" || namespaced ? `in namespace ${namespace}` : "of Argo's controller";
  const begun = typeof running === "number" ? `${running} now` : `how many now cannot be seen (${running})`;
  const found = `at most ${most} ${where} (${source}): ${begun}; main workflows: ${mainWorkflows}, of them at gates: ${atGates}, where each keeps its place; held back: ${waiting}`;
  const restart =
    deployment === undefined
      ? "restart Argo Workflows' controller"
      : `kubectl -n ${at} rollout restart deployment ${deployment}`;
  const raise = "let it be more than there can ever be main workflows, or do without";
  const fix =
    by === "label"
      ? `${raise}: kubectl label --overwrite namespace ${namespace} ${limitLabel}=NUMBER`
      : `${raise}: kubectl -n ${at} edit configmap ${configMap}; then ${restart}, which reads it at its start`;
  const more = `${fix}; docs/troubleshooting.md, "Too many workflows are running"`;
  if (typeof running === "number" && running >= most) return fail(`${found}; a remediation waits until one ends`, more);
  return waiting > 0
    ? fail(`${found}, by another limit, or because the controller has not read this one since its start`, more)
    : warn(found, more);
}

// ------------------------------------------------------------------------ logs

/** Whether logs are archived by the repository that the namespace has of its own; undefined if it has none. */
async function ownRepository(context: DoctorContext): Promise<boolean | undefined> {
  const { core, cluster, namespace } = context;
  const configMap = "artifact-repositories";
  const read = core.readNamespacedConfigMap({ namespace, name: configMap }, request);
  const { value } = await seen(ask(cluster, `read ConfigMap ${namespace}/${configMap}`, read), undefined);
  const key = value?.metadata?.annotations?.["workflows.argoproj.io/default-artifact-repository"];
  const text = key === undefined ? undefined : value?.data?.[key];
  if (text === undefined) return undefined;
  try {
    return parse(text)?.archiveLogs === true;
  } catch {
    throw new Refusal(
      `ConfigMap ${namespace}/${configMap}, key ${key}, is no YAML`,
      `kubectl -n ${namespace} edit configmap ${configMap}`,
    );
  }
}

/** @param own of the namespace, which goes before the controller's */
export function archivedLogs(known: Known, own: boolean | undefined): Finding {
  const { artifactRepository, workflowDefaults } = known.config;
  const by = own
    ? "the namespace's ConfigMap artifact-repositories"
    : own === undefined && artifactRepository?.archiveLogs === true
      ? `artifactRepository in ConfigMap ${placeOf(known)}`
      : workflowDefaults?.spec?.archiveLogs === true
        ? `workflowDefaults in ConfigMap ${placeOf(known)}`
        : undefined;
  if (by === undefined) return pass("Argo is not told to archive logs");
  return warn(
    `archiveLogs is true (${by}): where the store of the logs does not answer, Argo shows a run as Failed, also one that has remediated`,
    "keep that store within reach, or take archiveLogs away there; what a run has done says its main workflow: kubectl get workflow MAIN -o jsonpath='{.metadata.annotations}'",
  );
}
