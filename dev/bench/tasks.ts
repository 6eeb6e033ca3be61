import type { PushedRun } from "../../test/support/faults/sensorRun.ts";
import { gates, type Platform, type Task } from "../../test/support/platform.ts";
import { seen } from "./watched.ts";

/** Milliseconds to wait for a remediation. */
const limit = 240_000;

/** The times of a remediation, in seconds after its push was answered or its Workflow was created. */
export interface RemediationTimes {
  /** The gate is open. */
  resumed: number;
  /** The run has its outcome. */
  outcome: number;
}

/**
 * Watches a remediation until it has its outcome.
 *
 * @throws Error for any outcome other than `remediated`
 */
export async function remediated(
  { cluster }: Platform,
  task: Task,
  { run, pushedAt }: Pick<PushedRun, "run" | "pushedAt">,
): Promise<RemediationTimes> {
  const failed = new AbortController();
  const gate = seen(
    cluster,
    task.workflow,
    `task ${task.id} is resumed`,
    limit,
    (workflow) => gates(workflow).some(({ message }) => message === `resumed by ${run}`),
    failed.signal,
  );
  const outcome = async () => {
    const { workflow, at } = await seen(cluster, run, `run ${run} has an outcome`, limit, (one) => !!outcomeOf(one));
    if (outcomeOf(workflow) !== "remediated") throw new Error(`run ${run} ended as ${outcomeOf(workflow)}`);
    return at;
  };
  try {
    const [resumed, ended] = await Promise.all([gate.then(({ at }) => at), outcome()]);
    const after = (at: Date) => (at.getTime() - pushedAt.getTime()) / 1000;
    return { resumed: after(resumed), outcome: after(ended) };
  } finally {
    failed.abort();
  }
}

function outcomeOf({ metadata }: { metadata: { labels?: Record<string, string> } }): string | undefined {
  return metadata.labels?.["rex-remediation/outcome"];
}

/** Removes a task's workflows, runs and CodeRuns, so that the next measurement finds the node as empty as this one did. */
export async function removeTask({ cluster }: Platform, { id }: Task): Promise<void> {
  await cluster.deleteWorkflows(`task-id=${id}`);
  await cluster.deleteCodeRuns(`task-id=${id}`);
  await cluster.deleteWorkflows(`rex-remediation/task=${id}`);
}
