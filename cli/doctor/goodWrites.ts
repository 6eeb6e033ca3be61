import { randomBytes } from "node:crypto";
import { pusherNames } from "../../components/taskPush.ts";
import { ledgerKey, sweptLabel } from "../../components/vocabulary/keys.ts";
import { taskPattern } from "../../components/vocabulary/patterns.ts";
import { sweepSuffix } from "../../components/vocabulary/runName.ts";
import { refusedByAuthorizer, refusesDryRun, refusesImpersonation } from "../lib/apiServerStatus.ts";
import { request } from "../lib/installation.ts";
import type { Settings } from "../lib/settings.ts";
import { type Attempt, api, asUser, attempt, both, dry, mergePatch, wordsOf } from "./attempts.ts";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";
import type { InstalledContext, Thing } from "./context.ts";
import { installationCheck } from "./installation.ts";
import { type PushedRun, runOfPush } from "./pushedRun.ts";

/**
 * What has to be let through: one of each write that a push comes to, as the account that makes it and exactly as it makes it. All are
 * dry runs. Whoever else has a say in what is written, the policies, webhooks, quotas, has it here, too.
 */

const workflows = { group: "argoproj.io", version: "v1alpha1", plural: "workflows" };

export const goodWritesCheck: Check<InstalledContext> = {
  name: "good writes",
  needs: [installationCheck],
  look: goodWrites,
};

export async function goodWrites(context: InstalledContext): Promise<Finding[]> {
  return [...(await runs(context)), await deletion(context), await restart(context)];
}

/** Who asks, for what, and what it means if that is refused. */
export interface Write {
  of: string;
  account: string;
  /** As in "a push gets no run". */
  otherwise: string;
  fix: string;
}

/** @param came what came of it */
export function judged(came: Attempt, { of, account, otherwise, fix }: Write): Finding {
  if (came === "let through") return pass(`${account} is let through`, of);
  if (refusesImpersonation(came)) {
    return warn(
      "not checked: who calls this may not impersonate the accounts",
      "let somebody call this who may impersonate users, groups and userextras",
      of,
    );
  }
  if (refusesDryRun(came)) {
    return warn(
      `not checked: ${wordsOf(came)}`,
      "let that webhook say sideEffects: None, or try it with npm run push",
      of,
    );
  }
  // The check of the rights says so.
  if (refusedByAuthorizer(came)) return skip(`not checked: ${account} has not got the right to it`, of);
  return fail(`${otherwise}: ${wordsOf(came)}`, fix, of);
}

const others = (kind: string, { namespace, prefix }: InstalledContext) =>
  `kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations,validatingadmissionpolicies shows who has a say in ${kind}: keep namespace ${namespace} out of it there, by a namespaceSelector; what is in the policies ${prefix}-… themselves is made again by pulumi up --refresh`;

/** The run of a push as the Sensor makes it, and that of a lost push as the sweep makes it. */
async function runs(context: InstalledContext): Promise<Finding[]> {
  const sensor = await context.sensor();
  const accounts = await context.accounts();
  const ofPush = "a push's run";
  const ofLostPush = "a lost push's run";
  if (sensor === undefined) return [skip("not checked: there is no Sensor that says how it is made", ofPush)];
  const { repositories } = await context.settings();
  const commit = () => randomBytes(20).toString("hex");
  const [before, after] = [commit(), commit()];
  const pushedAt = Math.trunc(Date.now() / 1000);
  // A task that hardly anybody has, and commits that nobody has: no run is in the way.
  const run = runOfPush(sensor, { task: "999999999", before, after, repository: repositories[0] ?? "", pushedAt });
  const fix = others("Workflows", context);
  const found = [
    await made(context, run, { of: ofPush, account: accounts.sensor ?? "", otherwise: "a push gets no run", fix }),
  ];
  if (!context.sweeps) return found;
  const { metadata } = run;
  const swept = { ...metadata.labels, [sweptLabel]: `${Math.trunc(pushedAt / 3600)}` };
  const lost = { ...run, metadata: { ...metadata, name: `${metadata.name}${sweepSuffix}`, labels: swept } };
  const account = accounts.sweep ?? "";
  return [...found, await made(context, lost, { of: ofLostPush, account, otherwise: "a lost push gets no run", fix })];
}

async function made(context: InstalledContext, body: PushedRun, write: Write): Promise<Finding> {
  const create = (as: typeof request) =>
    api(context).createNamespacedCustomObject({ ...workflows, body, ...dry(context) }, as);
  const finding = judged(await attempt(create(asUser(context.namespace, write.account))), write);
  if (finding.verdict !== "fail") return finding;
  // The policies do not bind the caller, who so gets to see what would be stored.
  const stored = (await create(request).catch(() => undefined)) as object | undefined;
  const more = stored === undefined ? [] : changed(body, stored);
  return more.length === 0
    ? finding
    : { ...finding, found: `${finding.found}; on its way in somebody else changes ${more.join(", ")}` };
}

/** What the API server itself sets. */
const served = ["metadata.uid", "metadata.creationTimestamp", "metadata.generation", "metadata.managedFields"];

/** @returns the paths at which what is stored is not what was sent */
export function changed(sent: object, stored: object, at = ""): string[] {
  const was = new Map(Object.entries(sent));
  const is = new Map(Object.entries(stored));
  const keys = [...new Set([...is.keys(), ...was.keys()])];
  return keys.flatMap((key) => {
    const path = `${at}${key}`;
    const [one, other] = [was.get(key), is.get(key)];
    if (served.includes(path) || JSON.stringify(one) === JSON.stringify(other)) return [];
    return isMap(one) && isMap(other) ? changed(one, other, `${path}.`) : [path];
  });
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The deletion of a CodeRun that the remediation of its task may delete. */
async function deletion(context: InstalledContext): Promise<Finding> {
  const of = "a CodeRun's deletion";
  const settings = await context.settings();
  const { group, version, resource: plural } = settings.codeRuns;
  const target = (await context.list({ group, version, plural }))?.find((one) => isTarget(one, settings));
  if (target === undefined) return skip("not checked: there is no CodeRun now that a remediation may delete", of);
  const { name, uid, labels } = target.metadata;
  const account = (await context.accounts()).remediation ?? "";
  const options = { preconditions: { uid }, propagationPolicy: "Foreground" };
  // Of a deletion with a body the API server reads no options in the URL: there dryRun would be none.
  const body = { apiVersion: "v1", kind: "DeleteOptions", ...options, dryRun: ["All"] };
  const deleted = api(context).deleteNamespacedCustomObject(
    { group, version, plural, name, body, ...dry(context) },
    asPodOf(context, account, labels?.[settings.codeRuns.taskLabel]),
  );
  return judged(await attempt(deleted), {
    of,
    account,
    otherwise: `agents are not cancelled (tried with ${name})`,
    fix: others(plural, context),
  });
}

/** Stage, gate and ledger of a main workflow, as restart-qa writes them. */
async function restart(context: InstalledContext): Promise<Finding> {
  const of = "a main workflow's restart";
  const settings = await context.settings();
  const { typeLabel, type, taskLabel, stageLabel } = settings.mainWorkflows;
  const all = await context.listArgo("workflows", `${typeLabel}=${type}`);
  const main = all.find((one) => isMain(one, settings));
  if (main === undefined) return skip("not checked: there is no main workflow at work", of);
  const { name, labels } = main.metadata;
  const account = (await context.accounts()).remediation ?? "";
  const gates = Object.entries<{ type: string; phase: string }>(main.status?.nodes ?? {});
  const open = gates.filter(([, node]) => node.type === "Suspend" && node.phase === "Running").slice(0, 1);
  const body = {
    metadata: {
      labels: { [stageLabel]: settings.resetStage },
      annotations: { [ledgerKey("resumed")]: "true" },
    },
    ...(open.length > 0 && { status: { nodes: Object.fromEntries(open.map(([id]) => [id, { phase: "Succeeded" }])) } }),
  };
  const patched = api(context).patchNamespacedCustomObject(
    { ...workflows, name, body, ...dry(context) },
    both(asPodOf(context, account, labels?.[taskLabel]), mergePatch),
  );
  return judged(await attempt(patched), {
    of,
    account,
    otherwise: `QA is not restarted (tried with ${name})`,
    fix: others("Workflows", context),
  });
}

/** The policies go by the name of the pod that asks: that of a remediation's run of the task. */
function asPodOf(context: InstalledContext, account: string, task = "") {
  return asUser(context.namespace, account, `${context.prefix}-${task}-doctor-remediate-1`);
}

const isTask = (value = "") => new RegExp(`^${taskPattern}$`).test(value);

function isWatched(named: string | undefined, { repositoryLabels }: Settings): boolean {
  return named === undefined
    ? repositoryLabels.length === 1
    : repositoryLabels.some((label) => label.toLowerCase() === named.toLowerCase());
}

function isTarget({ metadata: { labels = {} } }: Thing, settings: Settings): boolean {
  const { taskLabel, agentLabel, repositoryLabel } = settings.codeRuns;
  const known = [taskLabel, agentLabel, repositoryLabel];
  const pusher = pusherNames(settings.pusher);
  return (
    isTask(labels[taskLabel]) &&
    settings.agents.includes(labels[agentLabel] ?? "") &&
    isWatched(labels[repositoryLabel], settings) &&
    !Object.entries(labels).some(([key, value]) => !known.includes(key) && pusher.includes(value.toLowerCase()))
  );
}

function isMain({ metadata: { labels = {} }, status }: Thing, settings: Settings): boolean {
  const { taskLabel, repositoryLabel } = settings.mainWorkflows;
  return (
    isTask(labels[taskLabel]) &&
    isWatched(labels[repositoryLabel], settings) &&
    !["Succeeded", "Failed", "Error"].includes(status?.phase)
  );
}
