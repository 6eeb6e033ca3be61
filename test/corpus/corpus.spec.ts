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

/** How many events of each class are sent; all by default. */
const perClass = Number(process.env.REX_CORPUS_PER_CLASS ?? Number.POSITIVE_INFINITY);

/**
 * Sends every event of the hostile corpus (events.yaml), or the first ones of each class, through the EventSource that `pulumi up` deployed
 * and the event bus to the Sensor. It checks which of them become a Workflow, and what that contains. Nothing else may run on the node
 * meanwhile, because every run without a matching event counts as an error.
 *
 * What this does not show:
 * - GitHub itself. The payloads are changed copies of its published example; none was recorded from a webhook.
 * - What the runs do: each is deleted as soon as it is seen. A hostile name cannot harm the steps, because it does not reach them.
 *   test/steps covers what reaches them through GitHub's API.
 * - That every push is noticed. A push of more than about 780 kB does not fit on the event bus (answered 500 after six seconds; not tested
 *   here), and a push of more than 1 MiB is refused by the EventSource (answered 400). GitHub lists both as failed deliveries.
 * - An EventSource that is not this program's. There the Sensor's transform makes all checks (test/unit/components/taskPush.spec.ts).
 * - A change of the secret. Here the old secret is just another text, and no pod is replaced.
 * - TLS and anything in front of the EventSource, methods other than POST, deliveries at the same time, more than one pod of each kind.
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
    // Each event has a different time, so that each run has a different priority.
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
      report(Date.now() - began);
      await Promise.all(Object.values(logs).map((log) => log.close()));
    }
  });

  // Removes runs that the spec did not see.
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

  function report(milliseconds: number): void {
    console.log(verdicts.table.replaceAll(/^/gm, "    "));
    console.log(`    in ${Math.round(milliseconds / 1000)} s`);
    const { tried, wrong, missed } = verdicts.sum;
    say(`events: ${tried} tried, ${wrong} wrong, ${missed} missed`);
  }

  /** Sends all events one after the other, and waits until the Sensor has handled all of them. Deletes each run after checking it. */
  async function sendAll(): Promise<void> {
    const last = await prepare(lastEvent(), stack.webhookSecret, Math.floor(Date.now() / 1000), salt);
    const deletions: Promise<void>[] = [];
    let lastSeen = false;
    const created = await Changes.open<Workflow>(cluster, workflowResource, ({ type, object: workflow }) => {
      if (type !== "ADDED") return;
      const { name, labels } = workflow.metadata;
      // Sweeps run on a schedule, independent of events.
      if (labels?.["app.kubernetes.io/component"] === "sweep") return;
      const ours = name === last.run?.name || verdicts.created(workflow);
      if (ours) deletions.push(cluster.deleteWorkflow(name));
      lastSeen ||= name === last.run?.name;
    });
    try {
      for (const event of events) verdicts.answered(event, await statusOf(event));
      await statusOf(last);
      // The Sensor handles events one at a time and in order. When the last one has its run, all have been handled.
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

  it("starts a run with exactly the right values for each of Rex's pushes to a task branch, and for nothing else", () => {
    deepEqual(verdicts.faults, []);
  });

  it("restarts no pod of EventSource and Sensor", async () => {
    deepEqual(await pods(cluster), podsBefore);
    console.log(
      `      restarts since they were deployed: ${podsBefore.flatMap(({ restarts }) => restarts).join(" and ")}`,
    );
  });

  it("causes no panic, except in Argo Events' handler by requests that are known for it", () => {
    const lines = Object.values(logs).flatMap((log) => log.lines);
    // A process that ends in a panic begins its output with these words. After a handler's panic the server logs it and keeps running.
    deepEqual(
      lines.filter((line) => /^(panic|fatal error): /.test(line)),
      [],
    );
    const stumbles = events.filter(({ event }) => event.status === "panic").length;
    equal(lines.filter((line) => line.includes("http: panic serving")).length, stumbles);
  });

  it("causes no error in the Sensor", () => {
    const lines = logs.sensor?.lines ?? [];
    deepEqual(
      lines.filter((line) => !line.includes('"level":"info"')),
      [],
    );
    // This shows that it is the right log: errors would be in it.
    const runs = events.filter(({ run }) => run !== undefined).length + 1;
    equal(lines.filter((line) => line.includes("Successfully processed trigger 'remediate'")).length, runs);
  });

  it("causes no error in the EventSource except for the requests that it refuses", () => {
    const errors = (logs["event-source"]?.lines ?? []).filter((line) => line.includes('"level":"error"'));
    deepEqual(
      errors.filter((line) => !line.includes("request is not valid event notification, discarding it")),
      [],
    );
    equal(errors.length, events.filter(({ event }) => event.status === 400).length);
  });
});

/** The last push. Its run shows that all events before it were handled. */
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
