import { deepEqual, equal } from "node:assert/strict";
import { devPlatform } from "../../support/devPlatform.ts";
import { randomSha } from "../../support/github/index.ts";

/**
 * The whole chain as `pulumi up` made it: EventSource, event bus, Sensor, run, steps in their image with
 * their account, on the example main workflow. Each case has a task of its own. What this does not show: GitHub itself, and
 * other main workflows than the example.
 */
describe("remediation that is not begun", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  it("where no main workflow runs: no-workflow [chain-no-workflow]", async () => {
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

  it("without an open pull request: no-pull-request [chain-no-pull-request]", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullRequest: false });
    const before = await dev.stateOf(task);
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "no-pull-request");
    deepEqual(await dev.stateOf(task), before);
  });

  it("while Rex is still implementing: nothing-stale [chain-nothing-stale]", async () => {
    const task = await dev.platform.startTask("implementing");
    const before = await dev.stateOf(task);
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "nothing-stale");
    deepEqual(await dev.stateOf(task), before);
  });
});
