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
import type { ClusterObject, InstalledContext } from "./context.ts";
import { installationCheck } from "./installation.ts";
import { type PushedRun, runOfPush } from "./pushedRun.ts";

/**
 * Whether the API server accepts every kind of write that a remediation makes. Each write is tried as a dry run, by the same account and
 * in the same form as the real one. So admission policies, admission webhooks and quotas treat it like the real one.
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

/** A write, the account that makes it, and what it means if it is refused. */
export interface Write {
  of: string;
  account: string;
  /** What a refusal means for the user, for example "a push gets no run". */
  consequence: string;
  fix: string;
}

export function judged(result: Attempt, { of, account, consequence, fix }: Write): Finding {
  if (result === "let through") return pass(`accepted from ${account}`, of);
  if (refusesImpersonation(result)) {
    return warn(
      "not checked: you may not impersonate the accounts",
      "run this as a user who may impersonate users, groups and userextras",
      of,
    );
  }
  if (refusesDryRun(result)) {
    return warn(
      `not checked: ${wordsOf(result)}`,
      "declare sideEffects: None in that webhook, or try a real push with scripts/rex push",
      of,
    );
  }
  // The check of the rights reports this.
  if (refusedByAuthorizer(result)) return skip(`not checked: ${account} lacks the right to do it`, of);
  return fail(`${consequence}: ${wordsOf(result)}`, fix, of);
}

const whereToExclude = (kind: string, { namespace, prefix }: InstalledContext) =>
  `kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations,validatingadmissionpolicies lists what may refuse or change ${kind}: exclude namespace ${namespace} there with a namespaceSelector; if it is a policy ${prefix}-…, pulumi up --refresh restores it`;

/** Tries to create the run of a push as the Sensor does, and the run of a lost push as the sweep does. */
async function runs(context: InstalledContext): Promise<Finding[]> {
  const sensor = await context.sensor();
  const accounts = await context.accounts();
  const ofPush = "a push's run";
  const ofLostPush = "a lost push's run";
  if (sensor === undefined) return [skip("not checked: there is no Sensor to take the run from", ofPush)];
  const { repositories } = await context.settings();
  const commit = () => randomBytes(20).toString("hex");
  const [before, after] = [commit(), commit()];
  const pushedAt = Math.trunc(Date.now() / 1000);
  // An unlikely task number and random commits, so that no existing run has the same name.
  const run = runOfPush(sensor, { task: "999999999", before, after, repository: repositories[0] ?? "", pushedAt });
  const fix = whereToExclude("Workflows", context);
  const found = [
    await tryCreation(context, run, {
      of: ofPush,
      account: accounts.sensor ?? "",
      consequence: "a push gets no run",
      fix,
    }),
  ];
  if (!context.hasSweep) return found;
  const { metadata } = run;
  const swept = { ...metadata.labels, [sweptLabel]: `${Math.trunc(pushedAt / 3600)}` };
  const lost = { ...run, metadata: { ...metadata, name: `${metadata.name}${sweepSuffix}`, labels: swept } };
  const account = accounts.sweep ?? "";
  return [
    ...found,
    await tryCreation(context, lost, { of: ofLostPush, account, consequence: "a lost push gets no run", fix }),
  ];
}

async function tryCreation(context: InstalledContext, body: PushedRun, write: Write): Promise<Finding> {
  const create = (as: typeof request) =>
    api(context).createNamespacedCustomObject({ ...workflows, body, ...dry(context) }, as);
  const finding = judged(await attempt(create(asUser(context.namespace, write.account))), write);
  if (finding.verdict !== "fail") return finding;
  // The policies do not restrict the caller, who can therefore see what would be stored.
  const stored = (await create(request).catch(() => undefined)) as object | undefined;
  const more = stored === undefined ? [] : changed(body, stored);
  return more.length === 0
    ? finding
    : { ...finding, found: `${finding.found}; something in the cluster changes ${more.join(", ")}` };
}

/** Fields that the API server itself sets. */
const served = ["metadata.uid", "metadata.creationTimestamp", "metadata.generation", "metadata.managedFields"];

/** @returns the paths at which the stored object differs from the sent one */
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

/** Tries to delete a CodeRun that a remediation of its task may delete. */
async function deletion(context: InstalledContext): Promise<Finding> {
  const of = "a CodeRun's deletion";
  const settings = await context.settings();
  const { group, version, resource: plural } = settings.codeRuns;
  const target = (await context.list({ group, version, plural }))?.find((one) => isTarget(one, settings));
  if (target === undefined) return skip("not checked: there is currently no CodeRun that a remediation may delete", of);
  const { name, uid, labels } = target.metadata;
  const account = (await context.accounts()).remediation ?? "";
  const options = { preconditions: { uid }, propagationPolicy: "Foreground" };
  // If a deletion has a body, the API server ignores the options in the URL. A dryRun only there would delete the CodeRun.
  const body = { apiVersion: "v1", kind: "DeleteOptions", ...options, dryRun: ["All"] };
  const deleted = api(context).deleteNamespacedCustomObject(
    { group, version, plural, name, body, ...dry(context) },
    asPodOf(context, account, labels?.[settings.codeRuns.taskLabel]),
  );
  return judged(await attempt(deleted), {
    of,
    account,
    consequence: `agents are not cancelled (tried with ${name})`,
    fix: whereToExclude(plural, context),
  });
}

/** Tries to write stage, gate and ledger of a main workflow, as restart-qa does. */
async function restart(context: InstalledContext): Promise<Finding> {
  const of = "a main workflow's restart";
  const settings = await context.settings();
  const { typeLabel, type, taskLabel, stageLabel } = settings.mainWorkflows;
  const all = await context.listArgo("workflows", `${typeLabel}=${type}`);
  const main = all.find((one) => isMain(one, settings));
  if (main === undefined) return skip("not checked: there is no running main workflow", of);
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
    consequence: `QA is not restarted (tried with ${name})`,
    fix: whereToExclude("Workflows", context),
  });
}

/** The policies check the name of the calling pod. This is the name that a pod of a remediation of the task would have. */
function asPodOf(context: InstalledContext, account: string, task = "") {
  return asUser(context.namespace, account, `${context.prefix}-${task}-doctor-remediate-1`);
}

const isTask = (value = "") => new RegExp(`^${taskPattern}$`).test(value);

function isWatched(named: string | undefined, { repositoryLabels }: Settings): boolean {
  return named === undefined
    ? repositoryLabels.length === 1
    : repositoryLabels.some((label) => label.toLowerCase() === named.toLowerCase());
}

function isTarget({ metadata: { labels = {} } }: ClusterObject, settings: Settings): boolean {
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

function isMain({ metadata: { labels = {} }, status }: ClusterObject, settings: Settings): boolean {
  const { taskLabel, repositoryLabel } = settings.mainWorkflows;
  return (
    isTask(labels[taskLabel]) &&
    isWatched(labels[repositoryLabel], settings) &&
    !["Succeeded", "Failed", "Error"].includes(status?.phase)
  );
}
