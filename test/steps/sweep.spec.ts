import { deepEqual, equal, match } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { randomSha } from "../support/github/index.ts";
import type { StepResult } from "../support/step.ts";
import { mainWorkflow, type Workflow, workflowResource } from "../support/workflows.ts";
import { gate } from "./planning.ts";
import { repository, runNameOf, Scenario } from "./scenario.ts";

const now = () => Math.floor(Date.now() / 1000);
const iso = (seconds: number) => new Date(seconds * 1000).toISOString().replace(/\.[0-9]+/, "");
const day = 24 * 60 * 60;

/**
 * The sweep for pushes that nobody handled, on a real API server and the GitHub double. It does not show its schedule, its account, the
 * policy that binds the account (test/policies and test/chain/sweep do), or that GitHub really redelivers.
 */
describe("sweep", function () {
  // The sweep reads every task that earlier cases left, and the machine may be busy.
  this.timeout(240_000);
  let scenario: Scenario;
  let templateUid: string;

  before(async () => {
    scenario = await Scenario.open();
    // The garbage collector soon removes objects whose owner does not exist, so the template must exist.
    const { cluster } = scenario;
    const template = await cluster.custom.createNamespacedCustomObject({
      ...workflowResource,
      plural: "workflowtemplates",
      namespace: cluster.namespace,
      body: {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "WorkflowTemplate",
        metadata: { name: "rex-remediation" },
        spec: {},
      },
    });
    templateUid = template.metadata.uid;
  });
  after(() => scenario.close());

  const webhookUrl = "https://hooks.example.com/push";

  async function sweep(
    more: Record<string, string> = {},
  ): Promise<StepResult & { started: string; redelivered: string }> {
    const result = await runSweep(more);
    equal(result.exitCode, 0, result.log);
    return result;
  }

  async function runSweep(
    more: Record<string, string> = {},
  ): Promise<StepResult & { started: string; redelivered: string }> {
    const bench = await scenario.bench("0", {
      REPOSITORY: "",
      WEBHOOK_URL: webhookUrl,
      WORKFLOW_TEMPLATE_UID: templateUid,
      RUN_SALT: "a salt",
      INSTALLED_AT: iso(now() - 30 * day),
      afterSeconds: "300",
      retentionDays: "7",
      stepTimeoutSeconds: "100",
      ...more,
    });
    const result = await bench.run("sweep");
    return { ...result, started: await bench.shared("started"), redelivered: await bench.shared("redelivered") };
  }

  let lastTask = 7000;

  interface Push {
    task: string;
    before: string;
    after: string;
    at: number;
    where: string;
    branch: string;
  }

  /** Creates a task with a main workflow and a pull request, and a push to it without a delivery. */
  async function lost(
    more: {
      ago?: number;
      pushedBy?: string | { login: string; type: "Bot" | "User" };
      in?: string;
      branch?: (task: string) => string;
      pull?: object;
      workflow?: false | { labels?: Record<string, string>; annotations?: (push: Push) => Record<string, string> };
    } = {},
  ): Promise<Push> {
    lastTask += 1;
    const task = String(lastTask);
    const where = more.in ?? repository;
    const branch = more.branch?.(task) ?? `task-${task}-fix`;
    const at = now() - (more.ago ?? 600);
    const push = { task, before: randomSha(), after: randomSha(), at, where, branch };
    const pushedBy = more.pushedBy ?? "5dlabs-rex[bot]";
    await scenario.github.putRepository(where, {
      branches: { [branch]: push.before },
      pushedAt: push.at - 60,
      pushedBy,
    });
    await scenario.github.putRepository(where, {
      branches: { [branch]: push.after },
      pushedAt: push.at,
      pushedBy,
      pulls: [{ number: lastTask, headRef: branch, ...more.pull }],
    });
    if (more.workflow !== false) {
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], {
          labels: { repository: where.replace("/", "-"), ...more.workflow?.labels },
          annotations: more.workflow?.annotations?.(push),
        }),
      );
    }
    return push;
  }

  /** Moves the branch on without a delivery. */
  async function moved(push: Push, after: string, at: number, pushedBy = "5dlabs-rex[bot]"): Promise<Push> {
    const head = /^0+$/.test(after) ? null : after;
    await scenario.github.putRepository(push.where, { branches: { [push.branch]: head }, pushedAt: at, pushedBy });
    return { ...push, before: push.after, after, at };
  }

  const nameOf = ({ task, before, after, where, at }: Push) =>
    runNameOf(task, { BEFORE: before, AFTER: after, REPOSITORY: where, PUSHED_AT: String(at) });
  const runOf = (push: Push) => scenario.cluster.workflow(`${nameOf(push)}-sweep`);

  /** Creates a run of the push; with `end`, labelled as Argo and the exit handler label a run that has ended. */
  async function run(name: string, push: Push, end?: { phase: string; outcome?: string }): Promise<void> {
    const { task, before, after, where, at } = push;
    const parameters = { task, before, after, repository: where, "pushed-at": String(at) };
    await scenario.cluster.create({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: {
        name,
        labels: {
          "rex-remediation/task": task,
          "app.kubernetes.io/component": "remediation",
          ...(end && { "workflows.argoproj.io/phase": end.phase, "workflows.argoproj.io/completed": "true" }),
          ...(end?.outcome && { "rex-remediation/outcome": end.outcome }),
        },
      },
      spec: {
        workflowTemplateRef: { name: "rex-remediation" },
        arguments: { parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })) },
      },
      ...(end && { status: { phase: end.phase, message: "no template" } }),
    });
  }

  async function onlyStarted(started: Push[], left: Push[]): Promise<void> {
    const all = await Promise.all(
      [...started, ...left].map(async (push) => [push.task, (await runOf(push)) !== undefined]),
    );
    deepEqual(all, [...started.map(({ task }) => [task, true]), ...left.map(({ task }) => [task, false])]);
  }

  /** Existing runs count towards the limit per hour, so none from an earlier test may remain. */
  afterEach(async () => {
    await scenario.cluster.deleteWorkflows("app.kubernetes.io/component=remediation");
    await scenario.cluster.deleteWorkflows("workflow-type=play-orchestration");
  });

  it("starts the run that a lost push should have had, as the Sensor creates it, and only once", async () => {
    const push = await lost();
    const result = await sweep();
    match(result.log, new RegExp(`started ${nameOf(push)}-sweep for a push of ${iso(push.at)} that had no run`));
    equal(result.started, "1");
    const { metadata, spec, ...rest } = (await runOf(push)) as Workflow & { metadata: Record<string, unknown> };
    const { uid, creationTimestamp, generation, managedFields, resourceVersion, ...own } = metadata;
    deepEqual(
      { ...rest, metadata: own, spec },
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Workflow",
        metadata: {
          name: `${nameOf(push)}-sweep`,
          namespace: scenario.cluster.namespace,
          labels: {
            "app.kubernetes.io/name": "rex-remediation",
            "app.kubernetes.io/instance": "rex-remediation",
            "app.kubernetes.io/component": "remediation",
            "rex-remediation/task": push.task,
            "rex-remediation/swept": own.labels?.["rex-remediation/swept"],
          },
          ownerReferences: [
            {
              apiVersion: "argoproj.io/v1alpha1",
              kind: "WorkflowTemplate",
              name: "rex-remediation",
              uid: templateUid,
            },
          ],
        },
        spec: {
          workflowTemplateRef: { name: "rex-remediation" },
          priority: push.at,
          arguments: {
            parameters: [
              { name: "task", value: push.task },
              { name: "before", value: push.before },
              { name: "after", value: push.after },
              { name: "repository", value: repository },
              { name: "pushed-at", value: String(push.at) },
            ],
          },
        },
      },
    );
    const hour = Number(own.labels?.["rex-remediation/swept"]);
    equal(Math.abs(hour - Math.floor(now() / 3600)) <= 1, true, `${hour}`);
    equal((await sweep()).started, "0");
  });

  it("labels the run for the controller with the configured instance ID", async () => {
    const push = await lost();
    equal((await sweep({ argoInstanceId: "prod" })).started, "1");
    equal((await runOf(push))?.metadata.labels?.["workflows.argoproj.io/controller-instanceid"], "prod");
  });

  it("creates the run without an owner if the UID of the WorkflowTemplate is unknown", async () => {
    const push = await lost();
    equal((await sweep({ WORKFLOW_TEMPLATE_UID: "" })).started, "1");
    const { metadata } = (await runOf(push)) as { metadata: { ownerReferences?: object } };
    equal(metadata.ownerReferences, undefined);
  });

  it("starts a run only for Rex's pushes to task branches of the watched repositories [sweep-rexs-pushes-only]", async () => {
    const started = [
      await lost({ in: "acme/other" }),
      await lost({ pushedBy: "5DLabs-Rex[bot]" }),
      await lost({ branch: (task) => `task-${task}` }),
    ];
    const left = [
      await lost({ pushedBy: "alice" }),
      await lost({ pushedBy: { login: "5dlabs-rex[bot]", type: "User" } }),
      await lost({ pushedBy: "5dlabs-rexx[bot]" }),
      await lost({ branch: (task) => `task-${task}x` }),
      await lost({ branch: (task) => `mytask-${task}` }),
      await lost({ pull: { headRepo: "mallory/shop" } }),
      await lost({ pull: { state: "closed" } }),
    ];
    equal((await sweep()).started, "3");
    await onlyStarted(started, left);
  });

  it("leaves recent pushes to their delivery, and ignores those that are too old [sweep-leaves-young-and-old]", async () => {
    const left = [await lost({ ago: 200 }), await lost({ ago: 8 * day })];
    const old = await lost({ ago: 2 * day });
    equal((await sweep({ INSTALLED_AT: new Date((now() - day) * 1000).toISOString() })).started, "0");
    await onlyStarted([], [...left, old]);
    equal((await sweep()).started, "1");
    await onlyStarted([old], left);
  });

  it("ignores a push that is in the ledger or has a run, whatever its outcome [sweep-leaves-known-push]", async () => {
    const resumed = { "rex-remediation/resumed": "true" };
    const left = [
      await lost({ workflow: { annotations: ({ after }) => ({ ...resumed, "rex-remediation/head": after }) } }),
      await lost({
        workflow: {
          annotations: ({ before, after }) => ({ ...resumed, "rex-remediation/heads": `${before},${after}` }),
        },
      }),
      await lost({ workflow: false }),
      await lost({ workflow: { labels: { "workflows.argoproj.io/completed": "true" } } }),
      await lost({ workflow: { labels: { "workflow-type": "report" } } }),
      await lost({ workflow: { labels: { repository: "acme-unwatched" } } }),
    ];
    const running = await lost();
    await run(nameOf(running), running);
    // GitHub's event and its activity record come from two clocks.
    for (const seconds of [-3, 3]) {
      const other = await lost();
      await run(nameOf({ ...other, at: other.at + seconds }), { ...other, at: other.at + seconds });
      left.push(other);
    }
    const again = await lost();
    await run(`${nameOf(again)}-x7k2p`, again);
    left.push(again);
    const failed = await lost();
    await run(nameOf(failed), failed, { phase: "Failed", outcome: "failed" });
    equal((await sweep()).started, "0");
    await onlyStarted([], [...left, running, failed]);
  });

  it("starts a run for a push that the ledger does not call handled, whatever its time [sweep-push-not-handled]", async () => {
    const other = randomSha();
    const annotations = (more: (push: Push) => Record<string, string>) => ({
      annotations: (push: Push) =>
        Object.fromEntries(
          Object.entries({ head: other, heads: other, pushed: other, resumed: "true", ...more(push) }).map(
            ([key, value]) => [`rex-remediation/${key}`, value],
          ),
        ),
    });
    const started = [
      await lost({ workflow: annotations(({ at }) => ({ "pushed-at": String(at + 60) })) }),
      await lost({ workflow: annotations(({ after }) => ({ head: after, heads: after, resumed: "false" })) }),
      // Somebody pushed on top of it and the branch was then moved back to it.
      await lost({ workflow: annotations(({ after }) => ({ pushed: after })) }),
    ];
    const onTop = await lost({ workflow: annotations(({ after }) => ({ pushed: after })) });
    await moved(onTop, randomSha(), now() - 300, "alice");
    equal((await sweep()).started, "3");
    await onlyStarted(started, [onTop]);
  });

  it("tells two pushes from A to B apart: it starts a run for the one that has none [sweep-same-move-twice]", async () => {
    const first = await lost({ ago: 1000 });
    const back = await moved(first, first.before, first.at + 20);
    const last = await moved(back, first.after, first.at + 40);
    await run(nameOf(first), { ...first, at: first.at + 2 });
    await run(nameOf(back), back);
    equal((await sweep()).started, "1");
    await onlyStarted([last], []);
    deepEqual((await runOf(last))?.spec.arguments, {
      parameters: [
        { name: "task", value: last.task },
        { name: "before", value: last.before },
        { name: "after", value: last.after },
        { name: "repository", value: last.where },
        { name: "pushed-at", value: String(last.at) },
      ],
    });
    equal((await sweep()).started, "0");
    await scenario.cluster.deleteWorkflow(`${nameOf(last)}-sweep`);
    await run(nameOf(last), { ...last, at: last.at + 3 });
    equal((await sweep()).started, "0");
    await onlyStarted([], [last]);
  });

  it("starts a run for a deleted branch made again, and for its commit on another branch later [sweep-branch-made-again]", async () => {
    const none = "0".repeat(40);
    const first = await lost({ ago: 2000 });
    const made: Push[] = [];
    for (const seconds of [100, 200]) {
      const gone = await moved(first, none, first.at + seconds - 10);
      made.push(await moved(gone, first.after, first.at + seconds));
    }
    const [again, last] = made as [Push, Push];
    await run(nameOf(first), first);
    await run(nameOf(again), again);
    equal((await sweep()).started, "1");
    await onlyStarted([last], []);

    const one = await lost({ ago: 2000 });
    await run(nameOf({ ...one, before: none }), { ...one, before: none });
    const other = { ...one, branch: `task-${one.task}-other`, before: none, at: one.at + 500 };
    await scenario.github.putRepository(repository, {
      branches: { [other.branch]: other.after },
      pushedAt: other.at,
      pushedBy: "5dlabs-rex[bot]",
      pulls: [{ number: Number(one.task) + 10_000, headRef: other.branch }],
    });
    await run(nameOf(one), one);
    equal((await sweep()).started, "1");
    await onlyStarted([other], [one]);
  });

  it("starts one more run if the push's run ended without an outcome, and fails if that one also ends without", async () => {
    const push = await lost();
    await run(nameOf(push), push, { phase: "Error" });
    equal((await sweep()).started, "1");
    await onlyStarted([push], []);
    await scenario.cluster.deleteWorkflow(`${nameOf(push)}-sweep`);
    await run(`${nameOf(push)}-sweep`, push, { phase: "Error" });
    const result = await runSweep();
    equal(result.exitCode, 1, result.log);
    equal(
      result.lastWords,
      `sweep: not everything was done: a lost push: its run ${nameOf(push)}-sweep ended without an outcome, too (no template; once that is fixed: argo -n ${scenario.cluster.namespace} resubmit ${nameOf(push)}-sweep); the next sweep tries again`,
    );
    equal(result.started, "0");
  });

  it("starts a run for Rex's push even if somebody has pushed on top of it", async () => {
    const push = await lost();
    await scenario.github.putRepository(repository, {
      branches: { [`task-${push.task}-fix`]: randomSha() },
      pushedBy: "alice",
    });
    equal((await sweep()).started, "1");
    await onlyStarted([push], []);
  });

  it("starts at most ten runs an hour, the oldest pushes first, and says how many are waiting [sweep-ten-an-hour]", async () => {
    const pushes: Push[] = [];
    for (let index = 0; index < 12; index += 1) pushes.push(await lost({ ago: 3000 - index * 60 }));
    const result = await sweep();
    equal(result.started, "10");
    match(result.log, /2 more pushes have no run, but the limit is 10 remediations an hour/);
    await onlyStarted(pushes.slice(0, 10), pushes.slice(10));
    equal((await sweep()).started, "0");
    await onlyStarted(pushes.slice(0, 10), pushes.slice(10));
  });

  it("goes on if it cannot read one repository, and fails at the end with its name [sweep-one-repository-fails]", async () => {
    const push = await lost({ in: "acme/shop" });
    const result = await runSweep({
      REPOSITORIES: JSON.stringify({ "acme/missing": "acme-missing", "acme/shop": "acme-shop" }),
    });
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^sweep: not everything was done: acme\/missing \(sweep: the GitHub App 4711 is not installed on acme\/missing: install it there.*\); the next sweep tries again$/,
    );
    await onlyStarted([push], []);
  });

  it("reports the new name of a renamed repository, with tasks or without, and goes on [sweep-names-renamed]", async () => {
    await scenario.installApp({}, ["acme/old", "acme/older"]);
    const push = await lost({ in: "acme/shop" });
    const unseen = await lost({ in: "acme/older" });
    await scenario.github.renameRepository("acme/old", "acme/new");
    await scenario.github.renameRepository("acme/older", "acme/newer");
    const watched = ["acme/old", "acme/older", "acme/shop"];
    const result = await runSweep({
      REPOSITORIES: JSON.stringify(Object.fromEntries(watched.map((name) => [name, name.replace("/", "-")]))),
    });
    equal(result.exitCode, 1, result.log);
    const words = (old: string, now: string, place: number) =>
      `${old} (sweep: ${old} was renamed to ${now}, and pushes under that name are ignored: correct repositories (pulumi config set --path 'repositories[${place}]' ${now}, then pulumi up))`;
    equal(
      result.lastWords,
      `sweep: not everything was done: ${words("acme/older", "acme/newer", 1)}; ${words("acme/old", "acme/new", 0)}; the next sweep tries again`,
    );
    await onlyStarted([push], [unseen]);
    await scenario.installApp();
  });

  it("reads every repository with tasks, however many others there are, and the others in turn [sweep-asks-in-turn]", async () => {
    const push = await lost({ in: "acme/shop" });
    const others = Array.from({ length: 60 }, (_, index) => [`acme/idle-${index}`, `acme-idle-${index}`]);
    const last = (await scenario.github.requests()).at(-1)?.id ?? 0;
    const result = await runSweep({
      REPOSITORIES: JSON.stringify({ ...Object.fromEntries(others), "acme/shop": "acme-shop" }),
    });
    equal(result.exitCode, 1, result.log);
    await onlyStarted([push], []);
    const asked = (await scenario.github.requests(last)).flatMap(
      ({ path }) => /^\/repos\/acme\/(.+)\/installation$/.exec(path)?.[1] ?? [],
    );
    deepEqual([asked[0], asked.length, new Set(asked).size], ["shop", 26, 26]);
  });

  describe("asks GitHub to redeliver failed deliveries", () => {
    async function failed(hook: "app" | number, more: object = {}): Promise<number> {
      const { id } = await scenario.github.noteDelivery({
        hook,
        guid: randomUUID(),
        event: "push",
        statusCode: 502,
        status: "Bad Gateway",
        deliveredAt: now() - 600,
        repository,
        ...more,
      });
      return id;
    }

    /** Those of the deliveries that GitHub was asked to redeliver. */
    async function asked(ids: number[]): Promise<number[]> {
      const all = await scenario.github.redeliveries();
      return all.map(({ deliveryId }) => deliveryId).filter((id) => ids.includes(id));
    }

    it("of pushes to our URL that no attempt delivered, at growing intervals, five times at most", async () => {
      await scenario.github.putAppHook(4711, { url: webhookUrl });
      const guid = randomUUID();
      const tooOften = randomUUID();
      const healed = randomUUID();
      const again = [await failed("app"), await failed("app", { statusCode: 0, status: "failed to connect to host" })];
      const left = [
        await failed("app", { event: "pull_request" }),
        await failed("app", { statusCode: 200, status: "OK" }),
        await failed("app", { deliveredAt: now() - 100 }),
        // Its second attempt is too recent for a third.
        await failed("app", { guid, deliveredAt: now() - 900 }),
        await failed("app", { guid, deliveredAt: now() - 500, redelivery: true }),
        await failed("app", { guid: healed, deliveredAt: now() - 900 }),
        await failed("app", { guid: healed, deliveredAt: now() - 800, statusCode: 200, redelivery: true }),
      ];
      for (const ago of [7000, 6000, 5000, 4000, 3000]) {
        left.push(await failed("app", { guid: tooOften, deliveredAt: now() - ago, redelivery: ago < 7000 }));
      }
      const result = await sweep();
      deepEqual((await asked([...again, ...left])).sort(), [...again].sort(), result.log);
      equal(result.redelivered, "2");
    });

    it("on all pages of the last hours", async () => {
      await scenario.github.putAppHook(4711, { url: webhookUrl });
      const oldest = await failed("app", { deliveredAt: now() - 5000 });
      for (let index = 0; index < 220; index += 1) {
        await failed("app", { event: "pull_request", deliveredAt: now() - 4000 });
      }
      await sweep();
      deepEqual(await asked([oldest]), [oldest]);
    });

    it("but none of webhooks that go elsewhere, and none at all if it does not know our URL [redelivers-own-webhook-only]", async () => {
      await scenario.github.putAppHook(4711, { url: "https://elsewhere.example.com/push" });
      const id = await failed("app");
      match(
        (await sweep()).log,
        /the App's own webhook goes to https:\/\/elsewhere\.example\.com\/push, not to this installation/,
      );
      await sweep({ WEBHOOK_URL: "" });
      deepEqual(await asked([id]), []);
    });

    it("of a repository's webhook, if the installation may read it", async () => {
      await scenario.github.putRepositoryHook(repository, { id: 31, url: webhookUrl });
      await scenario.github.putRepositoryHook(repository, { id: 32, url: "https://elsewhere.example.com/push" });
      const [ours, others] = [await failed(31), await failed(32)];
      await sweep();
      deepEqual(await asked([ours, others]), []);
      await scenario.installApp({ repository_hooks: "write" });
      await sweep();
      deepEqual(await asked([ours, others]), [ours]);
    });
  });
});
