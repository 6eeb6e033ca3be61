import { until } from "./cluster.ts";
import { gates, type Platform, type Task } from "./platform.ts";
import type { WorkflowNode } from "./workflows.ts";

/**
 * How long a restart took, in seconds after the answer to the push. Argo and Kubernetes round times down to whole seconds, so `resumed` and
 * `restarted` may be up to one second too short.
 */
export interface RestartTimes {
  /** finishedAt of the gate that the remediation opened. */
  resumed: number;
  /** creationTimestamp of the new QA CodeRun. */
  restarted: number;
}

/** Waits until a run has opened the task's gate, and returns the gate. */
async function openedGate(platform: Platform, task: Task, run: string): Promise<WorkflowNode> {
  return until(`task ${task.id} is resumed`, 120_000, async () =>
    gates(await platform.cluster.workflow(task.workflow)).find(({ message }) => message === `resumed by ${run}`),
  );
}

/** Waits until the run has opened the gate, and returns the seconds from the answer to the push to the gate's end. */
export async function resumedAfter(platform: Platform, task: Task, run: string, pushedAt: Date): Promise<number> {
  return seconds(pushedAt, (await openedGate(platform, task, run)).finishedAt);
}

function seconds(from: Date, to: string | undefined): number {
  return (Date.parse(to ?? "") - from.getTime()) / 1000;
}

/** Waits until a pushed task has restarted, and measures the times. */
export async function restartTimes(platform: Platform, task: Task, run: string, pushedAt: Date): Promise<RestartTimes> {
  const gate = await openedGate(platform, task, run);
  const cleo = await until(`a new Cleo works on task ${task.id}`, 60_000, async () =>
    (await platform.agents(task.id)).find(
      ({ metadata }) =>
        metadata.labels?.["github-app"] === "5DLabs-Cleo" &&
        Date.parse(metadata.creationTimestamp ?? "") >= Date.parse(gate.finishedAt ?? ""),
    ),
  );
  return {
    resumed: seconds(pushedAt, gate.finishedAt),
    restarted: seconds(pushedAt, cleo.metadata.creationTimestamp as string | undefined),
  };
}

/** The median. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
