import { deepEqual, equal } from "node:assert/strict";
import { devPlatform } from "../support/devPlatform.ts";
import { type PushOptions, randomSha } from "../support/github/index.ts";
import { runName, type Task } from "../support/platform.ts";
import { resumedAfter } from "../support/times.ts";

/**
 * The whole chain as `pulumi up` made it, with branches that go to and fro. Each case has a task of its own.
 * What this does not show: GitHub itself, and events that never arrive.
 */
describe("remediation of a branch that is moved", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  async function ledger(task: Task): Promise<Record<string, string>> {
    return (await dev.platform.cluster.workflow(task.workflow))?.metadata.annotations ?? {};
  }

  const waiting = () => dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });

  it("to A, B and A again: three remediations, each for its head", async () => {
    const task = await waiting();
    const heads: string[] = [];
    const outcomes: string[] = [];
    const [a, b] = [randomSha(), randomSha()];
    for (const sha of [a, b, a]) {
      const move = await dev.platform.moveBranch(task, sha);
      const push: PushOptions = { ref: `refs/heads/${task.branch}`, ...move, pushedAt: dev.platform.clock() };
      const { at } = await dev.platform.send(push);
      outcomes.push(await dev.platform.outcome(runName(task.id, push)));
      await resumedAfter(dev.platform, task, runName(task.id, push), at);
      heads.push((await ledger(task))["rex-remediation/head"] ?? "");
      // As if QA had passed on that head.
      await dev.platform.cluster.patchWorkflow(task.workflow, {
        metadata: { labels: { "current-stage": "waiting-ready-for-qa" } },
      });
    }
    deepEqual(outcomes, ["remediated", "remediated", "remediated"]);
    deepEqual(heads, [a, b, a]);
  });

  it("by a person on top of Rex before it is planned: remediated for the person's head", async () => {
    const task = await waiting();
    const push: PushOptions = {
      ref: `refs/heads/${task.branch}`,
      ...(await dev.platform.moveBranch(task)),
      pushedAt: dev.platform.clock(),
    };
    const { after } = await dev.platform.moveBranch(task);
    await dev.platform.send(push);
    equal(await dev.platform.outcome(runName(task.id, push)), "remediated");
    const { "rex-remediation/head": head, "rex-remediation/pushed": pushed } = await ledger(task);
    deepEqual([head, pushed], [after, push.after]);
  });
});
