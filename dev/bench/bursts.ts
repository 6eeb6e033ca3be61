import type { Platform, Task } from "../../test/support/platform.ts";
import { type Burst, burst } from "./burst.ts";
import { untilIdle } from "./cpu.ts";
import type { Bench, Extent, Figures, Measurement, Series } from "./measurement.ts";
import { Meter } from "./meter.ts";

/** How many tasks are pushed at once, and how often at most. Small bursts are repeated, to show how much the results vary. */
const sizes = [
  { tasks: 1, times: 5 },
  { tasks: 10, times: 3 },
  { tasks: 50, times: 1 },
];
const smokeSizes = [
  { tasks: 1, times: 1 },
  { tasks: 3, times: 1 },
];

const secondsAtRest = 30;

/**
 * The tasks wait at a gate and have no agents, so that only the program itself is at work. What this does not show: main workflows that
 * are large, or that start agents at the same time.
 */
export const bursts: Measurement = {
  name: "bursts",
  title: "Tasks that are pushed at once; EventSource and Sensor at rest (with 0) and meanwhile",
  measure,
  plots,
};

async function measure(bench: Bench, extent: Extent): Promise<Figures> {
  const figures: Figures = { series: [], failures: [] };
  const meter = await Meter.open(bench.platform);
  figures.failures.push(...(await untilIdle(extent)));
  await meter.rest(extent.smoke ? 3 : secondsAtRest);
  figures.series.push(...meter.read(0));
  for (const { tasks, times } of extent.smoke ? smokeSizes : sizes) {
    const found: Burst[] = [];
    for (let time = 0; time < Math.min(times, extent.runs); time += 1)
      found.push(await burstOf(bench, tasks, meter, extent));
    figures.series.push(...seriesOf(tasks, found), ...meter.read(tasks));
    figures.failures.push(
      ...found.flatMap(({ failures }) => failures.map((failure) => `${tasks} at once: ${failure}`)),
    );
  }
  return figures;
}

/** Starts the tasks, pushes to them, and removes them. Otherwise they would still work during the next burst. */
export async function burstOf({ platform, say }: Bench, size: number, meter: Meter, extent: Extent): Promise<Burst> {
  const tasks = await startWaitingTasks(platform, size);
  try {
    const notIdle = await untilIdle(extent);
    const found = await meter.during(() => burst(platform, tasks, async () => meter.takeSample()));
    const { lastResumed, failures } = found;
    say(`${size} tasks: last resumed after ${lastResumed?.toFixed(1)} s, ${failures.length} failures`);
    return { ...found, failures: [...notIdle, ...failures] };
  } finally {
    for (const { id } of tasks) await platform.remove(id);
  }
}

/** Starts a few at a time. That is faster than one by one, and easier for the controller than fifty at once. */
async function startWaitingTasks(platform: Platform, size: number): Promise<Task[]> {
  const tasks: Task[] = [];
  while (tasks.length < size) {
    const next = Array.from({ length: Math.min(5, size - tasks.length) }, () =>
      platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] }),
    );
    tasks.push(...(await Promise.all(next)));
  }
  return tasks;
}

const lastResumed = "first push → last task resumed";

function seriesOf(tasks: number, bursts: Burst[]): Series[] {
  const of = (name: string, unit: Series["unit"], value: (burst: Burst) => number | undefined): Series => ({
    name,
    unit,
    samples: bursts.map(value).filter((sample) => sample !== undefined),
    at: tasks,
  });
  return [
    of(lastResumed, "s", (burst) => burst.lastResumed),
    of("the same, for each task", "s", (burst) => burst.lastResumed && burst.lastResumed / tasks),
    { name: "own push → resumed", unit: "s", samples: bursts.flatMap(({ resumed }) => resumed), at: tasks },
    of("processor time of the machine, for each task", "CPU s", ({ cpuSeconds }) => cpuSeconds / tasks),
  ];
}

function plots({ series }: Figures): Record<string, object> {
  const points = (wanted: string) =>
    series
      .filter(({ name }) => name === wanted)
      .flatMap(({ at, samples }) => samples.map((seconds) => ({ tasks: at, seconds })));
  return {
    bursts: {
      title: "Tasks pushed at once: time until the last is resumed",
      width: 520,
      height: 320,
      data: { values: points(lastResumed) },
      encoding: {
        x: { field: "tasks", type: "quantitative", title: "tasks pushed at once" },
        y: { field: "seconds", type: "quantitative", title: "seconds after the first push" },
      },
      layer: [
        { mark: "line", encoding: { y: { field: "seconds", aggregate: "median", type: "quantitative" } } },
        { mark: { type: "point", filled: true, size: 60 } },
      ],
    },
  };
}
