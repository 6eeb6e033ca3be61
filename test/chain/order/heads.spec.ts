import { deepEqual, equal, ok } from "node:assert/strict";
import { devPlatform } from "../../support/devPlatform.ts";
import { type PushOptions, randomSha } from "../../support/github/index.ts";
import type { Task } from "../../support/platform.ts";
import { resumedAfter } from "../../support/times.ts";

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

  it("to A, B and A again: three remediations, each for its head [heads-a-b-a]", async () => {
    const task = await waiting();
    const heads: string[] = [];
    const outcomes: string[] = [];
    const [a, b] = [randomSha(), randomSha()];
    for (const sha of [a, b, a]) {
      const move = await dev.platform.moveBranch(task, sha);
      const push: PushOptions = { ref: `refs/heads/${task.branch}`, ...move, pushedAt: dev.platform.clock() };
      const { at } = await dev.platform.send(push);
      outcomes.push(await dev.platform.outcome(dev.platform.runName(task.id, push)));
      await resumedAfter(dev.platform, task, dev.platform.runName(task.id, push), at);
      heads.push((await ledger(task))["rex-remediation/head"] ?? "");
      // As if QA had passed on that head.
      await dev.platform.cluster.patchWorkflow(task.workflow, {
        metadata: { labels: { "current-stage": "waiting-ready-for-qa" } },
      });
    }
    deepEqual(outcomes, ["remediated", "remediated", "remediated"]);
    deepEqual(heads, [a, b, a]);
  });

  it("to and fro between A and B: each move is remediated, and the push of another task behind them is not held up [heads-to-and-fro]", async () => {
    const [task, other] = [await waiting(), await waiting()];
    const [a, b] = [randomSha(), randomSha()];
    const outcomes: string[] = [];
    const runs: string[] = [];
    for (const [index, sha] of [a, b, a, b].entries()) {
      const move = await dev.platform.moveBranch(task, sha);
      const push: PushOptions = { ref: `refs/heads/${task.branch}`, ...move, pushedAt: dev.platform.clock() };
      const run = dev.platform.runName(task.id, push);
      const { at } = await dev.platform.send(push);
      // From A to B it goes a second time now: what comes behind would wait for a minute if the Sensor's write were refused.
      const behind = index === 3 ? await dev.platform.push(other) : undefined;
      outcomes.push(await dev.platform.outcome(run));
      runs.push(run);
      await resumedAfter(dev.platform, task, run, at);
      if (behind !== undefined) {
        equal(await dev.platform.outcome(behind.run), "remediated");
        const resumed = await resumedAfter(dev.platform, other, behind.run, behind.pushedAt);
        ok(resumed < 40, `resumed after ${resumed} s`);
      }
      const { "rex-remediation/head": head, "rex-remediation/heads": heads } = await ledger(task);
      deepEqual([head, heads], [sha, sha]);
      // As if QA had passed on that head.
      await dev.platform.cluster.patchWorkflow(task.workflow, {
        metadata: { labels: { "current-stage": "waiting-ready-for-qa" } },
      });
    }
    deepEqual(outcomes, ["remediated", "remediated", "remediated", "remediated"]);
    const made = await dev.platform.cluster.workflows(`rex-remediation/task=${task.id}`);
    deepEqual(made.map(({ metadata }) => metadata.name).sort(), runs.sort());
  });

  it("and told of by two webhooks, whose times differ: remediated once [told-by-two-webhooks]", async () => {
    const task = await waiting();
    const push: PushOptions = {
      ref: `refs/heads/${task.branch}`,
      ...(await dev.platform.moveBranch(task)),
      pushedAt: dev.platform.clock(),
    };
    const copy = { ...push, pushedAt: dev.platform.clock() + 1 };
    await dev.platform.send(push);
    equal(await dev.platform.outcome(dev.platform.runName(task.id, push)), "remediated");
    const before = await dev.stateOf(task);
    await dev.platform.send(copy);
    equal(await dev.platform.outcome(dev.platform.runName(task.id, copy)), "already-remediated");
    deepEqual(await dev.stateOf(task), before);
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
    equal(await dev.platform.outcome(dev.platform.runName(task.id, push)), "remediated");
    const { "rex-remediation/head": head, "rex-remediation/pushed": pushed } = await ledger(task);
    deepEqual([head, pushed], [after, push.after]);
  });
});
