import { setTimeout as sleep } from "node:timers/promises";
import { type KubernetesObject, setHeaderOptions } from "@kubernetes/client-node";
import { outcomeLabel, taskLabel } from "../../components/vocabulary/keys.ts";
import { type Change, Changes } from "../../test/support/changes.ts";
import type { PushOptions } from "../../test/support/github/index.ts";
import { gates, type Platform, rex, type Task } from "../../test/support/platform.ts";
import { type Workflow, workflowResource } from "../../test/support/workflows.ts";
import { cpuTime } from "./cpu.ts";

/** The results of a burst: pushes to several tasks, one push each. */
export interface Burst {
  /** Seconds from the answer to the first push until the last task was resumed; undefined if one never was. */
  lastResumed?: number;
  /** For each task: seconds from the answer to its own push until it was resumed. */
  resumed: number[];
  /** Processor time of the whole machine, from the first push to the end of the last run. */
  cpuSeconds: number;
  /** One line for each failure. */
  failures: string[];
}

/** Milliseconds within which all runs have to end. */
const limit = 600_000;

interface Pushed {
  task: Task;
  run: string;
  push: PushOptions;
  /** When the push was answered, in milliseconds since 1970. */
  at?: number;
}

/**
 * Pushes to all tasks, each time as soon as the previous push is answered. Then waits until all runs have ended.
 *
 * @param eachSecond is called once a second until then
 */
export async function burst(platform: Platform, tasks: Task[], eachSecond: () => Promise<void>): Promise<Burst> {
  const pushes = await Promise.all(tasks.map((task) => prepared(platform, task)));
  const watched = await WatchedGates.open(platform, pushes);
  const cpuBefore = cpuTime().busy;
  const failures: string[] = [];
  const ticking = setInterval(() => {
    eachSecond().catch((error: Error) =>
      failures.push(`could not measure memory and processor time: ${error.message}`),
    );
  }, 1000);
  try {
    failures.push(...(await sendAll(platform, pushes)));
    const from = Math.min(...pushes.map(({ at }) => at ?? Number.POSITIVE_INFINITY));
    failures.push(...(await ended(platform, pushes)));
    failures.push(...watched.failures());
    const cpuSeconds = cpuTime().busy - cpuBefore;
    const resumed = pushes.map(({ task, at = 0 }) => ((watched.openedAt.get(task.workflow) ?? Number.NaN) - at) / 1000);
    return {
      ...(watched.openedAt.size === tasks.length && {
        lastResumed: (Math.max(...watched.openedAt.values()) - from) / 1000,
      }),
      resumed: resumed.filter((seconds) => !Number.isNaN(seconds)),
      cpuSeconds,
      failures,
    };
  } finally {
    clearInterval(ticking);
    watched.close();
  }
}

/** Moves the branch in advance, so that two pushes are separated only by the wait for the answer. */
async function prepared(platform: Platform, task: Task): Promise<Pushed> {
  const moved = await platform.moveBranch(task);
  const push = { ref: `refs/heads/${task.branch}`, ...moved, sender: rex, pushedAt: Math.floor(Date.now() / 1000) };
  return { task, push, run: platform.runName(task.id, push) };
}

async function sendAll(platform: Platform, pushes: Pushed[]): Promise<string[]> {
  const failures: string[] = [];
  for (const pushed of pushes) {
    const answer = await platform.send(pushed.push);
    pushed.at = answer.at.getTime();
    if (answer.status !== 200) failures.push(`task ${pushed.task.id}: the EventSource answered ${answer.status}`);
  }
  return failures;
}

/** Records when, and how often, the gate of each main workflow was opened. */
class WatchedGates {
  /** When the gate was first opened, by name of the main workflow, in milliseconds since 1970. */
  readonly openedAt = new Map<string, number>();
  readonly #opened = new Map<string, number>();
  readonly #pushes: Pushed[];
  #watch: Changes<Workflow> | undefined;

  private constructor(pushes: Pushed[]) {
    this.#pushes = pushes;
  }

  static async open({ cluster }: Platform, pushes: Pushed[]): Promise<WatchedGates> {
    const watched = new WatchedGates(pushes);
    const selector = `task-id in (${pushes.map(({ task }) => task.id).join()})`;
    watched.#watch = await Changes.open<Workflow>(
      cluster,
      workflowResource,
      (change) => watched.#see(change),
      selector,
    );
    return watched;
  }

  #see({ object, at }: Change<Workflow>): void {
    const { name } = object.metadata;
    const opened = gates(object).filter(({ message }) => message?.startsWith("resumed by ")).length;
    if (opened > 0 && !this.openedAt.has(name)) this.openedAt.set(name, at);
    this.#opened.set(name, opened);
  }

  failures(): string[] {
    return this.#pushes
      .map(({ task }) => ({ task, opened: this.#opened.get(task.workflow) ?? 0 }))
      .filter(({ opened }) => opened !== 1)
      .map(({ task, opened }) => `task ${task.id}: ${opened} of its gates were opened, expected 1`);
  }

  close(): void {
    this.#watch?.close();
  }
}

/** Lists metadata only. Whole Workflows have 200 KB each, and fetching them would load the machine that is being measured. */
const metadataOnly = setHeaderOptions(
  "Accept",
  "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);

/** Waits until the runs of all pushes have ended. */
async function ended(platform: Platform, pushes: Pushed[]): Promise<string[]> {
  const end = Date.now() + limit;
  for (;;) {
    const runs = await runsOf(platform, pushes);
    const byName = new Map(runs.map(({ metadata }) => [metadata?.name, metadata?.labels ?? {}]));
    const open = pushes.filter(({ run }) => byName.get(run)?.["workflows.argoproj.io/completed"] !== "true");
    if (open.length > 0 && Date.now() < end) {
      await sleep(1000);
      continue;
    }
    const outcomes = pushes.map(({ task, run }) => ({ task, outcome: outcome(byName.get(run)) }));
    return [
      ...outcomes
        .filter(({ outcome }) => outcome !== "remediated")
        .map(({ task, outcome }) => `task ${task.id}: ${outcome}, not remediated`),
      ...(runs.length > pushes.length ? [`${runs.length} runs for ${pushes.length} pushes`] : []),
    ];
  }
}

function outcome(labels: Record<string, string> | undefined): string {
  if (labels === undefined) return "no run";
  const known = labels[outcomeLabel] ?? "no outcome";
  return labels["workflows.argoproj.io/completed"] === "true"
    ? known
    : `${known}, still at work after ${limit / 1000} s`;
}

async function runsOf({ cluster }: Platform, pushes: Pushed[]): Promise<KubernetesObject[]> {
  const list = await cluster.custom.listNamespacedCustomObject(
    {
      ...workflowResource,
      namespace: cluster.namespace,
      labelSelector: `${taskLabel} in (${pushes.map(({ task }) => task.id).join()})`,
      resourceVersion: "0",
    },
    metadataOnly,
  );
  return list.items ?? [];
}
