import { deepEqual, equal, match, ok } from "node:assert/strict";
import { controllerMetrics } from "../../support/controllerMetrics.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { type PushOptions, randomSha } from "../../support/github/index.ts";
import type { Platform, Task } from "../../support/platform.ts";
import { restartTimes } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` deployed it, on the example main workflow: EventSource, event bus, Sensor, run, and the steps in their
 * image with their account. All cases check the same remediation. What this does not show: GitHub itself, and other main workflows.
 */
describe("remediation of a task whose agents are at work", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  let task: Task;
  let neighbour: Task;
  let neighbourBefore: object;
  let agentsBefore: string[];
  let pushed: Awaited<ReturnType<Platform["push"]>>;

  before(async () => {
    [task, neighbour] = await Promise.all([
      dev.platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa", "urgent"] }),
      dev.platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa"] }),
    ]);
    await Promise.all([dev.platform.startAgent("5DLabs-Tess", task), dev.platform.startAgent("5DLabs-Rex", task)]);
    neighbourBefore = await dev.stateOf(neighbour);
    agentsBefore = await dev.agents(task);
    pushed = await dev.platform.push(task);
  });

  it("restarts QA: a new Cleo works on the new head [new-cleo-on-new-head]", async () => {
    equal(await dev.platform.outcome(pushed.run), "remediated");
    const times = await restartTimes(dev.platform, task, pushed.run, pushed.pushedAt);
    ok(times.restarted < 120, `restarted after ${times.restarted} s`);
    const workflow = await dev.platform.cluster.workflow(task.workflow);
    equal(workflow?.metadata.labels?.["current-stage"], "waiting-pr-created");
    equal(workflow?.metadata.annotations?.["rex-remediation/head"], task.head);
  });

  it("cancels Cleo and Tess with their pods, and does not touch Rex [cancels-agents-with-pods]", async () => {
    const now = await dev.agents(task);
    deepEqual(
      agentsBefore.map((name) => [name.split("-")[0], now.includes(name)]),
      [
        ["cleo", false],
        ["rex", true],
        ["tess", false],
      ],
    );
    const { items: pods } = await dev.platform.cluster.core.listNamespacedPod({
      namespace: dev.platform.cluster.namespace,
    });
    const gone = agentsBefore.filter((name) => !name.startsWith("rex"));
    deepEqual(
      pods.filter(({ metadata }) => gone.includes(metadata?.name ?? "")),
      [],
    );
  });

  it("takes only the ready label off the pull request", async () => {
    deepEqual(await dev.labels(task), [`task-${task.id}`, "urgent"]);
  });

  it("touches nothing of another task [neighbour-task-untouched]", async () => {
    deepEqual(await dev.stateOf(neighbour), neighbourBefore);
  });

  it("records on the run the outcome, as label and output, and the steps, as nodes", async () => {
    const run = await dev.platform.ended(pushed.run);
    equal(run.status?.phase, "Succeeded");
    equal(run.metadata.labels?.["rex-remediation/task"], task.id);
    const outputs = Object.values(run.status?.nodes ?? {}).flatMap(({ outputs }) => outputs?.parameters ?? []);
    ok(outputs.some(({ name, value }) => name === "outcome" && value === "remediated"));
    deepEqual(
      Object.values(run.status?.nodes ?? {})
        .filter(({ type }) => type === "Container")
        .map(({ displayName, phase }) => `${displayName} ${phase}`)
        .sort(),
      ["main", "plan", "restart-qa", "stop-qa"].map((name) => `${name} Succeeded`),
    );
  });

  it("writes one comment on the pull request that says what was done [pull-request-told-once]", async () => {
    const { comments } = await dev.platform.github.repository(task.repository);
    const [comment, ...more] = comments.filter(({ issue }) => issue === task.pull);
    deepEqual(more, []);
    for (const part of [
      `<!-- rex-remediation ${task.head} -->\n**QA begins again on \`${task.head.slice(0, 12)}\`**, because \`5DLabs-Rex[bot]\` pushed it.`,
      "- label `ready-for-qa`: taken off",
      "- round 1 of this task",
      `- run \`${pushed.run}\`, \`argo -n ${dev.platform.cluster.namespace} get ${pushed.run}\`: `,
      `- to restart it again: \`scripts/rex remediate --task ${task.id}\`, or \`argo -n ${dev.platform.cluster.namespace} submit --from workflowtemplate/rex-remediation `,
    ]) {
      ok(comment?.body.includes(part), comment?.body);
    }
    equal(comment?.body.match(/^- cancelled `(cleo|tess)-/gm)?.length, 2);
  });

  it("counts the run by its outcome, and measures each step's seconds [run-is-counted]", async () => {
    const text = await controllerMetrics();
    match(text, /^argo_workflows_rex_remediation_runs_total\{outcome="remediated"\} [1-9]/m);
    for (const step of ["plan", "stop-qa", "restart-qa"]) {
      match(
        text,
        new RegExp(`^argo_workflows_rex_remediation_step_duration_seconds_count\\{step="${step}"\\} [1-9]`, "m"),
      );
    }
  });

  it("does nothing more if the same push is delivered again, or an older push late [redelivered-or-late]", async () => {
    await restartTimes(dev.platform, task, pushed.run, pushed.pushedAt);
    const before = await dev.stateOf(task);
    const runs = await dev.platform.cluster.workflows(`rex-remediation/task=${task.id}`);
    equal((await dev.platform.send(pushed.push)).status, 200);
    const older: PushOptions = {
      ref: `refs/heads/${task.branch}`,
      before: randomSha(),
      after: pushed.push.before ?? "",
      pushedAt: (pushed.push.pushedAt ?? 0) - 60,
    };
    equal((await dev.platform.send(older)).status, 200);
    equal(await dev.platform.outcome(dev.platform.runName(task.id, older)), "superseded");
    deepEqual(
      (await dev.platform.cluster.workflows(`rex-remediation/task=${task.id}`))
        .map(({ metadata }) => metadata.name)
        .sort(),
      [...runs.map(({ metadata }) => metadata.name), dev.platform.runName(task.id, older)].sort(),
    );
    deepEqual(await dev.stateOf(task), before);
  });
});
