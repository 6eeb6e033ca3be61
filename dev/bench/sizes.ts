import { type CodeRun, codeRun, shortName } from "../../test/support/codeRuns.ts";
import { deriveTemplate } from "../../test/support/faults/derivedTemplate.ts";
import { startRun } from "../../test/support/faults/sensorRun.ts";
import { gates, type Platform, type Task } from "../../test/support/platform.ts";
import { median } from "../../test/support/times.ts";
import type { Bench, Extent, Figures, Measurement, Series } from "./measurement.ts";
import { remediated, removeTask } from "./tasks.ts";
import { seen } from "./watched.ts";

/** How many agents a task has to cancel. */
const agentCounts = [1, 10, 100];
/** How many nodes a main workflow has. */
const nodeCounts = [10, 100, 600];
/** The other nodes of a main workflow of gates, besides its skipped steps: the steps node, two step groups, and the gate it waits at. */
const otherNodes = 4;

/** Number of agents of another task that are at work meanwhile. */
const bystanders = 20;

const agentsTitle = "created → resumed, by CodeRuns to cancel";
const nodesTitle = "pushed → resumed, by nodes of the main workflow";

/**
 * How the time until the gate opens grows with the size of the task: with its CodeRuns, and with the nodes of its main workflow.
 *
 * What this does not show: how long a hundred pods take to end. These CodeRuns have no pods, because two cores could not run so many. But
 * like CodeRuns with pods, each is deleted separately, in the foreground, and the run checks that it is gone.
 */
export const sizes: Measurement = {
  name: "sizes",
  title: "Tasks with many CodeRuns, and main workflows with many nodes",

  async measure(bench, extent) {
    const figures: Figures = { series: [], failures: [] };
    const runs = Math.min(extent.runs, 3);
    await measureAgents(bench, extent, runs, figures);
    await measureNodes(bench, extent, runs, figures);
    for (const title of [agentsTitle, nodesTitle]) figures.series.push(...growth(figures, title));
    return figures;
  },

  plots({ series }) {
    const plotted = (title: string, count: string) =>
      plotOf(
        title,
        count,
        series.flatMap(({ name, at, samples }) => (name === title ? samples.map((seconds) => ({ at, seconds })) : [])),
      );
    return { "sizes-agents": plotted(agentsTitle, "CodeRuns"), "sizes-nodes": plotted(nodesTitle, "nodes") };
  },
};

/** Measures the counts in turns, so that changes on the machine meanwhile affect all of them. */
async function inTurns(
  counts: number[],
  { smoke }: Extent,
  runs: number,
  title: string,
  figures: Figures,
  measure: (count: number) => Promise<number>,
): Promise<void> {
  const chosen = smoke ? counts.slice(0, 2) : counts;
  const samples = new Map<number, number[]>(chosen.map((count) => [count, []]));
  for (let run = 0; run < runs; run++) {
    for (const count of chosen) {
      try {
        samples.get(count)?.push(await measure(count));
      } catch (error) {
        figures.failures.push(`${title}, ${count}: ${(error as Error).message}`);
      }
    }
  }
  for (const [at, values] of samples) {
    if (values.length > 0) figures.series.push({ name: title, unit: "s", samples: values, at });
  }
}

async function measureAgents({ platform, say }: Bench, extent: Extent, runs: number, figures: Figures): Promise<void> {
  // As a guard against wrong labels, the installed template refuses so many agents. So this one has a higher limit.
  const template = await deriveTemplate(platform.cluster, `rex-bench-${platform.newTask()}`, (config) => {
    config.agents.maxToCancel = Math.max(...agentCounts);
  });
  try {
    await inTurns(agentCounts, extent, runs, agentsTitle, figures, async (count) => {
      const seconds = await withAgents(platform, template, count);
      say(`${count} CodeRuns: resumed after ${seconds.toFixed(1)} s`);
      return seconds;
    });
  } finally {
    await template.remove();
  }
}

async function withAgents(platform: Platform, template: { name: string; uid: string }, count: number): Promise<number> {
  const task = await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
  const other = { id: platform.newTask(), repository: task.repository };
  try {
    await startAgents(platform, task, "5DLabs-Cleo", count);
    const untouched = [
      ...(await startAgents(platform, task, "5DLabs-Rex", 1)),
      ...(await startAgents(platform, other, "5DLabs-Cleo", bystanders)),
    ];
    const pushed = await startRun(platform, task, template);
    const { resumed } = await remediated(platform, task, pushed);
    await onlyThese(platform, [task.id, other.id], untouched);
    return resumed;
  } finally {
    await removeTask(platform, task);
    await platform.cluster.deleteCodeRuns(`task-id=${other.id}`);
  }
}

async function startAgents(
  { cluster }: Platform,
  { id, repository }: Pick<Task, "id" | "repository">,
  agent: string,
  count: number,
): Promise<CodeRun[]> {
  const labels = { repository: repository.replace("/", "-") };
  const runs = Array.from({ length: count }, (_, index) =>
    codeRun(`${shortName(agent)}-task-${id}-${index}`, agent, id, labels),
  );
  return Promise.all(runs.map((run) => cluster.create<CodeRun>({ ...run, spec: { pod: false } })));
}

/** @throws Error if the tasks do not have exactly these CodeRuns, or if one of them is being deleted */
async function onlyThese({ cluster }: Platform, tasks: string[], expected: CodeRun[]): Promise<void> {
  const there = await cluster.codeRuns(`task-id in (${tasks.join(",")})`);
  const of = (runs: CodeRun[]) =>
    runs.map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.deletionTimestamp ?? "stays"}`).sort();
  if (of(there).join() !== of(expected).join()) {
    throw new Error(`found ${of(there).join(", ")}; expected: ${of(expected).join(", ")}`);
  }
}

async function measureNodes({ platform, say }: Bench, extent: Extent, runs: number, figures: Figures): Promise<void> {
  await inTurns(nodeCounts, extent, runs, nodesTitle, figures, async (count) => {
    const seconds = await withNodes(platform, count);
    say(`${count} nodes: resumed after ${seconds.toFixed(1)} s`);
    return seconds;
  });
}

async function withNodes(platform: Platform, count: number): Promise<number> {
  const task = await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"], skipped: count - otherNodes });
  try {
    const before = await nodesOf(platform, task);
    if (before.length !== count) throw new Error(`the main workflow has ${before.length} nodes, not ${count}`);
    const pushed = await platform.push(task);
    const { resumed } = await remediated(platform, task, pushed);
    // Once the next gate waits, the controller has seen that the first gate is open, and has rewritten all nodes.
    const { workflow } = await seen(
      platform.cluster,
      task.workflow,
      `task ${task.id} is at its next gate`,
      60_000,
      (one) => gates(one).some(({ phase }) => phase === "Running"),
    );
    const lost = before.filter((id) => workflow.status?.nodes?.[id] === undefined);
    if (lost.length > 0) throw new Error(`the main workflow has lost the nodes ${lost.join(", ")}`);
    return resumed;
  } finally {
    await removeTask(platform, task);
  }
}

/** Ids of the main workflow's nodes. */
async function nodesOf({ cluster }: Platform, task: Task): Promise<string[]> {
  return Object.keys((await cluster.workflow(task.workflow))?.status?.nodes ?? {});
}

/** How many times as long the largest count took as the smallest, by the medians. 1 means no growth. */
function growth({ series }: Figures, title: string): Series[] {
  const [first, ...more] = series.filter(({ name }) => name === title);
  const last = more.at(-1);
  if (first === undefined || last === undefined) return [];
  const name = `${title}: ${last.at} / ${first.at}`;
  return [{ name, unit: "", samples: [median(last.samples) / median(first.samples)] }];
}

function plotOf(title: string, count: string, values: object[]): object {
  const x = { field: "at", type: "quantitative", title: count };
  return {
    title,
    width: 480,
    data: { values },
    layer: [
      { mark: "point", encoding: { x, y: { field: "seconds", type: "quantitative", title: "seconds" } } },
      { mark: "line", encoding: { x, y: { aggregate: "median", field: "seconds", type: "quantitative" } } },
    ],
  };
}
