import { deepEqual, equal, ok } from "node:assert/strict";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { type PushOptions, randomSha } from "../../support/github/index.ts";
import { gates, type Task } from "../../support/platform.ts";
import { resumedAfter } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` made it, with one push delivered many times. Each case has a task of its own.
 * What this does not show: GitHub itself, and events that never arrive.
 */
describe("remediation of a push that is delivered", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  async function runs(task: Task): Promise<string[]> {
    const workflows = await dev.platform.cluster.workflows(`rex-remediation/task=${task.id}`);
    return workflows.map(({ metadata }) => metadata.name).sort();
  }

  /** What the Sensor has said of a task at a level at which somebody would have to look. */
  async function troubleOf(task: Task): Promise<string[]> {
    const { core, namespace } = dev.platform.cluster;
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: "sensor-name=rex-remediation" });
    const logs = await Promise.all(
      items.map(({ metadata }) => core.readNamespacedPodLog({ namespace, name: metadata?.name ?? "" })),
    );
    return logs
      .flatMap((log) => log.split("\n"))
      .filter((line) => /"level":"(error|warn)"/.test(line) && line.includes(task.id));
  }

  const waiting = () => dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });

  it("twenty times, at once and spread, from a repository's hook and the App's: one run, its effects once, no error [delivered-twenty-times]", async () => {
    const task = await waiting();
    const push: PushOptions = {
      ref: `refs/heads/${task.branch}`,
      ...(await dev.platform.moveBranch(task)),
      pushedAt: dev.platform.clock(),
    };
    const run = dev.platform.runName(task.id, push);
    const deliver = async (count: number) => {
      const kinds = Array.from({ length: count }, (_, index) =>
        index % 2 === 0 ? push : { ...push, installationId: 42 },
      );
      const answers = await Promise.all(kinds.map((one) => dev.platform.send(one)));
      deepEqual(
        answers.map(({ status }) => status),
        kinds.map(() => 200),
      );
    };
    await deliver(10);
    const pushedAt = new Date();
    await until(
      "the run is at work",
      30_000,
      async () => (await dev.platform.cluster.workflow(run))?.status?.phase === "Running",
    );
    await deliver(4);
    equal(await dev.platform.outcome(run), "remediated");
    await deliver(3);
    ok((await resumedAfter(dev.platform, task, run, pushedAt)) < 120);
    const before = await dev.stateOf(task);
    await dev.platform.ended(run);
    await deliver(3);

    // Events are handled in order: once this one has its run, all before it had their chance.
    const last: PushOptions = {
      ref: `refs/heads/task-${dev.platform.newTask()}`,
      before: randomSha(),
      after: randomSha(),
      pushedAt: dev.platform.clock(),
    };
    await dev.platform.send(last);
    await dev.platform.outcome(dev.platform.runName(last.ref?.slice("refs/heads/task-".length) ?? "", last));
    deepEqual(await runs(task), [run]);
    deepEqual(await dev.stateOf(task), before);
    equal(
      gates(await dev.platform.cluster.workflow(task.workflow)).filter(({ message }) => message === `resumed by ${run}`)
        .length,
      1,
    );
    deepEqual(await troubleOf(task), []);
  });
});
