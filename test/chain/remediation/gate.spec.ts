import { deepEqual, equal } from "node:assert/strict";
import { devPlatform } from "../../support/devPlatform.ts";
import { restartTimes } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` made it: EventSource, event bus, Sensor, run, steps in their image with
 * their account, on the example main workflow. Each case has a task of its own. What this does not show: GitHub itself, and
 * other main workflows than the example.
 */
describe("remediation of a task that waits at its gate", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  it("starts a new round at Cleo, not at the gate's own next step [new-round-at-cleo]", async () => {
    const task = await dev.platform.startTask("at-ready-for-qa-gate", { pullLabels: ["ready-for-qa"] });
    const { run, pushedAt } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "remediated");
    await restartTimes(dev.platform, task, run, pushedAt);
    deepEqual(
      (await dev.platform.agents(task.id)).map(({ metadata }) => metadata.labels?.["github-app"]),
      ["5DLabs-Cleo", "5DLabs-Cleo"],
    );
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
  });

  it("for the newest of two pushes that come at once [newest-of-two-at-once]", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const first = await dev.platform.moveBranch(task);
    const second = await dev.platform.moveBranch(task);
    const pushes = [first, second].map((move) => ({
      ref: `refs/heads/${task.branch}`,
      ...move,
      pushedAt: dev.platform.clock(),
    }));
    await Promise.all(pushes.map((push) => dev.platform.send(push)));
    const [outcome1, outcome2] = await Promise.all(
      pushes.map((push) => dev.platform.outcome(dev.platform.runName(task.id, push))),
    );
    deepEqual([outcome1, outcome2], ["superseded", "remediated"]);
    const workflow = await dev.platform.cluster.workflow(task.workflow);
    equal(workflow?.metadata.annotations?.["rex-remediation/head"], second.after);
  });
});
