import { deepEqual, equal } from "node:assert/strict";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { type PushOptions, randomSha, zeroSha } from "../../support/github/index.ts";
import { rex } from "../../support/platform.ts";

/**
 * The whole chain as `pulumi up` made it: EventSource, event bus, Sensor, run, steps in their image with
 * their account, on the example main workflow. Each case has a task number of its own. What this does not show: GitHub itself, and
 * other main workflows than the example.
 */
describe("detection", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  it("by anything that is not Rex's push to a task branch [nothing-but-rexs-push]", async () => {
    const id = dev.platform.newTask();
    const branch = { ref: `refs/heads/task-${id}` };
    const ignored: PushOptions[] = [
      { ...branch, sender: "5dlabs-cleo[bot]" },
      { ...branch, sender: { login: rex, type: "User", id: 1 } as never },
      { ...branch, sender: "rex" },
      { ...branch, after: zeroSha, deleted: true },
      { ...branch, repository: "mallory/platform" },
      { ref: `refs/heads/task-${id}x` },
      { ref: `refs/heads/task-0${id}` },
      { ref: `refs/heads/mytask-${id}` },
      { ref: `refs/tags/task-${id}` },
      { ref: "refs/heads/main" },
    ];
    for (const push of ignored) equal((await dev.platform.send(push)).status, 200, JSON.stringify(push));
    equal((await dev.platform.send(branch, "another secret, long enough")).status, 400);

    // Events are handled in order: once this one has its run, the others before it had their chance.
    const last = { ...branch, before: randomSha(), after: randomSha(), pushedAt: dev.platform.clock() };
    await dev.platform.send(last);
    await dev.platform.outcome(dev.platform.runName(id, last));
    deepEqual(
      (await dev.platform.cluster.workflows()).map(({ metadata }) => metadata.name).filter((name) => name.includes(id)),
      [dev.platform.runName(id, last)],
    );
  });

  it("but by every form of a task branch, with the task's number and nothing else of the name [every-form-of-task-branch]", async () => {
    const id = dev.platform.newTask();
    const forms = ["", "-fix-the-cart", "/fix", "_2", "-$(touch$IFS/tmp/x)`id`{{=1}}"];
    const pushes = forms.map((form) => ({
      ref: `refs/heads/task-${id}${form}`,
      before: randomSha(),
      after: randomSha(),
      pushedAt: dev.platform.clock(),
    }));
    for (const push of pushes) equal((await dev.platform.send(push)).status, 200);
    for (const push of pushes) {
      const run = await until(`the run of ${push.ref}`, 30_000, () =>
        dev.platform.cluster.workflow(dev.platform.runName(id, push)),
      );
      deepEqual(run.spec.arguments, {
        parameters: [
          { name: "task", value: id },
          { name: "before", value: push.before },
          { name: "after", value: push.after },
          { name: "repository", value: dev.platform.options.repository },
          { name: "pushed-at", value: String(push.pushedAt) },
        ],
      });
      equal(run.spec.priority, push.pushedAt);
    }
  });
});
