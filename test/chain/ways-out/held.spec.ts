import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "../../support/cluster.ts";
import { codeRun } from "../../support/codeRuns.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { restartTimes, resumedAfter } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` made it: EventSource, event bus, Sensor, run, steps in their image with
 * their account, on the example main workflow. Each case has a task of its own. What this does not show: GitHub itself, and
 * other main workflows than the example.
 */
describe("remediation that is held back", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  /** What the first container of a run's pod printed, which is plan. */
  async function planLog(run: string): Promise<string> {
    const { core, namespace } = dev.platform.cluster;
    const labelSelector = `workflows.argoproj.io/workflow=${run}`;
    const [pod] = (await core.listNamespacedPod({ namespace, labelSelector })).items;
    return core.readNamespacedPodLog({ namespace, name: pod?.metadata?.name ?? "", container: "plan" });
  }

  /** Runs the one command of `text` that begins with argo, as a person would who pastes it; returns what it printed. */
  async function pasted(text: string): Promise<string> {
    const [command, ...more] = text.match(/argo -n \S+ \S+ \S+/g) ?? [];
    if (command === undefined || more.length > 0) throw new Error(`not exactly one command of argo in: ${text}`);
    const [program = "", ...words] = command.split(" ");
    return (await promisify(execFile)(program, words, { timeout: 30_000 })).stdout;
  }

  it("by a person's label on the pull request: held, nothing is touched, and the command that it says goes on [way-out-of-hold-label]", async () => {
    const task = await dev.platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa", "remediation-hold"] });
    const before = await dev.stateOf(task);
    const { run, pushedAt } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "held");
    deepEqual(await dev.stateOf(task), before);
    const said = (await planLog(run)).split("\n").find((line) => line.includes("plan: held: ")) ?? "";
    match(said, new RegExp(`label remediation-hold is on pull request #${task.pull}: a person holds task ${task.id}`));

    await dev.platform.github.putRepository(task.repository, {
      pulls: [{ number: task.pull, headRef: task.branch, labels: ["ready-for-qa", `task-${task.id}`] }],
    });
    await pasted(said);
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

  it("by a target with contradicting labels: failed, nothing is touched, and the command that it says goes on [way-out-of-contradicting-labels]", async () => {
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
    // What is said for people, and nothing that says "begun".
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
