import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterwards } from "../../support/afterwards.ts";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { say } from "../../support/figures.ts";
import { ledgerOf, pushAndHold } from "../../support/heldRun.ts";
import { nodeEnvironment } from "../../support/node.ts";
import { OwnStack } from "../../support/ownStack.ts";
import type { Platform, Task } from "../../support/platform.ts";
import { freshName } from "../../support/pulumi/stackRun.ts";
import { resumedAfter } from "../../support/times.ts";
import { objects, objectsButSecrets } from "../../support/writtenTexts.ts";

/**
 * `pulumi destroy` while one remediation is at work (the stage is reset, but the gate is not open yet) and another one of the same task
 * waits for it. Each case continues where the previous one ended. What this does not show: Pulumi's own provider, and what Argo Events
 * keeps in NATS.
 */
describe("destroying the stack", function () {
  this.timeout(240_000);
  const dev = devPlatform();
  const stack = new OwnStack();
  let platform: Platform;
  let task: Task;
  let neighbour: Task;
  let active: string;
  let states: object[];

  before(async () => {
    const { outputs } = await stack.up();
    platform = await stack.platform(outputs.webhookUrl);
    [task, neighbour] = await Promise.all([startTask(), startTask()]);
    await Promise.all([platform.startAgent("5DLabs-Rex", task), platform.startAgent("5DLabs-Cleo", neighbour)]);
    ({ run: active } = await pushAndHold(platform, task, "looks for the label"));
    const { run: waiting } = await platform.push(task);
    await until(`run ${waiting} waits`, 30_000, async () => {
      return (await platform.cluster.workflow(waiting))?.status?.phase === "Pending";
    });
    states = await Promise.all([task, neighbour].map(dev.stateOf));
    const kinds = new Set((await ownObjects()).map((object) => object.split(" ")[0]));
    deepEqual(
      ["Workflow", "Pod", "Secret", "CronWorkflow", "ServiceAccount", "ValidatingAdmissionPolicy"].filter(
        (kind) => !kinds.has(kind),
      ),
      [],
    );
  });
  after(() =>
    afterwards(
      () => stack.github.clearFaults(),
      () => platform?.close(),
      () => stack.destroy(),
      () => stack.remove(),
    ),
  );

  function startTask(): Promise<Task> {
    return platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
  }

  /** All objects of the stack and of its runs, of any kind except Event. Events disappear by themselves. */
  async function ownObjects(): Promise<string[]> {
    const all = [
      ...(await objectsButSecrets(platform.cluster)),
      ...(await objects(nodeEnvironment().namespace, ["secrets"])),
    ];
    return all
      .filter(({ place, text }) => place.includes(` ${stack.name}`) || text.includes(`/instance":"${stack.name}"`))
      .map(({ place }) => place)
      .filter((place) => !place.startsWith("Event "));
  }

  async function nothingIsLeft(): Promise<void> {
    await until("nothing of the stack is left", 60_000, async () => {
      const left = await ownObjects();
      if (left.length > 0) throw new Error(left.join(", "));
      return true;
    });
  }

  it("succeeds while one run works and another waits, and leaves nothing of runs or stack [destroy-with-runs-at-work]", async () => {
    const started = Date.now();
    await stack.destroy();
    const destroyed = (Date.now() - started) / 1000;
    await nothingIsLeft();
    const empty = (Date.now() - started) / 1000;
    say(
      `destroy with a run at work and one that waits: ${destroyed.toFixed(0)} s, nothing left after ${empty.toFixed(0)} s`,
    );
    ok(destroyed < 60, `${destroyed} s`);
  });

  it("leaves main workflows, agents and labels as they were", async () => {
    deepEqual(await Promise.all([task, neighbour].map(dev.stateOf)), states);
    for (const { workflow } of [task, neighbour])
      equal((await platform.cluster.workflow(workflow))?.status?.phase, "Running");
  });

  it("leaves a ledger that says that the run began and did not end, and how to continue it [destroy-leaves-ledger]", async () => {
    const { run, resumed, outcome, message, pushed, ...more } = await ledgerOf(platform, task);
    deepEqual({ run, resumed, outcome }, { run: active, resumed: "false", outcome: "begun" });
    match(
      message ?? "",
      new RegExp(
        `^${active} has begun to restart QA; if that run is gone, start another, which finishes the work: argo `,
      ),
    );
    deepEqual(Object.keys(more).sort(), ["head", "heads", "pushed-at", "round"]);
    match(pushed ?? "", /^[0-9a-f]{40}$/);
  });

  it("lets the next stack continue the unfinished remediation at the next push [next-stack-carries-on]", async () => {
    await stack.github.clearFaults();
    await stack.up();
    const { run, pushedAt } = await platform.push(task);
    equal(await platform.outcome(run), "remediated");
    await resumedAfter(platform, task, run, pushedAt);
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
    equal((await ledgerOf(platform, task)).resumed, "true");
  });

  it("can be delayed until the runs have ended, with the command in docs/operate.md [destroy-after-waiting]", async () => {
    const document = readFileSync(new URL("../../../docs/operate.md", import.meta.url), "utf8");
    const [command = ""] = document.match(/^ {4}kubectl wait workflows (.*\\\n)*.*$/m) ?? [];
    const { run } = await platform.push(neighbour);
    await until(`run ${run} is there`, 10_000, () => platform.cluster.workflow(run));
    await promisify(execFile)("bash", ["-c", command], { timeout: 120_000 });
    equal((await platform.cluster.workflow(run))?.status?.phase, "Succeeded");
  });

  it("also happens to the old objects and their runs if the stack gets another name", async () => {
    const fresh = await startTask();
    await pushAndHold(platform, fresh, "takes the label off");
    await stack.up({ name: freshName() });
    await nothingIsLeft();
    equal((await ledgerOf(platform, fresh)).resumed, "false");
  });
});
