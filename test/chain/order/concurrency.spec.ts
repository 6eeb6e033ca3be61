import { deepEqual, equal, ok } from "node:assert/strict";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { say } from "../../support/figures.ts";
import { gates, type Task } from "../../support/platform.ts";

/**
 * The whole chain as `pulumi up` made it, under many pushes. What this does not show: that it is fast; how the time grows is for the
 * benchmark.
 */
describe("remediation of many pushes", function () {
  this.timeout(600_000);
  const dev = devPlatform();

  const podsOf = async (selector: string) =>
    (
      await dev.platform.cluster.core.listNamespacedPod({
        namespace: dev.platform.cluster.namespace,
        labelSelector: selector,
      })
    ).items;

  it("to 30 tasks at once goes side by side, each task's once [thirty-tasks-side-by-side]", async () => {
    const tasks: Task[] = [];
    for (let index = 0; index < 30; index += 1) {
      tasks.push(await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] }));
    }
    const from = Date.now();
    const pushed = [];
    for (const task of tasks) pushed.push(await dev.platform.push(task));
    let atOnce = 0;
    const watching = setInterval(async () => {
      const pods = await podsOf("app.kubernetes.io/component=remediation").catch(() => []);
      atOnce = Math.max(atOnce, pods.filter(({ status }) => status?.phase === "Running").length);
    }, 1000);
    const outcomes = await Promise.all(pushed.map(({ run }) => dev.platform.outcome(run, 300_000))).finally(() =>
      clearInterval(watching),
    );
    say(
      `30 tasks at once: the last remediated after ${((Date.now() - from) / 1000).toFixed(0)} s, ${atOnce} pods at work at once`,
    );
    deepEqual(
      outcomes,
      tasks.map(() => "remediated"),
    );
    const opened = await Promise.all(
      tasks.map(async ({ workflow }) =>
        gates(await dev.platform.cluster.workflow(workflow)).map(({ message }) => message?.startsWith("resumed by ")),
      ),
    );
    deepEqual(
      opened.map((messages) => messages.filter(Boolean).length),
      tasks.map(() => 1),
    );
    ok(atOnce > 5, `${atOnce} at once`);
  });

  it("to one task goes one after the other, and what waits takes no pod [one-task-one-after-the-other]", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    // GitHub says nothing for a while, so that the first run is at work when the second comes.
    await dev.platform.github.addFault({
      method: "DELETE",
      pathPattern: `/issues/${task.pull}/labels`,
      action: "hang",
      times: 1,
    });
    const first = await dev.platform.push(task);
    await until("the first run is at work", 60_000, async () => {
      const workflow = await dev.platform.cluster.workflow(task.workflow);
      return workflow?.metadata.annotations?.["rex-remediation/run"] === first.run;
    });
    const second = await dev.platform.push(task);
    const selector = `workflows.argoproj.io/workflow=${second.run}`;
    await until("the second run waits", 30_000, async () => {
      const workflow = await dev.platform.cluster.workflow(second.run);
      return workflow?.status?.phase === "Pending" && workflow.status.message?.includes("lock");
    });
    deepEqual(await podsOf(selector), []);
    equal(await dev.platform.outcome(first.run), "remediated");
    // The first has set the stage back, and no agent has begun yet: who begins now works on the second's head.
    equal(await dev.platform.outcome(second.run), "nothing-stale");
    const ended = (await dev.platform.ended(first.run)).status?.finishedAt ?? "";
    const [pod] = await podsOf(selector);
    ok(
      new Date(pod?.metadata?.creationTimestamp ?? 0) >= new Date(ended),
      `${pod?.metadata?.creationTimestamp} ${ended}`,
    );
  });
});
