import { setTimeout as sleep } from "node:timers/promises";
import { Changes } from "../../test/support/changes.ts";
import { addressOf, deliver } from "../../test/support/delivery.ts";
import { pushPayload, randomSha, signedDelivery } from "../../test/support/github/index.ts";
import { type Platform, rex } from "../../test/support/platform.ts";
import { type Workflow, workflowResource } from "../../test/support/workflows.ts";
import { type BusCounts, busCounts } from "./busCounts.ts";
import type { Bench, Figures, Measurement, Series } from "./measurement.ts";

/** Subject of the dev stack's push event on the event bus. */
const subject = "default.rex-remediation.push";

/** How many deliveries are sent at the same time. */
const parallels = [1, 4, 16];

/** One in this many pushes starts a run. The others only travel to the Sensor, which drops them. */
const oneOf = 100;

/** Milliseconds that the Sensor may take for all pushes of one level. */
const sensorLimit = 120_000;

interface Delivery {
  headers: Record<string, string>;
  body: string;
  /** Name of the run, if the push has to start one. */
  run?: string;
}

/**
 * Sends signed pushes as fast as they are answered. All are pushes by Rex to a task branch, so the EventSource accepts them and passes
 * them on. But nearly all have a time in 1970, so the Sensor's filter drops them. Each of the others starts a run, which is deleted at
 * once.
 *
 * Nothing was lost if the event bus has received one message for each answer, the Sensor has acknowledged every message, and each push
 * that has to start a run has started it.
 */
export const eventSource: Measurement = {
  name: "event-source",
  title: "Answers of the EventSource, with nothing lost",

  async measure(bench, extent) {
    const figures: Figures = { series: [], failures: [] };
    for (const parallel of parallels) {
      const level = await measureLevel(bench, extent.smoke ? 100 : 500, parallel);
      figures.series.push(...level.series);
      figures.failures.push(...level.failures.map((failure) => `${parallel} in parallel: ${failure}`));
    }
    return figures;
  },

  plots({ series }) {
    const values = series.flatMap(({ unit, samples, at }) =>
      unit === "ms" ? samples.map((milliseconds) => ({ parallel: `${at} in parallel`, milliseconds })) : [],
    );
    return { "event-source": plotOf(values) };
  },
};

async function measureLevel({ platform, say }: Bench, pushes: number, parallel: number): Promise<Figures> {
  const deliveries = await Promise.all(Array.from({ length: pushes }, (_, index) => deliveryOf(platform, index)));
  const wanted = deliveries.flatMap(({ run }) => run ?? []);
  const runs = await SeenRuns.open(platform);
  try {
    const before = await busCounts(subject);
    const { milliseconds, seconds, failures } = await sendAll(platform, deliveries, parallel);
    const answered = Date.now();
    const after = await untilTaken(before.last + milliseconds.length);
    const taken = (Date.now() - answered) / 1000;
    failures.push(...losses(before, after, milliseconds.length), ...(await runs.faults(wanted)));
    say(
      `${parallel} in parallel: ${milliseconds.length} answers in ${seconds.toFixed(1)} s, the Sensor ${taken.toFixed(1)} s later`,
    );
    const figure = (name: string, unit: Series["unit"], samples: number[]): Series => ({
      name,
      unit,
      samples,
      at: parallel,
    });
    return {
      series: [
        figure("EventSource's answer, by deliveries at once", "ms", milliseconds),
        figure("EventSource's answers per second, by deliveries at once", "1/s", [milliseconds.length / seconds]),
        figure("last answer → all taken by the Sensor, by deliveries at once", "s", [taken]),
      ],
      failures,
    };
  } finally {
    await runs.close();
  }
}

async function deliveryOf(platform: Platform, index: number): Promise<Delivery> {
  const starts = index % oneOf === oneOf - 1;
  // None of these tasks has a main workflow.
  const task = starts ? platform.newTask() : String(index + 1);
  const push = { task, before: randomSha(), after: randomSha(), pushedAt: starts ? platform.clock() : 0 };
  const { webhookSecret, repository } = platform.options;
  const { headers, body } = await signedDelivery(webhookSecret, pushPayload({ repository, sender: rex, ...push }));
  return { headers, body, ...(starts && { run: platform.runName(task, push) }) };
}

/** Sends `parallel` deliveries at a time, each once. Any answer other than 200 is a failure. */
async function sendAll(
  { cluster, options }: Platform,
  deliveries: Delivery[],
  parallel: number,
): Promise<{ milliseconds: number[]; seconds: number; failures: string[] }> {
  const url = new URL(options.webhookUrl);
  // Resolve the address once. Otherwise each delivery would ask the API server first.
  url.hostname = await addressOf(cluster, url.hostname);
  const milliseconds: number[] = [];
  const failures: string[] = [];
  const waiting = [...deliveries];
  const send = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const began = performance.now();
      try {
        const { status, body } = await deliver(cluster, url.href, one);
        if (status !== 200) throw new Error(`the EventSource answered ${status}: ${body}`);
        milliseconds.push(performance.now() - began);
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: parallel }, send));
  return { milliseconds, seconds: (performance.now() - began) / 1000, failures };
}

/** Waits until the Sensor has acknowledged all messages up to number `last`, or until the time is up. Returns the last counts. */
async function untilTaken(last: number): Promise<BusCounts> {
  const end = Date.now() + sensorLimit;
  for (;;) {
    const counts = await busCounts(subject);
    if ((counts.taken >= last && counts.waiting === 0) || Date.now() > end) return counts;
    await sleep(100);
  }
}

function losses(before: BusCounts, after: BusCounts, answers: number): string[] {
  const faults = [];
  if (after.last - before.last !== answers) {
    faults.push(`${answers} pushes were answered 200, but ${after.last - before.last} reached the event bus`);
  }
  if (after.taken !== after.last || after.waiting !== 0) {
    faults.push(`the Sensor took ${after.taken} of ${after.last} messages; ${after.waiting} are left`);
  }
  return faults;
}

/** Watches for new runs and deletes each one as soon as it is seen. */
class SeenRuns {
  readonly #names = new Set<string>();
  readonly #deletions: Promise<void>[] = [];
  #changes: Changes<Workflow> | undefined;

  static async open({ cluster }: Platform): Promise<SeenRuns> {
    const runs = new SeenRuns();
    runs.#changes = await Changes.open<Workflow>(
      cluster,
      workflowResource,
      ({ type, object: { metadata } }) => {
        if (type !== "ADDED") return;
        runs.#names.add(metadata.name);
        runs.#deletions.push(cluster.deleteWorkflow(metadata.name));
      },
      "app.kubernetes.io/component=remediation",
    );
    return runs;
  }

  /** Compares the runs seen with the wanted ones. Waits up to ten seconds for missing ones. */
  async faults(wanted: string[]): Promise<string[]> {
    const missing = () => wanted.filter((name) => !this.#names.has(name));
    for (const end = Date.now() + 10_000; missing().length > 0 && Date.now() < end; ) await sleep(100);
    const more = [...this.#names].filter((name) => !wanted.includes(name));
    return [
      ...missing().map((name) => `run ${name} is missing`),
      ...more.map((name) => `run ${name} was not expected`),
    ];
  }

  async close(): Promise<void> {
    this.#changes?.close();
    await Promise.all(this.#deletions);
  }
}

function plotOf(values: object[]): object {
  return {
    title: "The EventSource's answers to signed pushes",
    width: 480,
    data: { values },
    transform: [
      {
        sort: [{ field: "milliseconds" }],
        window: [{ op: "cume_dist", as: "part" }],
        groupby: ["parallel"],
      },
    ],
    mark: { type: "line", interpolate: "step-after" },
    encoding: {
      x: { field: "milliseconds", type: "quantitative", title: "milliseconds until the answer" },
      y: { field: "part", type: "quantitative", title: "part of the answers", axis: { format: "%" } },
      color: { field: "parallel", type: "nominal", title: null, sort: null },
    },
  };
}
