import { burstOf } from "./bursts.ts";
import { type ControllerSettings, withController } from "./controllerSettings.ts";
import { restartsIn, situations } from "./latency.ts";
import type { Bench, Extent, Figures, Measurement } from "./measurement.ts";
import { Meter } from "./meter.ts";
import type { Milestone } from "./restart.ts";

/** Settings that people can change outside this program's own configuration. */
interface Tuning {
  name: string;
  settings: ControllerSettings;
  /** What to measure with these settings: single restarts, or many tasks at once. */
  kinds: ("restarts" | "burst")[];
}

const tasksAtOnce = 50;
const often: ControllerSettings = { environment: { DEFAULT_REQUEUE_TIME: "2s" } };
const soon: ControllerSettings = {
  config: { executor: "env:\n  - {name: RESOURCE_STATE_CHECK_INTERVAL, value: 1s}\n" },
};

const tunings: Tuning[] = [
  { name: "as it comes", settings: {}, kinds: ["restarts"] },
  { name: "DEFAULT_REQUEUE_TIME 2s", settings: often, kinds: ["restarts"] },
  { name: "RESOURCE_STATE_CHECK_INTERVAL 1s", settings: soon, kinds: ["restarts"] },
  { name: "both of these", settings: { ...often, ...soon }, kinds: ["restarts"] },
  // parallelism counts every active workflow, including the main workflows. The measurement bursts has the figures for the default.
  {
    name: "parallelism for ten remediations",
    settings: { config: { parallelism: `${tasksAtOnce + 10}` } },
    kinds: ["burst"],
  },
];

/** What other settings of Argo's controller gain, one at a time. What this does not show: what they cost on a busy controller. */
export const tuning: Measurement = {
  name: "tuning",
  title: "Argo's workflow controller with other settings",

  async measure(bench, extent) {
    const figures: Figures = { series: [], failures: [] };
    for (const one of extent.smoke ? tunings.slice(1, 2) : tunings) {
      bench.say(one.name);
      await withController(bench.platform.cluster, one.settings, async () => {
        if (one.kinds.includes("restarts")) await addRestarts(bench, one.name, extent, figures);
        if (one.kinds.includes("burst")) await addBurst(bench, one.name, extent, figures);
      });
    }
    return figures;
  },

  plots: () => ({}),
};

async function addRestarts(bench: Bench, name: string, extent: Extent, figures: Figures): Promise<void> {
  // There are four settings, so each gets a quarter of the runs.
  const few = { ...extent, runs: Math.ceil(extent.runs / 4) };
  const failures: string[] = [];
  for (const situation of situations) {
    const found = await restartsIn(bench, situation, few, failures);
    for (const milestone of ["resumed", "restarted"] as const satisfies Milestone[]) {
      const samples = found.map(({ seen }) => seen[milestone]).filter((sample) => sample !== undefined);
      figures.series.push({ name: `${situation.name}: pushed → ${milestone}, ${name}`, unit: "s", samples });
    }
  }
  figures.failures.push(...failures.map((failure) => `${name}: ${failure}`));
}

async function addBurst(bench: Bench, name: string, extent: Extent, figures: Figures): Promise<void> {
  const size = extent.smoke ? 3 : tasksAtOnce;
  const { resumed, lastResumed, failures } = await burstOf(bench, size, await Meter.open(bench.platform), extent);
  figures.series.push(
    { name: `${size} at once: own push → resumed, ${name}`, unit: "s", samples: resumed },
    {
      name: `${size} at once: first push → last task resumed, ${name}`,
      unit: "s",
      samples: lastResumed === undefined ? [] : [lastResumed],
    },
  );
  figures.failures.push(...failures.map((failure) => `${name}: ${failure}`));
}
