import { until } from "./cluster.ts";
import { gates, type Platform, type Task } from "./platform.ts";

/**
 * How long a restart took, in seconds after the push was answered. Argo and Kubernetes write
 * whole seconds, cut off: `resumed` and `restarted` may be up to one second too short.
 */
export interface RestartTimes {
  /** finishedAt of the gate that the remediation opened. */
  resumed: number;
  /** creationTimestamp of the new QA CodeRun. */
  restarted: number;
}

/** Waits for the restart of a task that was pushed, and measures it. */
export async function restartTimes(platform: Platform, task: Task, run: string, pushedAt: Date): Promise<RestartTimes> {
  const after = (time: string | undefined) => (Date.parse(time ?? "") - pushedAt.getTime()) / 1000;
  const gate = await until(`task ${task.id} is resumed`, 120_000, async () =>
    gates(await platform.cluster.workflow(task.workflow)).find(({ message }) => message === `resumed by ${run}`),
  );
  const cleo = await until(`a new Cleo works on task ${task.id}`, 60_000, async () =>
    (await platform.agents(task.id)).find(
      ({ metadata }) =>
        metadata.labels?.["agent-type"] === "cleo" &&
        Date.parse(metadata.creationTimestamp ?? "") >= Date.parse(gate.finishedAt ?? ""),
    ),
  );
  return { resumed: after(gate.finishedAt), restarted: after(cleo.metadata.creationTimestamp) };
}

/** The middle value. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
