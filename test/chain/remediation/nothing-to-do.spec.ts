import { deepEqual, equal } from "node:assert/strict";
import { devPlatform } from "../../support/devPlatform.ts";
import { randomSha } from "../../support/github/index.ts";

/**
 * The whole chain as `pulumi up` deployed it, on the example main workflow: EventSource, event bus, Sensor, run, and the steps in their
 * image with their account. Each case has its own task. What this does not show: GitHub itself, and other main workflows.
 */
describe("remediation that does not begin", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  it("because no main workflow runs: no-workflow [chain-no-workflow]", async () => {
    const id = dev.platform.newTask();
    const push = {
      ref: `refs/heads/task-${id}`,
      before: randomSha(),
      after: randomSha(),
      pushedAt: dev.platform.clock(),
    };
    equal((await dev.platform.send(push)).status, 200);
    equal(await dev.platform.outcome(dev.platform.runName(id, push)), "no-workflow");
  });

  it("because there is no open pull request: no-pull-request [chain-no-pull-request]", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullRequest: false });
    const before = await dev.stateOf(task);
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "no-pull-request");
    deepEqual(await dev.stateOf(task), before);
  });

  it("because Rex is still implementing: nothing-stale [chain-nothing-stale]", async () => {
    const task = await dev.platform.startTask("implementing");
    const before = await dev.stateOf(task);
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "nothing-stale");
    deepEqual(await dev.stateOf(task), before);
  });
});
