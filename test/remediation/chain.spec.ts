import { deepEqual, equal, match, ok } from "node:assert/strict";
import { until } from "../support/cluster.ts";
import { openDevPlatform } from "../support/devStack.ts";
import { type PushOptions, randomSha, zeroSha } from "../support/github/index.ts";
import { gates, type Platform, rex, runName, type Task } from "../support/platform.ts";
import { restartTimes } from "../support/times.ts";

/**
 * The whole chain as `pulumi up` made it: EventSource, event bus, Sensor, run, steps in their image with
 * their account, on the example main workflow. Each case has tasks of its own; what takes long is begun
 * in `before`, so that the cases wait side by side. What this does not show: GitHub itself, the steps
 * under faults of the cluster, and other main workflows than the example.
 */
describe("remediation, the whole chain", function () {
  this.timeout(240_000);
  let platform: Platform;

  before(async () => {
    platform = await openDevPlatform();
  });
  after(() => platform.close());

  /** Names of the task's agents by kind. */
  async function agents(task: Task): Promise<string[]> {
    return (await platform.agents(task.id)).map(({ metadata }) => metadata.name).sort();
  }

  async function labels(task: Task): Promise<string[]> {
    const { pulls } = await platform.github.repository(task.repository);
    return pulls.find(({ number }) => number === task.pull)?.labels ?? [];
  }

  /** What must stay the same where nothing may be touched. */
  async function stateOf(task: Task): Promise<object> {
    const workflow = await platform.cluster.workflow(task.workflow);
    return {
      agents: await agents(task),
      labels: await labels(task),
      stage: workflow?.metadata.labels?.["current-stage"],
      ledger: Object.keys(workflow?.metadata.annotations ?? {}).filter((key) => key.startsWith("rex-remediation/")),
      gates: gates(workflow).map(({ displayName, phase }) => `${displayName} ${phase}`),
    };
  }

  describe("of a task whose agents are at work", () => {
    let task: Task;
    let neighbour: Task;
    let neighbourBefore: object;
    let agentsBefore: string[];
    let pushed: Awaited<ReturnType<Platform["push"]>>;

    before(async () => {
      [task, neighbour] = await Promise.all([
        platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa", "urgent"] }),
        platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa"] }),
      ]);
      await Promise.all([platform.startAgent("tess", task), platform.startAgent("rex", task)]);
      neighbourBefore = await stateOf(neighbour);
      agentsBefore = await agents(task);
      pushed = await platform.push(task);
    });

    it("restarts QA: a new Cleo works on the new head", async () => {
      equal(await platform.outcome(pushed.run), "remediated");
      const times = await restartTimes(platform, task, pushed.run, pushed.pushedAt);
      ok(times.restarted < 120, `restarted after ${times.restarted} s`);
      const workflow = await platform.cluster.workflow(task.workflow);
      equal(workflow?.metadata.labels?.["current-stage"], "waiting-pr-created");
      equal(workflow?.metadata.annotations?.["rex-remediation/head"], task.head);
    });

    it("cancels Cleo and Tess with their pods, and leaves Rex at work", async () => {
      const now = await agents(task);
      deepEqual(
        agentsBefore.map((name) => [name.split("-")[0], now.includes(name)]),
        [
          ["cleo", false],
          ["rex", true],
          ["tess", false],
        ],
      );
      const { items: pods } = await platform.cluster.core.listNamespacedPod({ namespace: platform.cluster.namespace });
      const gone = agentsBefore.filter((name) => !name.startsWith("rex"));
      deepEqual(
        pods.filter(({ metadata }) => gone.includes(metadata?.name ?? "")),
        [],
      );
    });

    it("takes only the ready label off the pull request", async () => {
      deepEqual(await labels(task), [`task-${task.id}`, "urgent"]);
    });

    it("touches nothing of a neighbour task", async () => {
      deepEqual(await stateOf(neighbour), neighbourBefore);
    });

    it("keeps the record on the run: outcome as label and output, and the steps as nodes", async () => {
      const run = await platform.ended(pushed.run);
      equal(run.status?.phase, "Succeeded");
      equal(run.metadata.labels?.["rex-remediation/task"], task.id);
      const outputs = Object.values(run.status?.nodes ?? {}).flatMap(({ outputs }) => outputs?.parameters ?? []);
      ok(outputs.some(({ name, value }) => name === "outcome" && value === "remediated"));
      deepEqual(
        Object.values(run.status?.nodes ?? {})
          .filter(({ type }) => type === "Container")
          .map(({ displayName, phase }) => `${displayName} ${phase}`)
          .sort(),
        ["cancel-agents", "main", "plan", "remove-label", "reset-stage", "resume"].map((name) => `${name} Succeeded`),
      );
    });

    it("does nothing more when the same push is delivered again, or an older one late", async () => {
      await restartTimes(platform, task, pushed.run, pushed.pushedAt);
      const before = await stateOf(task);
      const runs = await platform.cluster.workflows(`rex-remediation/task=${task.id}`);
      equal((await platform.send(pushed.push)).status, 200);
      const older: PushOptions = {
        ref: `refs/heads/${task.branch}`,
        before: randomSha(),
        after: pushed.push.before ?? "",
        pushedAt: (pushed.push.pushedAt ?? 0) - 60,
      };
      equal((await platform.send(older)).status, 200);
      equal(await platform.outcome(runName(task.id, older)), "superseded");
      deepEqual(
        (await platform.cluster.workflows(`rex-remediation/task=${task.id}`))
          .map(({ metadata }) => metadata.name)
          .sort(),
        [...runs.map(({ metadata }) => metadata.name), runName(task.id, older)].sort(),
      );
      deepEqual(await stateOf(task), before);
    });
  });

  describe("of a task that waits at its gate", () => {
    it("starts a new round at Cleo, not at the gate's own next step", async () => {
      const task = await platform.startTask("at-ready-for-qa-gate", { pullLabels: ["ready-for-qa"] });
      const { run, pushedAt } = await platform.push(task);
      equal(await platform.outcome(run), "remediated");
      await restartTimes(platform, task, run, pushedAt);
      deepEqual(
        (await platform.agents(task.id)).map(({ metadata }) => metadata.labels?.["agent-type"]),
        ["cleo", "cleo"],
      );
      deepEqual(await labels(task), [`task-${task.id}`]);
    });

    it("for the newest of two pushes that come at once", async () => {
      const task = await platform.startTask("at-ready-for-qa-gate", { pullLabels: ["ready-for-qa"] });
      const first = await platform.moveBranch(task);
      const second = await platform.moveBranch(task);
      const pushes = [first, second].map((move) => ({
        ref: `refs/heads/${task.branch}`,
        ...move,
        pushedAt: platform.clock(),
      }));
      await Promise.all(pushes.map((push) => platform.send(push)));
      const [outcome1, outcome2] = await Promise.all(pushes.map((push) => platform.outcome(runName(task.id, push))));
      deepEqual([outcome1, outcome2], ["superseded", "remediated"]);
      const workflow = await platform.cluster.workflow(task.workflow);
      equal(workflow?.metadata.annotations?.["rex-remediation/head"], second.after);
    });
  });

  describe("that dies on the way", () => {
    it("is carried on by a second pod, and ends as one clean run", async () => {
      const task = await platform.startTask("at-ready-for-qa-gate", { pullLabels: ["ready-for-qa"] });
      // GitHub says nothing, so the first pod stands in remove-label, with the ledger written, when it is deleted.
      await platform.github.addFault({
        method: "DELETE",
        pathPattern: `/issues/${task.pull}/labels`,
        action: "hang",
        times: 1,
      });
      const { run, pushedAt } = await platform.push(task);
      const selector = `workflows.argoproj.io/workflow=${run}`;
      const namespace = platform.cluster.namespace;
      await until("the ledger says begun", 60_000, async () => {
        const workflow = await platform.cluster.workflow(task.workflow);
        return workflow?.metadata.annotations?.["rex-remediation/resumed"] === "false";
      });
      const [pod] = (await platform.cluster.core.listNamespacedPod({ namespace, labelSelector: selector })).items;
      await platform.cluster.core.deleteNamespacedPod({
        namespace,
        name: pod?.metadata?.name ?? "",
        gracePeriodSeconds: 0,
      });
      equal(await platform.outcome(run), "remediated");
      await restartTimes(platform, task, run, pushedAt);
      deepEqual(await labels(task), [`task-${task.id}`]);
      equal((await platform.ended(run)).status?.phase, "Succeeded");
    });
  });

  describe("that cannot be done", () => {
    it("says on run and main workflow which step failed and how to go on; and that command works", async () => {
      const task = await platform.startTask("at-ready-for-qa-gate", { pullLabels: ["ready-for-qa"] });
      await platform.github.addFault({
        method: "DELETE",
        pathPattern: `/issues/${task.pull}/labels`,
        status: 403,
        headers: { "x-accepted-github-permissions": "pull_requests=write" },
        body: { message: "Resource not accessible by integration" },
        times: 3,
      });
      const { run } = await platform.push(task);
      equal(await platform.outcome(run, 200_000), "failed");
      equal((await platform.ended(run)).status?.phase, "Failed");
      const message = await until("the main workflow says so", 10_000, async () => {
        const workflow = await platform.cluster.workflow(task.workflow);
        return workflow?.metadata.annotations?.["rex-remediation/message"];
      });
      match(
        message,
        new RegExp(
          `^${run}: remove-label: .*GitHub refused DELETE .*status 403 \\(Resource not accessible by integration\\); it needs the permission pull_requests=write.* \\| when mended: argo -n agent-platform retry ${run}$`,
        ),
      );
      const { execFileSync } = await import("node:child_process");
      execFileSync("argo", ["-n", "agent-platform", "retry", run], { timeout: 30_000 });
      await until("the retried run has restarted QA", 90_000, async () => {
        const workflow = await platform.cluster.workflow(task.workflow);
        return workflow?.metadata.annotations?.["rex-remediation/resumed"] === "true";
      });
      deepEqual(await labels(task), [`task-${task.id}`]);
    });
  });

  describe("is not begun, and the reason can be read", () => {
    it("where no main workflow runs: no-workflow", async () => {
      const id = platform.newTask();
      const push = {
        ref: `refs/heads/task-${id}`,
        before: randomSha(),
        after: randomSha(),
        pushedAt: platform.clock(),
      };
      equal((await platform.send(push)).status, 200);
      equal(await platform.outcome(runName(id, push)), "no-workflow");
    });

    it("without an open pull request: no-pull-request", async () => {
      const task = await platform.startTask("cleo-at-work", { pullRequest: false });
      const before = await stateOf(task);
      const { run } = await platform.push(task);
      equal(await platform.outcome(run), "no-pull-request");
      deepEqual(await stateOf(task), before);
    });

    it("while Rex is still implementing: nothing-stale", async () => {
      const task = await platform.startTask("implementing");
      const before = await stateOf(task);
      const { run } = await platform.push(task);
      equal(await platform.outcome(run), "nothing-stale");
      deepEqual(await stateOf(task), before);
    });
  });

  describe("is not even started", () => {
    it("by anything that is not Rex's push to a task branch", async () => {
      const id = platform.newTask();
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
      for (const push of ignored) equal((await platform.send(push)).status, 200, JSON.stringify(push));
      equal((await platform.send(branch, "another secret, long enough")).status, 400);

      // Events are handled in order: once this one has its run, the others before it had their chance.
      const last = { ...branch, before: randomSha(), after: randomSha(), pushedAt: platform.clock() };
      await platform.send(last);
      await platform.outcome(runName(id, last));
      deepEqual(
        (await platform.cluster.workflows()).map(({ metadata }) => metadata.name).filter((name) => name.includes(id)),
        [runName(id, last)],
      );
    });

    it("but by every form of a task branch, with the task's number and nothing else of the name", async () => {
      const id = platform.newTask();
      const forms = ["", "-fix-the-cart", "/fix", "_2", "-$(touch /tmp/x)`id`{{=1}}"];
      const pushes = forms.map((form) => ({
        ref: `refs/heads/task-${id}${form}`,
        before: randomSha(),
        after: randomSha(),
        pushedAt: platform.clock(),
      }));
      for (const push of pushes) equal((await platform.send(push)).status, 200);
      for (const push of pushes) {
        const run = await until(`the run of ${push.ref}`, 30_000, () => platform.cluster.workflow(runName(id, push)));
        deepEqual(run.spec.arguments, {
          parameters: [
            { name: "task", value: id },
            { name: "before", value: push.before },
            { name: "after", value: push.after },
            { name: "repository", value: platform.options.repository },
            { name: "pushed-at", value: String(push.pushedAt) },
          ],
        });
        equal(run.spec.priority, push.pushedAt);
      }
    });
  });
});
