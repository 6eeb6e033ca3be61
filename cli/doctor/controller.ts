import { CustomObjectsApi, setHeaderOptions, type V1Deployment } from "@kubernetes/client-node";
import { parse } from "yaml";
import { counted } from "../lib/counted.ts";
import { ask, Refusal, request } from "../lib/installation.ts";
import { postponed } from "../lib/parallelism.ts";
import { argoWorkflowsKindsCheck, deploymentsOf, runsPart } from "./argo.ts";
import { type Check, type Finding, fail, forbidden, pass, skip, warn } from "./check.ts";
import type { ClusterObject, DoctorContext, Platform } from "./context.ts";
import { atLeast } from "./versions.ts";

/** Settings in the ConfigMap of Argo Workflows' controller that delay remediations, or make them look as if they failed. */

/** @param configured the check that must pass first: the settings say which workflows are main workflows */
export const workflowsAtOnceCheck = (configured: Check): Check<DoctorContext> => ({
  name: "workflows at once",
  needs: [configured, argoWorkflowsKindsCheck],
  look: (context) => each(context, notChecked, async (known) => atOnce(context, await context.platform(), known)),
});

/** @param configured the check that must pass first */
export const archivedLogsCheck = (configured: Check): Check<DoctorContext> => ({
  name: "archived logs",
  needs: [configured, argoWorkflowsKindsCheck],
  look: (context) =>
    each(
      context,
      () => skip("because the ConfigMap of Argo Workflows' controller cannot be read"),
      async (known) => [archivedLogs(known, await ownRepository(context))],
    ),
});

// ------------------------------------------------------------ the configuration

/** A controller that handles the namespace's workflows, as far as its Deployment shows. */
export interface Controller {
  /** Namespace of its ConfigMap. */
  namespace: string;
  configMap: string;
  /** Name of its Deployment; undefined if none was found. */
  deployment?: string;
  /** The tag of its image. */
  version?: string;
  /** Whether it handles only one namespace; undefined if unknown. */
  namespaced?: boolean;
}

interface Known extends Controller {
  config: Config;
}

/** The settings in the ConfigMap that are read here. */
interface Config {
  instanceID?: string;
  parallelism?: number;
  namespaceParallelism?: number;
  artifactRepository?: { archiveLogs?: boolean };
  workflowDefaults?: { spec?: { archiveLogs?: boolean } };
}

const usualName = "workflow-controller-configmap";

/**
 * The controllers that handle a namespace. If none is found, it assumes those of Argo's standard manifests.
 *
 * @param deployments all deployments of the cluster
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
 * Parses the ConfigMap in the same way as the controller.
 *
 * @see https://github.com/argoproj/argo-workflows/blob/v3.7.4/config/controller.go parseConfigMap
 */
export function configOf(data: Record<string, string>): Config {
  return data.config === undefined
    ? Object.fromEntries(Object.entries(data).map(([key, value]) => [key, parse(value)]))
    : (parse(data.config) ?? {});
}

/** @param unseen makes the finding for the case that no ConfigMap can be read */
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
    `kubectl get configmaps -A | grep ${usualName} finds the ConfigMap of Argo Workflows' controller; docs/troubleshooting.md, "Too many workflows are running", explains its settings`,
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
        reasons.push(`ConfigMap ${at}/${name} is not valid YAML`);
      }
    }
    return { known, reasons };
  });
}

/** The answer; or, if the caller lacks the permission, a substitute and the reason. */
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

/** A limit on concurrent workflows, and what it delays now. */
export interface Limit {
  /** The setting that contains it. */
  by: "parallelism" | "namespaceParallelism" | "label";
  most: number;
  /** Number of workflows that count against the limit, or the reason why they could not be counted. */
  running: number | string;
  /** Number of workflows that Argo delays because of a limit. */
  waiting: number;
  /** Number of running main workflows in the namespace. */
  mainWorkflows: number;
  /** Number of those that wait at a gate. */
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
 * @param label the namespace's label. From Argo 3.7 on it overrides namespaceParallelism, if the controller may list namespaces
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

/** Counts the workflows that a controller has started and those that it holds back. */
async function count({ cluster, namespace }: DoctorContext, { config }: Known, everywhere: boolean): Promise<Counted> {
  const instance = "workflows.argoproj.io/controller-instanceid";
  const whose = config.instanceID ? `${instance}=${config.instanceID}` : `!${instance}`;
  const api = cluster.makeApiClient(CustomObjectsApi);
  const kind = { group: "argoproj.io", version: "v1alpha1" };
  const list = async (selector: string, options: typeof request): Promise<ClusterObject[]> => {
    const labelSelector = `${selector},${whose}`;
    const answer = everywhere
      ? api.listCustomObjectForAllNamespaces({ ...kind, resourcePlural: "workflows", labelSelector }, options)
      : api.listNamespacedCustomObject({ ...kind, plural: "workflows", namespace, labelSelector }, options);
    const where = everywhere ? "all namespaces" : `namespace ${namespace}`;
    return (
      ((await ask(cluster, `list workflows in ${where}`, answer)) as { items: ClusterObject[] } | undefined)?.items ??
      []
    );
  };
  // A workflow can be a megabyte large, and only the number of workflows is needed.
  const metadata = setHeaderOptions(
    "Accept",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    request,
  );
  const begun = await list(running, metadata);
  const pending = await list("workflows.argoproj.io/phase=Pending", request);
  const waiting = pending.filter(({ status }) => postponed(status?.message)).length;
  // A workflow that waits for a lock counts as started.
  return { running: begun.length + pending.length - waiting, waiting };
}

function waitsAtGate({ status }: ClusterObject): boolean {
  const nodes: { type: string; phase: string }[] = Object.values(status?.nodes ?? {});
  return nodes.some(({ type, phase }) => type === "Suspend" && phase === "Running");
}

/** @param known the controller that has the limit */
export function held(limit: Limit, known: Controller, namespace: string): Finding {
  const { by, most, running, waiting, mainWorkflows, atGates } = limit;
  const { namespace: at, configMap, deployment, namespaced } = known;
  const source = by === "label" ? `label ${limitLabel} of the namespace` : `${by} in ConfigMap ${placeOf(known)}`;
  const where = by !== "parallelism" || namespaced ? `in namespace ${namespace}` : "of Argo's controller";
  const begun = typeof running === "number" ? `${running} running now` : `their number cannot be read (${running})`;
  const found = `at most ${counted(most, "workflow")} ${where} (${source}): ${begun}; main workflows: ${mainWorkflows} (at gates, where they still count: ${atGates}); held back: ${waiting}`;
  const restart =
    deployment === undefined
      ? "restart Argo Workflows' controller"
      : `kubectl -n ${at} rollout restart deployment ${deployment}`;
  const raise = "set the limit higher than the largest number of main workflows, or remove it";
  const fix =
    by === "label"
      ? `${raise}: kubectl label --overwrite namespace ${namespace} ${limitLabel}=NUMBER`
      : `${raise}: kubectl -n ${at} edit configmap ${configMap}; then ${restart}, because it reads the ConfigMap only at its start`;
  const more = `${fix}; docs/troubleshooting.md, "Too many workflows are running"`;
  if (typeof running === "number" && running >= most)
    return fail(`${found}; a remediation has to wait until one of them ends`, more);
  return waiting > 0
    ? fail(`${found}, because of another limit, or because the controller has not read this one since it started`, more)
    : warn(found, more);
}

// ------------------------------------------------------------------------ logs

/** Whether the namespace's own artifact repository archives logs; undefined if the namespace has none. */
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
      `ConfigMap ${namespace}/${configMap}, key ${key}, is not valid YAML`,
      `kubectl -n ${namespace} edit configmap ${configMap}`,
    );
  }
}

/** @param own archiveLogs of the namespace's own repository, which overrides the controller's; undefined if there is none */
export function archivedLogs(known: Known, own: boolean | undefined): Finding {
  const { artifactRepository, workflowDefaults } = known.config;
  const by = own
    ? "the namespace's ConfigMap artifact-repositories"
    : own === undefined && artifactRepository?.archiveLogs === true
      ? `artifactRepository in ConfigMap ${placeOf(known)}`
      : workflowDefaults?.spec?.archiveLogs === true
        ? `workflowDefaults in ConfigMap ${placeOf(known)}`
        : undefined;
  if (by === undefined) return pass("Argo does not archive logs");
  return warn(
    `archiveLogs is true (${by}): if the artifact store does not answer, Argo shows a run as Failed even if it remediated`,
    "keep the artifact store reachable, or remove archiveLogs; the annotations of the main workflow say what a run really did: kubectl get workflow MAIN -o jsonpath='{.metadata.annotations}'",
  );
}
