import { deepEqual, equal, ok } from "node:assert/strict";
import { devPlatform } from "../../support/devPlatform.ts";
import { say } from "../../support/figures.ts";
import { type PushOptions, randomSha } from "../../support/github/index.ts";
import { gates } from "../../support/platform.ts";
import { resumedAfter } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` made it, with pushes delivered late and in the wrong order. Each case has a task of its own.
 * What this does not show: GitHub itself, and events that never arrive.
 */
describe("remediation of pushes that come", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  const waiting = () => dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });

  it("five within two seconds, in any order: the newest head is resumed within 40 s, the others touch nothing [five-pushes-in-any-order]", async () => {
    const task = await waiting();
    const pushes: PushOptions[] = [];
    for (let index = 0; index < 5; index += 1) {
      const move = await dev.platform.moveBranch(task);
      pushes.push({ ref: `refs/heads/${task.branch}`, ...move, pushedAt: dev.platform.clock() });
    }
    const newest = pushes[4] ?? {};
    const sent = Date.now();
    for (const index of [2, 4, 0, 3, 1]) await dev.platform.send(pushes[index] ?? {});
    ok(Date.now() - sent < 2000, `sent in ${Date.now() - sent} ms`);
    const outcomes = await Promise.all(pushes.map((push) => dev.platform.outcome(dev.platform.runName(task.id, push))));
    equal(outcomes[4], "remediated");
    deepEqual(
      outcomes.slice(0, 4).filter((outcome) => !["superseded", "already-remediated"].includes(outcome)),
      [],
    );
    const resumed = await resumedAfter(dev.platform, task, dev.platform.runName(task.id, newest), new Date(sent));
    say(
      `five pushes in any order: the newest head resumed after ${resumed.toFixed(1)} s; the others ${outcomes.slice(0, 4).join(", ")}`,
    );
    ok(resumed < 40, `${resumed} s`);
    const workflow = await dev.platform.cluster.workflow(task.workflow);
    equal(workflow?.metadata.annotations?.["rex-remediation/head"], newest.after);
    equal(gates(workflow).filter(({ message }) => message?.startsWith("resumed by ")).length, 1);
  });

  it("an old one again, when a Cleo works on the newest head: that Cleo goes on [old-push-leaves-new-cleo]", async () => {
    const task = await waiting();
    const first = await dev.platform.push(task);
    await dev.platform.outcome(first.run);
    await resumedAfter(dev.platform, task, first.run, first.pushedAt);
    await dev.platform.startAgent("5DLabs-Cleo", task);
    const old: PushOptions = {
      ref: `refs/heads/${task.branch}`,
      before: randomSha(),
      after: first.push.before ?? "",
      pushedAt: (first.push.pushedAt ?? 0) - 3600,
    };
    const before = await dev.stateOf(task);
    await dev.platform.send(old);
    equal(await dev.platform.outcome(dev.platform.runName(task.id, old)), "superseded");
    deepEqual(await dev.stateOf(task), before);
  });
});
