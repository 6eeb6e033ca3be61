import type { Series } from "./measurement.ts";
import type { Results } from "./results.ts";
import { summary } from "./statistics.ts";
import { shapeTitles } from "./stepShapes.ts";

/** A limit that the program has to keep on two cores with the default settings of Argo's controllers. */
interface Goal {
  what: string;
  measurement: string;
  unit: Series["unit"];
  /** The largest allowed value; the smallest allowed one if `least` is set. */
  limit: number;
  least?: true;
  /** @returns the measured value; undefined if it was not measured */
  of(series: Series[]): number | undefined;
}

type Statistic = "median" | "p95" | "most";

function figure(series: Series[], name: string, statistic: Statistic, at?: number): number | undefined {
  const found = series.find((one) => one.name === name && one.at === at);
  return found && summary(found.samples)?.[statistic];
}

function resumed(situation: string, statistic: "median" | "p95", limit: number): Goal {
  const name = `${situation}: pushed → resumed`;
  return {
    what: `${name}, ${statistic}`,
    measurement: "latency",
    unit: "s",
    limit,
    of: (series) => figure(series, name, statistic),
  };
}

const ratio = (slow: keyof typeof shapeTitles, fast: keyof typeof shapeTitles) =>
  `${shapeTitles[slow]} / ${shapeTitles[fast]}, at a gate`;

function mostMemory(series: Series[]): number | undefined {
  const samples = series.filter(({ name }) => name === "memory of both together").flatMap((one) => one.samples);
  return summary(samples)?.most;
}

function engineTime(name: string, limit: number): Goal {
  return {
    what: `${name}, median`,
    measurement: "engine",
    unit: "s",
    limit,
    of: (series) => figure(series, name, "median"),
  };
}

const goals: Goal[] = [
  resumed("at a gate", "median", 8),
  resumed("at a gate", "p95", 12),
  resumed("agents at work", "median", 20),
  resumed("agents at work", "p95", 28),
  {
    what: "times faster than a pod per step",
    measurement: "shapes",
    unit: "",
    limit: 5,
    least: true,
    of: (series) => figure(series, ratio("pods", "installed"), "median"),
  },
  {
    what: "times slower than one single container",
    measurement: "shapes",
    unit: "",
    limit: 2.5,
    of: (series) => figure(series, ratio("installed", "single"), "median"),
  },
  {
    what: "50 tasks at once: the last is resumed",
    measurement: "bursts",
    unit: "s",
    limit: 150,
    of: (series) => figure(series, "first push → last task resumed", "most", 50),
  },
  {
    what: "time until the last is resumed, for each task: 50 at once / 10 at once",
    measurement: "bursts",
    unit: "",
    limit: 1,
    of: (series) => {
      const each = (tasks: number) => figure(series, "the same, for each task", "median", tasks);
      const [few, many] = [each(10), each(50)];
      return few === undefined || many === undefined ? undefined : many / few;
    },
  },
  {
    what: "EventSource and Sensor together, at rest and in bursts, most",
    measurement: "bursts",
    unit: "MiB",
    limit: 128,
    of: mostMemory,
  },
  engineTime("preview of a new stack", 6),
  engineTime("up of a new stack", 40),
  {
    what: "100 CodeRuns to cancel: time / that of 1",
    measurement: "sizes",
    unit: "",
    // The time has to grow far more slowly than the number of CodeRuns.
    limit: 10,
    of: (series) => figure(series, "created → resumed, by CodeRuns to cancel: 100 / 1", "median"),
  },
];

/** The table of goals and measured values, in Markdown. Empty if nothing was measured. */
export function goalsTable(results: Results): string {
  const rows = goals.flatMap((goal) => {
    const measured = results[goal.measurement];
    const value = measured && goal.of(measured.figures.series);
    if (value === undefined) return [];
    const met = goal.least ? value >= goal.limit : value <= goal.limit;
    const limit = `${goal.least ? "at least" : "at most"} ${goal.limit} ${goal.unit}`.trim();
    return [
      `| ${goal.what} | ${limit} | ${`${value.toFixed(1)} ${goal.unit}`.trim()} | ${met ? "met" : "**missed**"} |`,
    ];
  });
  return rows.length === 0 ? "" : ["| what | goal | measured | |", "| --- | --: | --: | --- |", ...rows].join("\n");
}
