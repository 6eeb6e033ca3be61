import { deepEqual, equal, ok } from "node:assert/strict";
import { afterwards } from "../../support/afterwards.ts";
import { until } from "../../support/cluster.ts";
import { codeRun } from "../../support/codeRuns.ts";
import { OwnStack } from "../../support/ownStack.ts";
import type { Platform, Task } from "../../support/platform.ts";

const finalizer = "tests.example/stuck";
const most = 2;

/**
 * A stack that lets two remediations work at once. What this does not show: how many are best on a machine, which is the bench's question.
 */
describe("more remediations than may work at once", function () {
  this.timeout(900_000);
  const stack = new OwnStack();
  let platform: Platform;

  before(async () => {
    const { outputs } = await stack.up({
      "argo.maxConcurrentRemediations": most,
      "steps.stepTimeoutSeconds": 600,
      "steps.cancelTimeoutSeconds": 500,
    });
    platform = await stack.platform(outputs.webhookUrl);
  });
  after(() =>
    afterwards(
      () => platform?.close(),
      () => stack.destroy(),
      () => stack.remove(),
    ),
  );

  /** A task whose remediation waits for an agent that does not end. `free` lets the agent end. */
  async function stuckTask(): Promise<{ task: Task; free: () => Promise<void> }> {
    const task = await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const name = `cleo-task-${task.id}`;
    const agent = codeRun(name, "5DLabs-Cleo", Number(task.id), { repository: task.repository.replace("/", "-") });
    await platform.cluster.create({
      ...agent,
      metadata: { ...agent.metadata, finalizers: [finalizer] },
      status: { phase: "Running" },
    });
    return { task, free: () => platform.cluster.patchCodeRun(name, { metadata: { finalizers: null } }) };
  }

  /** The runs that have a pod that has not ended, sorted. */
  async function working(runs: string[]): Promise<string[]> {
    const { core, namespace } = platform.cluster;
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: "workflows.argoproj.io/workflow" });
    const names = items
      .filter(({ status }) => status?.phase === "Pending" || status?.phase === "Running")
      .map(({ metadata }) => metadata?.labels?.["workflows.argoproj.io/workflow"] ?? "");
    return [...new Set(names)].filter((name) => runs.includes(name)).sort();
  }

  it("wait without a pod; a stuck task and its second push hold up no other task [stuck-task-holds-up-nobody]", async () => {
    const { task: stuck, free } = await stuckTask();
    const tasks: Task[] = [];
    for (let index = 0; index < 9; index += 1) {
      tasks.push(await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] }));
    }
    const first = await platform.push(stuck);
    // Without this, the first run would leave its push to the second one.
    await until("the stuck task's run has begun", 60_000, async () => {
      const workflow = await platform.cluster.workflow(stuck.workflow);
      return workflow?.metadata.annotations?.["rex-remediation/run"] === first.run;
    });
    // This run waits for its task's mutex. Its priority is higher than that of the runs below.
    const second = await platform.push(stuck);
    const runs: string[] = [];
    for (const task of tasks) runs.push((await platform.push(task)).run);
    const all = [first.run, second.run, ...runs];
    const seen: string[][] = [];
    await until("the other nine have ended", 400_000, async () => {
      seen.push(await working(all));
      const phases = await Promise.all(runs.map(async (run) => (await platform.cluster.workflow(run))?.status?.phase));
      return phases.every((phase) => phase === "Succeeded");
    });
    equal((await platform.cluster.workflow(first.run))?.status?.phase, "Running");
    deepEqual(
      seen.filter((names) => names.length > most),
      [],
    );
    ok(
      seen.every((names) => names.includes(first.run) && !names.includes(second.run)),
      "the stuck task's first run worked all the time, and its second one waited",
    );
    await free();
    for (const run of [first.run, second.run]) equal((await platform.ended(run, 300_000)).status?.phase, "Succeeded");
    deepEqual(
      await Promise.all(
        runs.map(async (run) => (await platform.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"]),
      ),
      runs.map(() => "remediated"),
    );
  });
});
