import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "../../support/cluster.ts";
import { codeRun } from "../../support/codeRuns.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { restartTimes, resumedAfter } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` deployed it, on the example main workflow: EventSource, event bus, Sensor, run, and the steps in their
 * image with their account. Each case has its own task. What this does not show: GitHub itself, and other main workflows.
 */
describe("remediation that is held back", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  /** The log of the container `plan` in the run's pod. */
  async function planLog(run: string): Promise<string> {
    const { core, namespace } = dev.platform.cluster;
    const labelSelector = `workflows.argoproj.io/workflow=${run}`;
    const [pod] = (await core.listNamespacedPod({ namespace, labelSelector })).items;
    return core.readNamespacedPodLog({ namespace, name: pod?.metadata?.name ?? "", container: "plan" });
  }

  /** Runs the only argo command in `text`, as if a person had pasted it, and returns its output. */
  async function pasted(text: string): Promise<string> {
    const [command, ...more] = text.match(/argo -n \S+ \S+ \S+/g) ?? [];
    if (command === undefined || more.length > 0) throw new Error(`expected exactly one argo command in: ${text}`);
    const [program = "", ...words] = command.split(" ");
    return (await promisify(execFile)(program, words, { timeout: 30_000 })).stdout;
  }

  it("by a person's label on the pull request: held, and the command in its log resumes it [way-out-of-hold-label]", async () => {
    const task = await dev.platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa", "remediation-hold"] });
    const before = await dev.stateOf(task);
    const { run, pushedAt } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "held");
    deepEqual(await dev.stateOf(task), before);
    const heldLine = (await planLog(run)).split("\n").find((line) => line.includes("plan: held: ")) ?? "";
    match(
      heldLine,
      new RegExp(`label remediation-hold is on pull request #${task.pull}: a person holds task ${task.id}`),
    );

    await dev.platform.github.putRepository(task.repository, {
      pulls: [{ number: task.pull, headRef: task.branch, labels: ["ready-for-qa", `task-${task.id}`] }],
    });
    await pasted(heldLine);
    const again = await until("a run was made from the held one", 10_000, async () =>
      (await dev.platform.cluster.workflows(`rex-remediation/task=${task.id}`)).find(
        ({ metadata }) => metadata.name !== run,
      ),
    );
    match(again.metadata.name, new RegExp(`^${run}-[a-z0-9]{5}$`));
    await restartTimes(dev.platform, task, again.metadata.name, pushedAt);
    equal((await dev.platform.ended(again.metadata.name)).metadata.labels?.["rex-remediation/outcome"], "remediated");
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
    equal((await dev.platform.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"], "held");
  });

  it("by a target with contradicting labels: failed, and its command resumes it [way-out-of-contradicting-labels]", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const odd = `odd-task-${task.id}`;
    const key = "agents.platform/github-app";
    await dev.platform.cluster.create(
      codeRun(odd, "5DLabs-Tess", task.id, { repository: task.repository.replace("/", "-"), [key]: "5DLabs-Rex" }),
    );
    const { ledger: none, ...before } = (await dev.stateOf(task)) as { ledger: string[] };
    deepEqual(none, []);
    const { run, pushedAt } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run, 200_000), "failed");
    equal((await dev.platform.ended(run)).status?.phase, "Failed");
    const { ledger, ...after } = (await dev.stateOf(task)) as { ledger: string[] };
    deepEqual(after, before);
    // Only the annotations for people, and none that says "begun".
    deepEqual(ledger.sort(), ["rex-remediation/message", "rex-remediation/outcome"]);
    const workflow = await dev.platform.cluster.workflow(task.workflow);
    const message = workflow?.metadata.annotations?.["rex-remediation/message"] ?? "";
    match(
      message,
      new RegExp(`${odd} \\(${key}=5DLabs-Rex contradicts github-app=5DLabs-Tess\\); nothing was touched; `),
    );

    await dev.platform.cluster.patchCodeRun(odd, { metadata: { labels: { [key]: "5DLabs-Tess" } } });
    await pasted(message.slice(message.lastIndexOf("|")));
    await resumedAfter(dev.platform, task, run, pushedAt);
    equal(await dev.platform.cluster.codeRun(odd), undefined);
  });
});
