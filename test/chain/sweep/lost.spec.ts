import { deepEqual, equal, ok } from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { AppsV1Api, PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { afterwards } from "../../support/afterwards.ts";
import { until } from "../../support/cluster.ts";
import { deliver } from "../../support/delivery.ts";
import { readDevStack } from "../../support/devStack.ts";
import { say } from "../../support/figures.ts";
import { generateAppKey, type PushOptions, pushPayload, signedDelivery } from "../../support/github/index.ts";
import { nodeEnvironment } from "../../support/node.ts";
import { gates, Platform, rex, type Task } from "../../support/platform.ts";
import { freshName, StackRun } from "../../support/pulumi/stackRun.ts";

const repository = "acme/swept";
const appId = 4720;

interface Pushed {
  task: Task;
  push: PushOptions;
  at: number;
  guid: string;
  delivered: boolean;
}

/**
 * A separate stack, for which this spec plays GitHub: it makes each delivery once, and again only when the sweep asks for it. What this
 * does not show: GitHub's own queue, and an outage longer than a minute.
 */
describe("pushes whose delivery is lost", function () {
  this.timeout(900_000);
  const name = freshName();
  const key = generateAppKey();
  const pushes: Pushed[] = [];
  let stack: StackRun;
  let platform: Platform;
  let webhookUrl: string;
  let hook: number;
  let secret = randomBytes(24).toString("hex");
  let redelivering: NodeJS.Timeout;
  let redelivered = 0;

  const config = (more: Record<string, unknown> = {}) => ({
    namespace: nodeEnvironment().namespace,
    "steps.image": nodeEnvironment().stepsImage,
    "githubApp.apiUrl": readDevStack().githubUrl,
    "githubApp.id": appId,
    githubAppPrivateKey: key.privateKeyPem,
    webhookSecret: secret,
    repositories: [repository],
    "sweep.schedule": "* * * * *",
    "sweep.afterSeconds": 180,
    ...more,
  });

  before(async () => {
    stack = new StackRun(name);
    const { exitCode, stdout, stderr } = await stack.run("up", { config: config() as never, args: ["--json"] });
    equal(exitCode, 0, stderr);
    webhookUrl = JSON.parse(stdout).webhookUrl;
    platform = await Platform.open({
      webhookUrl,
      webhookSecret: secret,
      githubUrl: readDevStack().githubUrl,
      repository,
    });
    await platform.github.putApp({
      appId,
      slug: "rex-remediation-swept",
      publicKeyPem: key.publicKeyPem,
      installationId: 43,
      permissions: { contents: "read", pull_requests: "write", metadata: "read" },
      repositories: [repository],
    });
    // Remembered by its number, because other tests' Apps may have webhooks, too.
    ({ id: hook } = await platform.github.putAppHook(appId, { url: webhookUrl }));
    redelivering = setInterval(() => redeliver().catch((error) => console.error(`redelivery: ${error}`)), 2000);
  });
  after(() => {
    clearInterval(redelivering);
    // Remove the sweep first, because it would start new runs.
    return afterwards(
      () => stack.run("destroy"),
      () => stack.remove(),
      () => platform?.github.removeHook(hook),
      () => platform?.close(),
    );
  });

  /** Delivers a push once, as GitHub does, and records the delivery. */
  async function attempt(pushed: Pushed, again: boolean): Promise<void> {
    const payload = pushPayload({ repository, sender: rex, ...pushed.push });
    const status = await deliver(platform.cluster, webhookUrl, await signedDelivery(secret, payload)).then(
      (answer) => answer.status,
      () => 0,
    );
    pushed.delivered ||= status === 200;
    await platform.github.noteDelivery({
      hook,
      guid: pushed.guid,
      event: "push",
      statusCode: status,
      status: status === 200 ? "OK" : "failed",
      deliveredAt: Math.floor(Date.now() / 1000),
      redelivery: again,
      repository,
    });
  }

  const asked = new Set<number>();

  /** Makes the requested redeliveries, as GitHub does. */
  async function redeliver(): Promise<void> {
    for (const { deliveryId, guid } of await platform.github.redeliveries()) {
      const pushed = pushes.find((one) => one.guid === guid);
      if (asked.has(deliveryId) || pushed === undefined) continue;
      asked.add(deliveryId);
      redelivered += 1;
      await attempt(pushed, true);
    }
  }

  async function push(task: Task): Promise<Pushed> {
    const pushed: Pushed = {
      task,
      push: { ref: `refs/heads/${task.branch}`, ...(await platform.moveBranch(task)), pushedAt: platform.clock() },
      at: Date.now(),
      guid: randomUUID(),
      delivered: false,
    };
    pushes.push(pushed);
    await attempt(pushed, false);
    return pushed;
  }

  async function waitingTasks(number: number): Promise<Task[]> {
    const tasks: Task[] = [];
    for (let index = 0; index < number; index += 1) {
      tasks.push(await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] }));
    }
    return tasks;
  }

  /** Waits until QA has restarted on each head. Returns the seconds since its push, and whether a run of the sweep did it. */
  async function remediated(which: Pushed[], limit: number): Promise<{ seconds: number; swept: boolean }[]> {
    return Promise.all(
      which.map(async ({ task, push: { after }, at }) => {
        const annotations = await until(`task ${task.id} has restarted on its new head`, limit, async () => {
          const now = (await platform.cluster.workflow(task.workflow))?.metadata.annotations ?? {};
          return now["rex-remediation/head"] === after && now["rex-remediation/resumed"] === "true" && now;
        });
        return {
          seconds: (Date.now() - at) / 1000,
          swept: annotations["rex-remediation/run"]?.endsWith("-sweep") ?? false,
        };
      }),
    );
  }

  const report = (what: string, which: Pushed[], ends: { seconds: number; swept: boolean }[]) =>
    say(
      `${what}: ${which.length} pushes, ${which.filter(({ delivered }) => !delivered).length} never delivered, ${
        ends.filter(({ swept }) => swept).length
      } found by a sweep, the last remediated after ${Math.max(...ends.map(({ seconds }) => seconds)).toFixed(0)} s`,
    );

  it("while pulumi up changes secret and filters: all are remediated, at the latest by the next sweep [lost-during-update]", async () => {
    const tasks = await waitingTasks(10);
    const newSecret = randomBytes(24).toString("hex");
    const made: Pushed[] = [await push(tasks.shift() as Task), await push(tasks.shift() as Task)];
    const changed = { webhookSecret: newSecret, repositories: [repository, "acme/another"] };
    let done = false;
    const up = stack.run("up", { config: config(changed) as never }).finally(() => {
      done = true;
      // People change the secret at GitHub after the update of the stack has ended.
      secret = newSecret;
    });
    while (!done && tasks.length > 2) {
      made.push(await push(tasks.shift() as Task));
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    equal((await up).exitCode, 0);
    for (const task of tasks) made.push(await push(task));
    const ends = await remediated(made, 420_000);
    report("secret and filters changed meanwhile", made, ends);
    ok(made.length === 10, `${made.length} pushes`);
  });

  it("while the EventSource is down: all three tasks are remediated without help [lost-while-event-source-down]", async () => {
    const tasks = await waitingTasks(3);
    await scaleEventSource(0);
    const made = [];
    for (const task of tasks) made.push(await push(task));
    deepEqual(
      made.map(({ delivered }) => delivered),
      [false, false, false],
    );
    await scaleEventSource(1);
    const ends = await remediated(made, 420_000);
    report("EventSource down", made, ends);
  });

  it("are remediated only once, even if GitHub delivers them again after the sweep [swept-once]", async () => {
    const failed = pushes.filter(({ delivered }) => !delivered);
    await until("the sweep has requested every failed delivery again", 420_000, async () =>
      failed.every(({ delivered }) => delivered),
    );
    say(`redeliveries: ${redelivered} requested and made`);
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    const opened = await Promise.all(
      pushes.map(
        async ({ task }) =>
          gates(await platform.cluster.workflow(task.workflow)).filter(({ message }) =>
            message?.startsWith("resumed by "),
          ).length,
      ),
    );
    deepEqual(
      opened,
      pushes.map(() => 1),
    );
  });

  /** Scales the EventSource and waits until it has that many pods. */
  async function scaleEventSource(replicas: number): Promise<void> {
    const { cluster } = platform;
    const { namespace } = cluster;
    const apps = cluster.config.makeApiClient(AppsV1Api);
    const labelSelector = `eventsource-name=${name}`;
    const [deployment] = (await apps.listNamespacedDeployment({ namespace, labelSelector })).items;
    await apps.patchNamespacedDeploymentScale(
      { namespace, name: deployment?.metadata?.name ?? "", body: { spec: { replicas } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
    await until(`the EventSource has ${replicas} pods`, 60_000, async () => {
      const { items } = await cluster.core.listNamespacedPod({ namespace, labelSelector });
      return items.filter(({ status }) => replicas === 0 || status?.phase === "Running").length === replicas;
    });
  }
});
