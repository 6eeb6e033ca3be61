import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "../support/cluster.ts";
import { devPlatform } from "../support/devPlatform.ts";
import { restartTimes } from "../support/times.ts";

/**
 * The whole chain as `pulumi up` made it: EventSource, event bus, Sensor, run, steps in their image with
 * their account, on the example main workflow. Each case has a task of its own. What this does not show: GitHub itself, and
 * other main workflows than the example.
 */
describe("remediation that is disturbed", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  it("is carried on by a second pod, and ends as one clean run", async () => {
    const task = await dev.platform.startTask("at-ready-for-qa-gate", { pullLabels: ["ready-for-qa"] });
    // GitHub says nothing, so the first pod stands in remove-label, with the ledger written, when it is deleted.
    await dev.platform.github.addFault({
      method: "DELETE",
      pathPattern: `/issues/${task.pull}/labels`,
      action: "hang",
      times: 1,
    });
    const { run, pushedAt } = await dev.platform.push(task);
    const selector = `workflows.argoproj.io/workflow=${run}`;
    const namespace = dev.platform.cluster.namespace;
    await until("the ledger says begun", 60_000, async () => {
      const workflow = await dev.platform.cluster.workflow(task.workflow);
      return workflow?.metadata.annotations?.["rex-remediation/resumed"] === "false";
    });
    const [pod] = (await dev.platform.cluster.core.listNamespacedPod({ namespace, labelSelector: selector })).items;
    await dev.platform.cluster.core.deleteNamespacedPod({
      namespace,
      name: pod?.metadata?.name ?? "",
      gracePeriodSeconds: 0,
    });
    equal(await dev.platform.outcome(run), "remediated");
    await restartTimes(dev.platform, task, run, pushedAt);
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
    equal((await dev.platform.ended(run)).status?.phase, "Succeeded");
  });

  it("says on run and main workflow which step failed and how to go on; and that command works", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    await dev.platform.github.addFault({
      method: "DELETE",
      pathPattern: `/issues/${task.pull}/labels`,
      status: 403,
      headers: { "x-accepted-github-permissions": "pull_requests=write" },
      body: { message: "Resource not accessible by integration" },
      times: 3,
    });
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run, 200_000), "failed");
    equal((await dev.platform.ended(run)).status?.phase, "Failed");
    const message = await until("the main workflow says so", 10_000, async () => {
      const workflow = await dev.platform.cluster.workflow(task.workflow);
      return workflow?.metadata.annotations?.["rex-remediation/message"];
    });
    match(
      message,
      new RegExp(
        `^${run}: remove-label: .*GitHub refused DELETE .*status 403 \\(Resource not accessible by integration\\); it needs the permission pull_requests=write.* \\| when mended: argo -n agent-platform retry ${run}$`,
      ),
    );
    await promisify(execFile)("argo", ["-n", "agent-platform", "retry", run], { timeout: 30_000 });
    await until("the retried run has restarted QA", 90_000, async () => {
      const workflow = await dev.platform.cluster.workflow(task.workflow);
      return workflow?.metadata.annotations?.["rex-remediation/resumed"] === "true";
    });
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
  });
});
