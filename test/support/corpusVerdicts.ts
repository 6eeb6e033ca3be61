import { deepEqual } from "node:assert/strict";
import type { ExpectedRun, PreparedEvent } from "./corpusDelivery.ts";
import type { CorpusEvent } from "./corpusEvents.ts";
import type { Workflow } from "./workflows.ts";

/** How many bytes of a request the EventSource reads. */
const largestBody = 1_048_576;

/** The results of the events: the answer to each, and the Workflows that were created. */
export class Verdicts {
  readonly #events: PreparedEvent[];
  readonly #wrong = new Map<CorpusEvent, string>();
  readonly #started = new Set<CorpusEvent>();
  readonly #stray: string[] = [];

  constructor(events: PreparedEvent[]) {
    this.#events = events;
  }

  /** Records the status of the answer to an event. */
  answered({ event, body }: PreparedEvent, status: number | "closed"): void {
    const expected = event.status ?? 200;
    // A server that has read enough closes the connection. If the client is still sending then, the answer is lost.
    const closed = status === "closed" && (expected === "panic" || body.length > largestBody);
    if (status !== expected && !closed) this.#blame(event, `answered ${status}, not ${expected}`);
  }

  /** Records a new Workflow. Returns whether an event started it. */
  created(workflow: Workflow): boolean {
    const { name, labels } = workflow.metadata;
    const expected = this.#events.find(({ run }) => run?.name === name);
    if (expected?.run !== undefined && !this.#started.has(expected.event)) {
      this.#started.add(expected.event);
      const difference = differenceFrom(expected.run, workflow);
      if (difference !== undefined) this.#blame(expected.event, difference);
      return true;
    }
    const text = JSON.stringify(workflow);
    const source = this.#events.find(({ shas }) => shas.some((sha) => text.includes(sha)));
    if (source !== undefined) this.#blame(source.event, `started ${name}`);
    else if (labels?.["app.kubernetes.io/component"] === "remediation") this.#stray.push(name);
    return source !== undefined;
  }

  #blame(event: CorpusEvent, what: string): void {
    this.#wrong.set(event, [this.#wrong.get(event), what].filter(Boolean).join("; "));
  }

  #isWrong(event: CorpusEvent): boolean {
    return this.#wrong.has(event);
  }

  #isMissed(event: CorpusEvent): boolean {
    return event.expect !== "nothing" && !this.#started.has(event);
  }

  #count(events: CorpusEvent[]): { tried: number; fine: number; wrong: number; missed: number } {
    return {
      tried: events.length,
      fine: events.filter((event) => !this.#isWrong(event) && !this.#isMissed(event)).length,
      wrong: events.filter((event) => this.#isWrong(event)).length,
      missed: events.filter((event) => this.#isMissed(event)).length,
    };
  }

  /**
   * How many events were tried, how many had a wrong effect or answer, and how many did not start their run. An event can count as both
   * wrong and missed.
   */
  get sum(): { tried: number; wrong: number; missed: number } {
    const { tried, wrong, missed } = this.#count(this.#events.map(({ event }) => event));
    return { tried, wrong: wrong + this.#stray.length, missed };
  }

  /** A line for each wrong or missed event, and for each run that no event explains. */
  get faults(): string[] {
    return [
      ...this.#events.flatMap(({ event }) => {
        const faults = [
          ...(this.#isMissed(event) ? ["missed"] : []),
          ...(this.#isWrong(event) ? [`wrong: ${this.#wrong.get(event)}`] : []),
        ];
        const ref = JSON.stringify(event.sent.ref).slice(0, 100);
        return faults.map((fault) => `${event.class}, ${event.why} (ref ${ref}): ${fault}`);
      }),
      ...this.#stray.map((name) => `wrong: no event explains ${name}`),
    ];
  }

  /** A table with a line for each class. */
  get table(): string {
    const classes = [...new Set(this.#events.map(({ event }) => event.class))];
    const rows = classes.map((name) => {
      const counts = this.#count(this.#events.map(({ event }) => event).filter((event) => event.class === name));
      return [name, counts.tried, counts.fine, counts.wrong, counts.missed];
    });
    if (this.#stray.length > 0) rows.push(["runs that no event explains", 0, 0, this.#stray.length, 0]);
    const width = Math.max(...classes.map((name) => name.length));
    return [["class", "tried", "as expected", "wrong", "missed"], ...rows]
      .map(([name, ...counts]) =>
        [String(name).padEnd(width), ...counts.map((count) => String(count).padStart(11))].join("  "),
      )
      .join("\n");
  }
}

/** How the run differs from the expected one, if it does. Labels and spec must have exactly the expected fields. */
function differenceFrom(run: ExpectedRun, { metadata, spec }: Workflow): string | undefined {
  const parameters = {
    task: run.task,
    before: run.before,
    after: run.after,
    repository: run.repository,
    "pushed-at": String(run.pushedAt),
  };
  try {
    deepEqual(
      { labels: metadata.labels, spec },
      {
        labels: {
          "app.kubernetes.io/name": "rex-remediation",
          "app.kubernetes.io/instance": "rex-remediation",
          "app.kubernetes.io/component": "remediation",
          "rex-remediation/task": run.task,
        },
        spec: {
          workflowTemplateRef: { name: "rex-remediation" },
          priority: run.pushedAt,
          arguments: { parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })) },
        },
      },
    );
    return undefined;
  } catch (error) {
    return `its run is not as expected: ${(error as Error).message}`;
  }
}
