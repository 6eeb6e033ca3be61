import { deepEqual, equal, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { say } from "../../support/figures.ts";
import { gates, type Task } from "../../support/platform.ts";

/**
 * The whole chain as `pulumi up` deployed it, under many pushes. What this does not show: speed. The bench measures how the time grows.
 */
describe("remediation of many pushes", function () {
  this.timeout(900_000);
  const dev = devPlatform();

  const podsOf = async (selector: string) =>
    (
      await dev.platform.cluster.core.listNamespacedPod({
        namespace: dev.platform.cluster.namespace,
        labelSelector: selector,
      })
    ).items;

  /** From kubectl's table, because a pod as an object is half a megabyte: Argo gives each container the whole template. */
  const podsAtWork = async () => {
    const { namespace } = dev.platform.cluster;
    const which = ["--selector", "app.kubernetes.io/component=remediation", "--field-selector", "status.phase=Running"];
    const { stdout } = await promisify(execFile)(
      "kubectl",
      ["get", "pods", "-n", namespace, "--no-headers", ...which],
      {
        timeout: 10_000,
      },
    );
    return stdout.split("\n").filter((line) => line !== "").length;
  };

  it("to 30 tasks at once runs in parallel, once for each task [thirty-tasks-side-by-side]", async () => {
    const tasks: Task[] = [];
    for (let index = 0; index < 30; index += 1) {
      tasks.push(await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] }));
    }
    const from = Date.now();
    const pushed = [];
    for (const task of tasks) pushed.push(await dev.platform.push(task));
    let atOnce = 0;
    let looks = 0;
    let trouble = "";
    const watching = setInterval(async () => {
      try {
        const count = await podsAtWork();
        looks += 1;
        atOnce = Math.max(atOnce, count);
      } catch (error) {
        trouble = `; the last look failed: ${error}`;
      }
    }, 1000);
    const outcomes = await Promise.all(pushed.map(({ run }) => dev.platform.outcome(run, 500_000))).finally(() =>
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
    ok(atOnce > 2, `${atOnce} at once, in ${looks} looks${trouble}`);
  });

  it("to one task happens one after the other, and a waiting run has no pod [one-task-one-after-the-other]", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    // GitHub does not answer for a while, so that the first run is still at work when the second push comes.
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
    // The first run has set the stage back, and no agent has started yet. An agent that starts now works on the second push's head.
    equal(await dev.platform.outcome(second.run), "nothing-stale");
    const ended = (await dev.platform.ended(first.run)).status?.finishedAt ?? "";
    const [pod] = await podsOf(selector);
    ok(
      new Date(pod?.metadata?.creationTimestamp ?? 0) >= new Date(ended),
      `${pod?.metadata?.creationTimestamp} ${ended}`,
    );
  });
});
