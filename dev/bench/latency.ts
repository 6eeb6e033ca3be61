import type { Platform, Task } from "../../test/support/platform.ts";
import { median } from "../../test/support/times.ts";
import { untilIdle } from "./cpu.ts";
import type { Bench, Extent, Figures, Measurement, Series } from "./measurement.ts";
import { type Milestone, milestones, type Restart, restart } from "./restart.ts";

/** The state of a task at the time of the push. */
export interface Situation {
  name: string;
  prepare(platform: Platform): Promise<Task>;
  /** The milestones that the push has to lead to. */
  expected: readonly Milestone[];
}

export const situations: Situation[] = [
  {
    name: "at a gate",
    prepare: (platform) => platform.startTask("at-ready-for-qa-gate", { pullLabels: ["ready-for-qa"] }),
    expected: milestones.filter((milestone) => milestone !== "cancelled"),
  },
  { name: "agents at work", prepare: atWork, expected: milestones },
];

/** Cleo works again while Tess already tests. So the stage has to be reset, too. */
async function atWork(platform: Platform): Promise<Task> {
  const task = await platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa"] });
  await platform.startAgent("5DLabs-Tess", task);
  await platform.cluster.patchWorkflow(task.workflow, {
    metadata: { labels: { "current-stage": "waiting-ready-for-qa" } },
  });
  return task;
}

/** How many tasks are prepared together and then pushed one at a time. Waiting tasks have pods, so more would load the machine. */
const batchSize = 5;

/** The milestones that each milestone waits for. Its own share of the time begins when the last of them is seen. */
const after: Record<Milestone, readonly Milestone[]> = {
  "Workflow created": [],
  "pod made": ["Workflow created"],
  planned: ["pod made"],
  cancelled: ["planned"],
  "label off": ["planned"],
  reset: ["planned", "cancelled", "label off"],
  resumed: ["planned", "cancelled", "label off", "reset"],
  restarted: ["resumed"],
};

/**
 * Pushes one at a time, each on an idle machine. What this does not show: how long GitHub and the network take to deliver. The doubles of
 * GitHub and of the platform that runs CodeRuns answer at once.
 */
export const latency: Measurement = {
  name: "latency",
  title: "Seconds from the push's answer to each step of the restart",
  measure,
  plots,
};

async function measure(bench: Bench, extent: Extent): Promise<Figures> {
  const figures: Figures = { series: [], failures: [] };
  for (const situation of situations) {
    figures.series.push(...seriesOf(situation.name, await restartsIn(bench, situation, extent, figures.failures)));
  }
  return figures;
}

/** Measures as many restarts as the extent says, one at a time. Adds a line to `failures` for each that fails. */
export async function restartsIn(
  bench: Bench,
  situation: Situation,
  extent: Extent,
  failures: string[],
): Promise<Restart[]> {
  const restarts: Restart[] = [];
  for (let left = extent.runs; left > 0; left -= batchSize) {
    restarts.push(...(await measureBatch(bench, situation, { ...extent, runs: Math.min(batchSize, left) }, failures)));
    bench.say(`${situation.name}: ${restarts.length} of ${extent.runs}, resumed ${restarts.map(resumed).join(" ")}`);
  }
  return restarts;
}

const resumed = ({ seen }: Restart) => seen.resumed?.toFixed(1);

async function measureBatch(
  { platform }: Bench,
  situation: Situation,
  extent: Extent,
  failures: string[],
): Promise<Restart[]> {
  const tasks = await Promise.all(Array.from({ length: extent.runs }, () => situation.prepare(platform)));
  const restarts: Restart[] = [];
  for (const task of tasks) {
    const about = `${situation.name}, task ${task.id}`;
    failures.push(...(await untilIdle(extent)).map((failure) => `${about}: ${failure}`));
    const found = await restart(platform, task, situation.expected).catch((error: Error) => {
      failures.push(`${about}: ${error.message}`);
    });
    if (found) restarts.push(found);
    await platform.remove(task.id);
  }
  return restarts;
}

const reached = (situation: string, milestone: Milestone) => `${situation}: pushed → ${milestone}`;
const ownShare = (situation: string, milestone: Milestone) => `${situation}: ${milestone}, its share`;
const sideBySide = (situation: string) => `${situation}: cancelled and label off, their share`;

function seriesOf(situation: string, restarts: Restart[]): Series[] {
  const inSeconds = (name: string, of: (restart: Restart) => number | undefined): Series => ({
    name,
    unit: "s",
    samples: restarts.map(of).filter((sample) => sample !== undefined),
  });
  const steps = [...new Set(restarts.flatMap(({ ownSeconds }) => Object.keys(ownSeconds)))];
  const series = [
    ...milestones.map((milestone) => inSeconds(reached(situation, milestone), ({ seen }) => seen[milestone])),
    ...milestones.map((milestone) => inSeconds(ownShare(situation, milestone), (one) => share(one, milestone))),
    inSeconds(sideBySide(situation), bothShares),
    ...steps.map((step) => inSeconds(`${situation}: step ${step}, by its own clock`, (one) => one.ownSeconds[step])),
  ];
  return series.filter(({ samples }) => samples.length > 0);
}

/** Seconds from when a milestone could begin until it was seen. */
export function share({ seen }: Restart, milestone: Milestone): number | undefined {
  const at = seen[milestone];
  return at === undefined ? undefined : at - Math.max(0, ...after[milestone].map((before) => seen[before] ?? 0));
}

/** The label is taken off while the agents end, so that together they take as long as the slower one. */
function bothShares(restart: Restart): number | undefined {
  const shares = [share(restart, "cancelled"), share(restart, "label off")].filter((one) => one !== undefined);
  return shares.length === 0 ? undefined : Math.max(...shares);
}

/** The shares that add up to the whole time, in order. */
const parts: [string, (situation: string) => string][] = [
  ["Workflow created", (situation) => ownShare(situation, "Workflow created")],
  ["pod made", (situation) => ownShare(situation, "pod made")],
  ["planned", (situation) => ownShare(situation, "planned")],
  ["cancelled, label off", sideBySide],
  ["reset", (situation) => ownShare(situation, "reset")],
  ["resumed", (situation) => ownShare(situation, "resumed")],
  ["restarted", (situation) => ownShare(situation, "restarted")],
];

function plots({ series }: Figures): Record<string, object> {
  const values = situations.flatMap(({ name: situation }) =>
    parts.map(([part, seriesName], order) => ({
      situation,
      part,
      order,
      seconds: median(series.find(({ name }) => name === seriesName(situation))?.samples ?? [0]),
    })),
  );
  return {
    latency: {
      title: "Where each second goes: medians, from the push's answer to the new agent",
      width: 720,
      height: { step: 56 },
      data: { values },
      mark: "bar",
      encoding: {
        y: { field: "situation", type: "nominal", title: null, sort: null },
        x: { field: "seconds", type: "quantitative", title: "seconds after the push was answered" },
        color: { field: "part", type: "nominal", title: null, sort: null, scale: { scheme: "tableau10" } },
        order: { field: "order", type: "quantitative" },
      },
    },
  };
}
