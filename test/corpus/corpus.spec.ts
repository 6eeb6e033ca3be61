import { deepEqual, equal } from "node:assert/strict";
import { afterwards } from "../support/afterwards.ts";
import { Changes } from "../support/changes.ts";
import { Cluster, until } from "../support/cluster.ts";
import { type PreparedEvent, prepare } from "../support/corpusDelivery.ts";
import { type CorpusEvent, readCorpus } from "../support/corpusEvents.ts";
import { FollowedLog } from "../support/corpusLogs.ts";
import { Verdicts } from "../support/corpusVerdicts.ts";
import { deliver } from "../support/delivery.ts";
import { readDevStack } from "../support/devStack.ts";
import { say } from "../support/figures.ts";
import { runSaltOf } from "../support/platform.ts";
import { type Workflow, workflowResource } from "../support/workflows.ts";

/** How many events of each class are sent; default: all. */
const perClass = Number(process.env.REX_CORPUS_PER_CLASS ?? Number.POSITIVE_INFINITY);

/**
 * Every event of the hostile corpus (events.yaml), or the first of each class, sent to the EventSource as `pulumi up` made it, through the event bus to the Sensor:
 * which of them become a Workflow, and of what form. Nothing else may run on the node meanwhile, since every run that no event explains
 * counts as wrong.
 *
 * What this does not show:
 * - GitHub itself: the payloads are its published example, changed; none was recorded from a hook.
 * - What the runs do: each is deleted as soon as it is seen. A hostile name does the steps no harm because it does not get there; what
 *   reaches them over GitHub's API is the matter of test/steps.
 * - That every push is noticed: one of more than about 780 kB does not fit on the event bus (answered 500 after six seconds, not tried
 *   here), one of more than 1 MiB not into the EventSource (answered 400). Both stand as failed among GitHub's deliveries.
 * - An EventSource that is not this program's: there the Sensor's transform makes all checks (test/unit/components/taskPush.spec.ts).
 * - A changed secret: the old one is any other text here, nothing is rolled.
 * - TLS and what stands in front of the EventSource, other methods than POST, deliveries at the same time, more than one pod of each.
 */
describe("the hostile corpus", function () {
  this.timeout(300_000);
  const stack = readDevStack();
  const cluster = new Cluster(stack.outputs.namespace);
  let events: PreparedEvent[];
  let salt: string;
  let verdicts: Verdicts;
  let podsBefore: PodState[];
  let logs: Record<string, FollowedLog>;

  before(async () => {
    // No two with the same time, so that each run's priority is its own.
    const chosen = readCorpus().filter(firstOfItsClass());
    const clock = Math.floor(Date.now() / 1000) - chosen.length;
    salt = (await runSaltOf(cluster)) ?? "";
    events = await Promise.all(chosen.map((event, index) => prepare(event, stack.webhookSecret, clock + index, salt)));
    verdicts = new Verdicts(events);
    podsBefore = await pods(cluster);
    deepEqual(
      podsBefore.map(({ part }) => part),
      ["event-source", "sensor"],
    );
    logs = Object.fromEntries(podsBefore.map(({ part, name }) => [part, new FollowedLog(cluster, name)]));
    const began = Date.now();
    try {
      await sendAll();
    } finally {
      tell(Date.now() - began);
      await Promise.all(Object.values(logs).map((log) => log.close()));
    }
  });

  // Where they were not all seen.
  after(() =>
    afterwards(
      ...(events ?? []).map(
        ({ run }) =>
          () =>
            run && cluster.deleteWorkflow(run.name),
      ),
    ),
  );

  function firstOfItsClass(): (event: CorpusEvent) => boolean {
    const seen = new Map<string, number>();
    return (event) => {
      const before = seen.get(event.class) ?? 0;
      seen.set(event.class, before + 1);
      return before < perClass;
    };
  }

  function tell(milliseconds: number): void {
    console.log(verdicts.table.replaceAll(/^/gm, "    "));
    console.log(`    in ${Math.round(milliseconds / 1000)} s`);
    const { tried, wrong, missed } = verdicts.sum;
    say(`events: ${tried} tried, ${wrong} wrong, ${missed} missed`);
  }

  /** Sends all events, one after the other, and waits until each had its chance. A run is deleted as soon as it was looked at. */
  async function sendAll(): Promise<void> {
    const last = await prepare(lastEvent(), stack.webhookSecret, Math.floor(Date.now() / 1000), salt);
    const deletions: Promise<void>[] = [];
    let lastSeen = false;
    const created = await Changes.open<Workflow>(cluster, workflowResource, ({ type, object: workflow }) => {
      if (type !== "ADDED") return;
      const { name, labels } = workflow.metadata;
      // A sweep runs by the clock, whatever is sent.
      if (labels?.["app.kubernetes.io/component"] === "sweep") return;
      const ours = name === last.run?.name || verdicts.created(workflow);
      if (ours) deletions.push(cluster.deleteWorkflow(name));
      lastSeen ||= name === last.run?.name;
    });
    try {
      for (const event of events) verdicts.answered(event, await statusOf(event));
      await statusOf(last);
      // The Sensor takes events one at a time, in their order: now all before the last one had their chance.
      await until("the run of the last push", 120_000, async () => lastSeen);
    } finally {
      created.close();
      await Promise.all(deletions);
    }
  }

  async function statusOf({ event, headers, body }: PreparedEvent): Promise<number | "closed"> {
    const url = new URL(event.sent.path ?? "", stack.outputs.webhookUrl);
    try {
      return (await deliver(cluster, url.href, { headers, body })).status;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ECONNRESET" || code === "EPIPE") return "closed";
      throw error;
    }
  }

  it("starts a run for each of Rex's pushes to a task branch, of exactly its values, and nothing by anything else", () => {
    deepEqual(verdicts.faults, []);
  });

  it("restarts no pod of EventSource and Sensor", async () => {
    deepEqual(await pods(cluster), podsBefore);
    console.log(
      `      restarts since they were deployed: ${podsBefore.flatMap(({ restarts }) => restarts).join(" and ")}`,
    );
  });

  it("ends nothing in a panic, but for the requests over which Argo Events' handler stumbles", () => {
    const lines = Object.values(logs).flatMap((log) => log.lines);
    // Of a process that ends in a panic these are the first words; of a handler's panic the server says so and goes on.
    deepEqual(
      lines.filter((line) => /^(panic|fatal error): /.test(line)),
      [],
    );
    const stumbles = events.filter(({ event }) => event.status === "panic").length;
    equal(lines.filter((line) => line.includes("http: panic serving")).length, stumbles);
  });

  it("is no error to the Sensor", () => {
    const lines = logs.sensor?.lines ?? [];
    deepEqual(
      lines.filter((line) => !line.includes('"level":"info"')),
      [],
    );
    // The log is the one in which errors would stand.
    const runs = events.filter(({ run }) => run !== undefined).length + 1;
    equal(lines.filter((line) => line.includes("Successfully processed trigger 'remediate'")).length, runs);
  });

  it("is no error to the EventSource but for the requests that it refuses", () => {
    const errors = (logs["event-source"]?.lines ?? []).filter((line) => line.includes('"level":"error"'));
    deepEqual(
      errors.filter((line) => !line.includes("request is not valid event notification, discarding it")),
      [],
    );
    equal(errors.length, events.filter(({ event }) => event.status === 400).length);
  });
});

/** A push whose run tells that all before it were handled. */
function lastEvent(): CorpusEvent {
  const task = 900_000_000 + Math.floor(Math.random() * 99_999_999);
  return {
    class: "last",
    sent: {
      who: { login: "5dlabs-rex[bot]", type: "Bot" },
      ref: `refs/heads/task-${task}`,
      kind: "push",
      repository: "5dlabs/platform",
      signature: "right",
      body: "json",
    },
    expect: { run: task },
    why: "the last push",
  };
}

interface PodState {
  part: string;
  name: string;
  uid: string;
  restarts: number[];
}

/** The pods of EventSource and Sensor. */
async function pods({ core, namespace }: Cluster): Promise<PodState[]> {
  const { items } = await core.listNamespacedPod({
    namespace,
    labelSelector: "app.kubernetes.io/component in (event-source, sensor), app.kubernetes.io/instance=rex-remediation",
  });
  return items
    .map(({ metadata, status }) => ({
      part: metadata?.labels?.["app.kubernetes.io/component"] ?? "",
      name: metadata?.name ?? "",
      uid: metadata?.uid ?? "",
      restarts: (status?.containerStatuses ?? []).map(({ restartCount }) => restartCount),
    }))
    .sort((a, b) => a.part.localeCompare(b.part));
}
