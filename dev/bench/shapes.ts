import { startRun } from "../../test/support/faults/sensorRun.ts";
import type { Platform, Position } from "../../test/support/platform.ts";
import { median } from "../../test/support/times.ts";
import type { Extent, Figures, Measurement, Series } from "./measurement.ts";
import { ShapeTemplates } from "./shapeTemplates.ts";
import { type Shape, shapeTitles } from "./stepShapes.ts";
import { type RemediationTimes, remediated, removeTask } from "./tasks.ts";

const allShapes = Object.keys(shapeTitles) as Shape[];

/** The main workflow's state when the push comes, and its name in the figures. */
const positions = { "at-bare-gate": "at a gate", "cleo-at-work": "agent at work" } as const satisfies Partial<
  Record<Position, string>
>;
type ShapePosition = keyof typeof positions;

/** The times of one remediation, counted from the creation of its Workflow. */
interface Times extends RemediationTimes {
  shape: Shape;
  position: ShapePosition;
}

/** Compares the same steps, with the same scripts and environment, as one pod per step, as installed, and as one container. */
export const shapes: Measurement = {
  name: "shapes",
  title: "The steps as a pod each, as installed, and as one container",

  async measure({ platform, say }, extent) {
    const failures: string[] = [];
    const times: Times[] = [];
    const templates = await ShapeTemplates.make(platform.cluster);
    const measure = async (shape: Shape, position: ShapePosition) => {
      try {
        const one = await remediation(platform, templates, shape, position);
        times.push(one);
        say(`${shapeTitles[shape]}, ${positions[position]}: resumed after ${one.resumed.toFixed(1)} s`);
      } catch (error) {
        failures.push(`${shapeTitles[shape]}, ${positions[position]}: ${(error as Error).message}`);
      }
    };
    try {
      await (extent.smoke ? sideBySide(extent, measure) : inTurns(extent, measure));
    } finally {
      await templates.close();
    }
    return { series: seriesOf(times), failures };
  },

  plots({ series }) {
    const values = series.flatMap(({ name, unit, samples }) => {
      const [what, position, shape] = name.split(", ");
      return unit === "s" ? samples.map((seconds) => ({ what, position, shape, seconds })) : [];
    });
    return { shapes: plotOf(values) };
  },
};

type Measure = (shape: Shape, position: ShapePosition) => Promise<void>;

/** One at a time. */
async function inTurns({ runs }: Extent, measure: Measure): Promise<void> {
  // A turn takes two minutes. The shapes differ so much that half of the runs are enough.
  await oneByOne(turns(allShapes, Math.ceil(runs / 2)), "at-bare-gate", measure);
  // With an agent at work, most of the time is spent until Argo notices that the agent is gone. So fewer runs are enough.
  await oneByOne(turns(allShapes, Math.ceil(runs / 8)), "cleo-at-work", measure);
}

/**
 * Runs all remediations with a pod per step at once, because they mostly wait for Argo's controller. Meanwhile it runs the other shapes one
 * at a time. If they slow each other down, the installed shape looks worse than it is, never better.
 */
async function sideBySide({ runs }: Extent, measure: Measure): Promise<void> {
  await Promise.all([
    oneByOne(turns(["installed", "single"], runs), "at-bare-gate", measure),
    ...turns(["pods"], runs).map((shape) => measure(shape, "at-bare-gate")),
  ]);
}

/** Each turn begins with a different shape, so that no shape always follows the same one. */
function turns(shapes: Shape[], count: number): Shape[] {
  return Array.from({ length: count }, (_, turn) => {
    const first = turn % shapes.length;
    return [...shapes.slice(first), ...shapes.slice(0, first)];
  }).flat();
}

async function oneByOne(shapes: Shape[], position: ShapePosition, measure: Measure): Promise<void> {
  for (const shape of shapes) await measure(shape, position);
}

async function remediation(
  platform: Platform,
  templates: ShapeTemplates,
  shape: Shape,
  position: ShapePosition,
): Promise<Times> {
  const task = await platform.startTask(position, { pullLabels: ["ready-for-qa"] });
  try {
    const pushed = await startRun(platform, task, templates.byShape[shape]);
    return { shape, position, ...(await remediated(platform, task, pushed)) };
  } finally {
    await removeTask(platform, task);
  }
}

function seriesOf(times: Times[]): Series[] {
  const found = (Object.keys(positions) as ShapePosition[]).flatMap((position) => {
    const of = (shape: Shape, what: "resumed" | "outcome") =>
      times.filter((one) => one.shape === shape && one.position === position).map((one) => one[what]);
    const seconds = (["resumed", "outcome"] as const).flatMap((what) =>
      allShapes.map((shape): Series => {
        return {
          name: `created → ${what}, ${positions[position]}, ${shapeTitles[shape]}`,
          unit: "s",
          samples: of(shape, what),
        };
      }),
    );
    const ratio = (slow: Shape, fast: Shape): Series => ({
      name: `${shapeTitles[slow]} / ${shapeTitles[fast]}, ${positions[position]}`,
      unit: "",
      samples: [median(of(slow, "resumed")) / median(of(fast, "resumed"))],
    });
    return [...seconds, ratio("pods", "installed"), ratio("installed", "single")];
  });
  return found.filter(({ samples }) => samples.some((sample) => Number.isFinite(sample)));
}

/**
 * How many times as long one shape takes as another until the gate is open, by the medians.
 *
 * @throws Error if the figures do not have that ratio
 */
export function ratioOf({ series }: Figures, slow: Shape, fast: Shape): number {
  const name = `${shapeTitles[slow]} / ${shapeTitles[fast]}, ${positions["at-bare-gate"]}`;
  const [ratio] = series.find((one) => one.name === name)?.samples ?? [];
  if (ratio === undefined) throw new Error(`there is no figure of ${name}`);
  return ratio;
}

function plotOf(values: object[]): object {
  return {
    title: "From the Workflow to the open gate, by the shape of the steps",
    data: { values },
    transform: [{ filter: "datum.what == 'created → resumed'" }],
    facet: { row: { field: "position", title: null, sort: Object.values(positions) } },
    spec: {
      width: 480,
      layer: [
        {
          mark: { type: "tick", opacity: 0.5 },
          encoding: {
            x: { field: "seconds", type: "quantitative", title: "seconds", scale: { zero: true } },
            y: { field: "shape", type: "nominal", title: null, sort: Object.values(shapeTitles) },
          },
        },
        {
          mark: { type: "point", filled: true, size: 60, color: "black" },
          encoding: {
            x: { aggregate: "median", field: "seconds", type: "quantitative" },
            y: { field: "shape", type: "nominal", sort: Object.values(shapeTitles) },
          },
        },
      ],
    },
  };
}
