import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Cluster, until } from "../cluster.ts";
import { type CodeRun, ownedBy } from "../codeRuns.ts";
import type { Platform, Task } from "../platform.ts";
import { apiServer } from "./apiServerUse.ts";
import type { HeldStep } from "./heldStep.ts";
import type { FaultKind } from "./kinds.ts";
import { nodeComponent } from "./nodeComponent.ts";
import { writeBeforeStep } from "./otherWriter.ts";

/** Injects a fault into one run while its step is held at its start. It may let the step continue. */
type Strike = (held: HeldStep, platform: Platform, task: Task) => Promise<void>;

/** The faults that strike one run in one step. */
export const strikes: Partial<Record<FaultKind, Strike>> = {
  "step-killed": async (held) => held.killStep(),
  "container-killed": async (held) => held.killContainer(),
  "pod-deleted": async ({ pod }, { cluster }) => {
    await cluster.core.deleteNamespacedPod({ namespace: cluster.namespace, name: pod, gracePeriodSeconds: 0 });
  },
  "other-writer": (held, { cluster }, { workflow }) => writeBeforeStep(held, cluster, workflow),
  "agent-owns-rex": async (_held, { cluster }, { id }) => {
    const [cleo, rex] = await agentsOf(cluster, id, "5DLabs-Cleo", "5DLabs-Rex");
    const { metadata } = ownedBy([cleo], rex);
    await cluster.patchCodeRun(rex.metadata.name, { metadata: { ownerReferences: metadata.ownerReferences } });
  },
  "workflow-suspended": async (_held, { cluster }, { workflow }) => {
    await promisify(execFile)("argo", ["-n", cluster.namespace, "suspend", workflow], { timeout: 30_000 });
  },
  "main-workflow-ended": async (_held, { cluster }, { workflow }) => {
    await promisify(execFile)("argo", ["-n", cluster.namespace, "terminate", workflow], { timeout: 30_000 });
    await until(`main workflow ${workflow} has ended`, 30_000, async () =>
      ["Failed", "Error"].includes((await cluster.workflow(workflow))?.status?.phase ?? ""),
    );
  },
};

/** A CodeRun of each of two agents, for a task. */
async function agentsOf(cluster: Cluster, task: string, ...agents: string[]): Promise<[CodeRun, CodeRun]> {
  const all = await cluster.codeRuns(`task-id=${task}`);
  const [one, other] = agents.map((agent) => all.find(({ metadata }) => metadata.labels?.["github-app"] === agent));
  if (one === undefined || other === undefined) throw new Error(`task ${task} has no CodeRun of one of ${agents}`);
  return [one, other];
}

/** The faults that strike the whole node. */
export const nodeStrikes: Partial<Record<FaultKind, () => Promise<void>>> = {
  "kubelet-restarted": () => nodeComponent("restart", "kubelet"),
  "controller-crashed": () => nodeComponent("crash", "workflow-controller"),
  "api-server-restarted": () => apiServer.whileDown(() => nodeComponent("restart", "kube-apiserver")),
};
