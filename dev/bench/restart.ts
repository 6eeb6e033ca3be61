import { setTimeout as sleep } from "node:timers/promises";
import { ledgerPrefix, taskLabel } from "../../components/vocabulary/keys.ts";
import { type Change, Changes } from "../../test/support/changes.ts";
import { type CodeRun, codeRunResource } from "../../test/support/codeRuns.ts";
import { gates, type Platform, type Task } from "../../test/support/platform.ts";
import { type Workflow, workflowResource } from "../../test/support/workflows.ts";

/** The milestones from the push to the restart, in this order. */
export const milestones = [
  /** The Sensor has created the run's Workflow. */
  "Workflow created",
  /** Argo has created the run's pod. */
  "pod made",
  /** The ledger on the main workflow says that the run has begun. */
  "planned",
  /** The last agent that was at work at the push is gone. */
  "cancelled",
  /** GitHub has confirmed that the ready label is off. */
  "label off",
  /** The main workflow's stage is set back. */
  "reset",
  /** The main workflow's gate has opened. */
  "resumed",
  /** A new Cleo exists. */
  "restarted",
] as const;

export type Milestone = (typeof milestones)[number];

/** The results of one push. */
export interface Restart {
  /** When each milestone was seen, in seconds after the push was answered. A milestone that was not reached is missing. */
  seen: Partial<Record<Milestone, number>>;
  /** Seconds that each step reported for itself. */
  ownSeconds: Record<string, number>;
}

const limit = 120_000;
const resetStage = "waiting-pr-created";

/**
 * Pushes to a task that has had no push before, and watches until the run has ended.
 *
 * The times are those at which this process received the changes. The API server wrote them a few milliseconds earlier, on a busy machine
 * some tens of milliseconds. The times that Argo and Kubernetes write are only whole seconds. The time of the label comes from the double
 * of GitHub, which has the same clock.
 *
 * @param expected milestones that the restart has to reach
 * @throws Error with the milestones not seen within two minutes
 */
export async function restart(platform: Platform, task: Task, expected: readonly Milestone[]): Promise<Restart> {
  const watched = await Watched.open(platform, task);
  try {
    const { pushedAt } = await platform.push(task);
    const ended = await watched.end(expected.filter((milestone) => milestone !== "label off"));
    watched.at["label off"] = await labelOffAt(platform, task, pushedAt);
    if (expected.includes("label off") && watched.at["label off"] === undefined) {
      throw new Error("GitHub was not asked to take the label off");
    }
    const seen = milestones
      .map((milestone): [Milestone, number | undefined] => [milestone, watched.at[milestone]])
      .filter(([, at]) => at !== undefined)
      .map(([milestone, at = 0]) => [milestone, (at - pushedAt.getTime()) / 1000]);
    return { seen: Object.fromEntries(seen), ownSeconds: ownSeconds(ended) };
  } finally {
    watched.close();
  }
}

/** Watches a task and records when each milestone was first seen. */
class Watched {
  /** In milliseconds since 1970. */
  readonly at: Partial<Record<Milestone, number>> = {};
  readonly #atWork: Set<string | undefined>;
  #ended: Workflow | undefined;
  #watches: { close(): void }[] = [];

  private constructor(atWork: CodeRun[]) {
    this.#atWork = new Set(atWork.map(({ metadata }) => metadata.uid));
  }

  static async open({ cluster }: Platform, { id }: Task): Promise<Watched> {
    const agents = await cluster.codeRuns(`task-id=${id},github-app in (5DLabs-Cleo,5DLabs-Tess)`);
    const watched = new Watched(agents.filter(({ status }) => status?.phase !== "Succeeded"));
    watched.#watches = await Promise.all([
      Changes.open<Workflow>(cluster, workflowResource, (change) => watched.#seeRun(change), `${taskLabel}=${id}`),
      Changes.open<Workflow>(cluster, workflowResource, (change) => watched.#seeMain(change), `task-id=${id}`),
      Changes.open<CodeRun>(cluster, codeRunResource, (change) => watched.#seeAgent(change), `task-id=${id}`),
    ]);
    return watched;
  }

  /** Waits until the run has ended and all expected milestones were seen. */
  async end(expected: readonly Milestone[]): Promise<Workflow> {
    const missing = () => expected.filter((milestone) => this.at[milestone] === undefined);
    const end = Date.now() + limit;
    // The watches record the exact times. This loop only notices that they are complete.
    while (this.#ended === undefined || missing().length > 0) {
      if (Date.now() > end) {
        const what = [...missing(), ...(this.#ended === undefined ? ["the run's end"] : [])];
        throw new Error(`not seen within ${limit / 1000} s: ${what.join(", ")}`);
      }
      await sleep(100);
    }
    return this.#ended;
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  #first(milestone: Milestone, at: number): void {
    this.at[milestone] ??= at;
  }

  #seeRun({ object, at }: Change<Workflow>): void {
    this.#first("Workflow created", at);
    if (Object.values(object.status?.nodes ?? {}).some(({ type }) => type === "Pod")) this.#first("pod made", at);
    if (["Succeeded", "Failed", "Error"].includes(object.status?.phase ?? "")) this.#ended ??= object;
  }

  #seeMain({ object, at }: Change<Workflow>): void {
    const { annotations = {}, labels = {} } = object.metadata;
    if (annotations[`${ledgerPrefix}run`] === undefined) return;
    this.#first("planned", at);
    if (labels["current-stage"] === resetStage) this.#first("reset", at);
    if (gates(object).some(({ message }) => message?.startsWith("resumed by "))) this.#first("resumed", at);
  }

  #seeAgent({ type, object, at }: Change<CodeRun>): void {
    if (type === "DELETED" && this.#atWork.delete(object.metadata.uid) && this.#atWork.size === 0) {
      this.#first("cancelled", at);
    }
    if (type === "ADDED" && object.metadata.labels?.["github-app"] === "5DLabs-Cleo") this.#first("restarted", at);
  }
}

async function labelOffAt({ github }: Platform, task: Task, pushedAt: Date): Promise<number | undefined> {
  const requests = await github.requests(pushedAt.toISOString());
  const taken = requests.find(
    ({ method, path, status }) =>
      method === "DELETE" && status === 200 && path.includes(`/issues/${task.pull}/labels/`),
  );
  return taken?.answered ? Date.parse(taken.answered) : undefined;
}

function ownSeconds(run: Workflow): Record<string, number> {
  const outputs = Object.values(run.status?.nodes ?? {}).flatMap((node) => node.outputs?.parameters ?? []);
  return Object.fromEntries(
    outputs
      .filter(({ name, value }) => name.startsWith("seconds-") && value)
      .map(({ name, value }) => [name.slice("seconds-".length), Number(value)]),
  );
}
