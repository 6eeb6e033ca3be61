import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { codeRun, ownedBy } from "../support/codeRuns.ts";
import { mainWorkflow } from "../support/workflows.ts";
import { gate, ledger, newTask, ours, outcomeOf, upcomingTask } from "./planning.ts";
import { push, repository, runNameOf, Scenario, sha } from "./scenario.ts";

/**
 * plan against a real API server and the GitHub double: that it reads what decide.jq expects, with one case for each outcome and for what
 * users fear, and all calls to GitHub. test/unit/steps covers how plan decides.
 */
describe("plan", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** The command that continues the run of a task. */
  const goOn = (verb: "retry" | "resubmit", task: string) =>
    `argo -n ${scenario.cluster.namespace} ${verb} ${runNameOf(task)}`;

  describe("fixes what the run will touch", () => {
    it("lists the listed agents' unfinished CodeRuns by UID, and says why it leaves the others alone [plan-chooses-coderuns]", async () => {
      const { task, pull } = newTask();
      const workflow = await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      const cleo = await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      const tess = await scenario.cluster.create(codeRun(`tess-${task}`, "5DLabs-Tess", task, ours));
      await scenario.cluster.create(codeRun(`rex-${task}`, "5DLabs-Rex", task, ours));
      await scenario.cluster.create(codeRun(`blaze-${task}`, "5DLabs-Blaze", task, ours));
      await scenario.cluster.create(codeRun(`nobody-${task}`, "", task, ours));
      await scenario.cluster.create(codeRun(`elsewhere-${task}`, "5DLabs-Cleo", task, { repository: "acme-other" }));
      await scenario.cluster.create(codeRun(`unnamed-${task}`, "5DLabs-Cleo", task));
      await scenario.cluster.create({
        ...codeRun(`done-${task}`, "5DLabs-Cleo", task, ours),
        status: { phase: "Succeeded" },
      });
      await scenario.cluster.create(codeRun(`cleo-${task}0`, "5DLabs-Cleo", `${task}0`, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa", `task-${task}`]);

      const bench = await scenario.bench(task);
      const result = await bench.run("plan");
      equal(result.exitCode, 0, result.log);
      const plan = await bench.plan();
      deepEqual(
        { ...plan, leftAlone: plan.leftAlone?.sort((a, b) => a.name.localeCompare(b.name)) },
        {
          task: task,
          repository,
          before: push.before,
          after: push.after,
          pushedAt: push.pushedAt,
          run: runNameOf(task),
          round: 1,
          workflow: { name: `play-${task}`, uid: workflow.metadata.uid, stage: "waiting-ready-for-qa", ledger: {} },
          branches: [{ ref: `task-${task}-fix`, sha: push.after }],
          head: push.after,
          pulls: [{ number: pull, ref: `task-${task}-fix`, ready: true, labelled: true, held: false }],
          targets: [
            {
              name: `cleo-${task}`,
              uid: cleo.metadata.uid,
              agent: "5DLabs-Cleo",
              created: cleo.metadata.creationTimestamp,
            },
            {
              name: `tess-${task}`,
              uid: tess.metadata.uid,
              agent: "5DLabs-Tess",
              created: tess.metadata.creationTimestamp,
            },
          ],
          leftAlone: [
            { name: `blaze-${task}`, agent: "5DLabs-Blaze", why: "agent 5DLabs-Blaze is not in the cancel list" },
            { name: `done-${task}`, agent: "5DLabs-Cleo", why: "it has finished (Succeeded)" },
            { name: `elsewhere-${task}`, agent: "5DLabs-Cleo", why: "it does not name this repository" },
            { name: `nobody-${task}`, agent: "", why: "agent unknown is not in the cancel list" },
            { name: `rex-${task}`, agent: "5DLabs-Rex", why: "agent 5DLabs-Rex is not in the cancel list" },
            { name: `unnamed-${task}`, agent: "5DLabs-Cleo", why: "it does not name this repository" },
          ],
          outcome: "remediate",
          reason: "something is left from the old head",
        },
      );
    });

    it("writes only the ledger, which says begun before a step touches anything else [plan-writes-ledger-only]", async () => {
      const { task, pull } = newTask();
      const before = await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      const after = await scenario.cluster.workflow(`play-${task}`);
      const run = runNameOf(task);
      deepEqual(after?.metadata.annotations, {
        ...ledger(task, "false", { round: "1" }),
        "rex-remediation/outcome": "begun",
        "rex-remediation/message": `${run} has begun to restart QA; if that run is gone, start another, which finishes the work: argo -n ${scenario.cluster.namespace} submit --from workflowtemplate/rex-remediation --generate-name rex-remediation-${task}- -p task=${task} -p repository=acme/shop`,
      });
      deepEqual(
        [after?.metadata.labels, after?.spec, after?.status],
        [before.metadata.labels, before.spec, before.status],
      );
      equal((await scenario.cluster.codeRun(`cleo-${task}`))?.metadata.deletionTimestamp, undefined);
      deepEqual(await scenario.labels(pull), ["ready-for-qa"]);
    });

    it("can be run again, and writes the ledger once", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const bench = await scenario.bench(task);
      equal((await outcomeOf(bench)).outcome, "remediate");
      const { resourceVersion } = (await scenario.cluster.workflow(`play-${task}`))?.metadata ?? {};
      equal((await outcomeOf(bench)).outcome, "remediate");
      equal((await scenario.cluster.workflow(`play-${task}`))?.metadata.resourceVersion, resourceVersion);
    });

    it("ends as dry-run if requested, with the same targets, and writes nothing", async () => {
      const { task, pull } = newTask();
      const workflow = await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      const cleo = await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const bench = await scenario.bench(task, { DRY_RUN: "true" });
      deepEqual(await outcomeOf(bench), { outcome: "dry-run", reason: "a dry run: nothing is touched" });
      deepEqual(
        (await bench.plan()).targets?.map(({ name }) => name),
        [`cleo-${task}`],
      );
      deepEqual(await scenario.cluster.workflow(`play-${task}`), workflow);
      deepEqual(await scenario.cluster.codeRun(`cleo-${task}`), cleo);
      deepEqual(await scenario.labels(pull), ["ready-for-qa"]);
    });
  });

  describe("finds nothing to do", () => {
    async function prepared(
      stage: string | undefined,
      labels: string[] = [],
      annotations: Record<string, string> = {},
    ): Promise<string> {
      const { task, pull } = newTask();
      await scenario.cluster.create(mainWorkflow(`play-${task}`, task, stage, [gate], { labels: ours, annotations }));
      await scenario.pullRequest(task, pull, labels);
      return task;
    }

    it("if all main workflows have ended or have another type, task or repository, or no repository: no-workflow", async () => {
      const { task, pull } = newTask();
      const other = (name: string, more: Parameters<typeof mainWorkflow>[4], ofTask = task) =>
        scenario.cluster.create(mainWorkflow(`${name}-${task}`, ofTask, "waiting-pr-approved", [gate], more));
      await other("done", { labels: ours, status: { phase: "Succeeded" } });
      await other("completed", { labels: { ...ours, "workflows.argoproj.io/completed": "true" } });
      await other("type", { labels: { ...ours, "workflow-type": "other" } });
      await other("task", { labels: ours }, `${task}0`);
      await other("elsewhere", { labels: { repository: "acme-other" } });
      await other("unnamed", {});
      await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      deepEqual(await outcomeOf(await scenario.bench(task)), {
        outcome: "no-workflow",
        reason: `no main workflow of task ${task} is running in ${scenario.cluster.namespace} (workflow-type=play-orchestration, task-id=${task}, of this repository)`,
      });
    });

    it("without an open pull request of the task's branch: no-pull-request [plan-no-pull-request]", async () => {
      const { task } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.github.putRepository(repository, {
        branches: { [`task-${task}`]: push.after, [`task-${task}0`]: sha("d"), feature: sha("e") },
        pulls: [
          { number: 1000 + Number(task), headRef: `task-${task}0`, labels: ["ready-for-qa"] },
          { number: 2000 + Number(task), headRef: `task-${task}`, headRepo: "mallory/shop", labels: [`task-${task}`] },
          { number: 5000 + Number(task), headRef: `task-${task}`, headRepo: "acme/shop-fork", labels: [] },
          { number: 3000 + Number(task), headRef: `task-${task}`, state: "closed", labels: [] },
          { number: 4000 + Number(task), headRef: "feature", labels: [`task-${task}`, "ready-for-qa"] },
        ],
      });
      deepEqual(await outcomeOf(await scenario.bench(task)), {
        outcome: "no-pull-request",
        reason: `no open pull request of acme/shop comes from a branch of task ${task}`,
      });
    });

    it("while Rex is still implementing: nothing-stale", async () => {
      const task = await prepared("implementation-in-progress", [`task-${upcomingTask()}`]);
      await scenario.cluster.create(codeRun(`rex-${task}`, "5DLabs-Rex", task, ours));
      deepEqual(await outcomeOf(await scenario.bench(task)), {
        outcome: "nothing-stale",
        reason:
          "no listed agent is at work, no pull request is labelled ready-for-qa, and the stage is not past waiting-pr-created",
      });
    });

    it("if this push was handled: already-remediated, without a call to GitHub [handled-push]", async () => {
      const task = await prepared("waiting-ready-for-qa", ["ready-for-qa"], {
        "rex-remediation/head": push.after,
        "rex-remediation/pushed": push.after,
        "rex-remediation/pushed-at": String(push.pushedAt),
        "rex-remediation/run": "an-earlier-run",
        "rex-remediation/resumed": "true",
      });
      deepEqual(await outcomeOf(await scenario.bench(task, { "github.apiUrl": "http://127.0.0.1:9" })), {
        outcome: "already-remediated",
        reason: "this head was handled by run an-earlier-run",
      });
    });

    describe("if this run had already resumed the main workflow before its pod was started again:", () => {
      const resumedBefore = () => prepared("waiting-pr-created", [], ledger(upcomingTask(), "true"));

      it("remediated, and finds the pull requests that record comments on", async () => {
        const task = await resumedBefore();
        const bench = await scenario.bench(task);
        deepEqual(await outcomeOf(bench), {
          outcome: "remediated",
          reason: "this run resumed the main workflow before its pod was started again",
        });
        deepEqual((await bench.plan()).pulls, [
          { number: Number(task), ref: `task-${task}-fix`, ready: false, labelled: false, held: false },
        ]);
        match(await bench.token(), /^header = "Authorization: Bearer /);
      });

      it("remediated, even if GitHub does not list the pull requests", async () => {
        const task = await resumedBefore();
        await scenario.github.addFault({ pathPattern: `heads/task-${task}`, status: 403, times: null });
        const bench = await scenario.bench(task);
        equal((await outcomeOf(bench)).outcome, "remediated");
        equal("pulls" in (await bench.plan()), false);
        await scenario.github.clearFaults();
      });

      it("remediated, even if the main workflow has ended since, and finds the pull requests that record comments on", async () => {
        const { task, pull } = newTask();
        await scenario.cluster.create({
          ...mainWorkflow(`play-${task}`, task, "waiting-pr-created", [], {
            labels: { ...ours, "workflows.argoproj.io/completed": "true" },
            annotations: ledger(task, "true"),
            status: { phase: "Succeeded" },
          }),
        });
        await scenario.pullRequest(task, pull, []);
        const bench = await scenario.bench(task);
        deepEqual(await outcomeOf(bench), {
          outcome: "remediated",
          reason: `this run resumed main workflow play-${task}, which has ended since`,
        });
        const { pulls, workflow } = await bench.plan();
        deepEqual([pulls?.map(({ number }) => number), workflow?.name], [[pull], `play-${task}`]);
      });
    });

    it("if a newer push has moved the branch and has its own run: superseded [superseded-by-newer-run]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa"], sha("c"));
      await scenario.cluster.create(run(`newer-${task}`, task, sha("c"), push.pushedAt + 1));
      deepEqual(await outcomeOf(await scenario.bench(task)), {
        outcome: "superseded",
        reason: `a newer push has run newer-${task}`,
      });
    });
  });

  describe("restarts QA", () => {
    it("if an earlier run began and did not resume, even if nothing looks stale any more [goes-on-where-begun]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-pr-created", [gate], {
          labels: ours,
          annotations: {
            "rex-remediation/head": push.after,
            "rex-remediation/pushed": push.after,
            "rex-remediation/pushed-at": String(push.pushedAt),
            "rex-remediation/run": "an-earlier-run",
            "rex-remediation/resumed": "false",
          },
        }),
      );
      await scenario.pullRequest(task, pull, []);
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      const { annotations } = (await scenario.cluster.workflow(`play-${task}`))?.metadata ?? {};
      equal(annotations?.["rex-remediation/run"], runNameOf(task));
    });

    it("for a head that somebody pushed on top of Rex's, despite a newer run that ended as held", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, [], sha("d"));
      const held = { outcome: "held", phase: "Error" };
      await scenario.cluster.create(run(`newer-${task}`, task, sha("c"), push.pushedAt + 1, held));
      const bench = await scenario.bench(task);
      equal((await outcomeOf(bench)).outcome, "remediate");
      equal((await bench.plan()).head, sha("d"));
      const { annotations } = (await scenario.cluster.workflow(`play-${task}`))?.metadata ?? {};
      deepEqual(
        [annotations?.["rex-remediation/head"], annotations?.["rex-remediation/pushed"]],
        [sha("d"), push.after],
      );
    });

    it("with every open pull request of the task's branches, labelled or not", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.github.putRepository(repository, {
        branches: { [`task-${task}`]: push.after, [`task-${task}/ü$(x)`]: sha("d") },
        pulls: [
          { number: pull, headRef: `task-${task}`, labels: [] },
          { number: 5000 + pull, headRef: `task-${task}/ü$(x)`, labels: ["Ready-For-QA", `task-${task}`] },
        ],
      });
      const bench = await scenario.bench(task);
      equal((await outcomeOf(bench)).outcome, "remediate");
      deepEqual((await bench.plan()).pulls, [
        { number: pull, ref: `task-${task}`, ready: false, labelled: false, held: false },
        { number: 5000 + pull, ref: `task-${task}/ü$(x)`, ready: true, labelled: true, held: false },
      ]);
    });
  });

  it("reads every page of pull requests", async () => {
    const { task, pull } = newTask();
    await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }));
    const numbers = Array.from({ length: 101 }, (_, index) => 10_000 + 200 * pull + index);
    await scenario.github.putRepository(repository, {
      branches: { [`task-${task}`]: push.after },
      pulls: numbers.map((number) => ({ number, headRef: `task-${task}`, base: `release-${number}`, labels: [] })),
    });
    const bench = await scenario.bench(task);
    equal((await outcomeOf(bench)).outcome, "remediate");
    deepEqual(
      (await bench.plan()).pulls?.map(({ number }) => number),
      numbers,
    );
  });

  describe("refuses, before anything is touched", () => {
    it("two main workflows, which it names, until one has ended", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(mainWorkflow(`one-${task}`, task, "waiting-pr-approved", [gate], { labels: ours }));
      await scenario.cluster.create(mainWorkflow(`two-${task}`, task, "waiting-pr-approved", [gate], { labels: ours }));
      await scenario.pullRequest(task, pull, []);
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: task ${task} has more than one main workflow: one-${task}, two-${task}; stop all but one (argo -n ${scenario.cluster.namespace} stop NAME), then: ${goOn("retry", task)}`,
      );
      deepEqual(result.ending, {
        step: "plan",
        object: `task ${task}`,
        cause: "ambiguous",
        passes: false,
        command: "retry",
      });
      await scenario.cluster.patchWorkflow(`two-${task}`, { status: { phase: "Failed" } });
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
    });

    it("to cancel Cleo's CodeRun while it owns Rex's, which would be deleted, too [plan-owner-of-rex]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      const cleo = await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      await scenario.cluster.create(ownedBy([cleo], codeRun(`rex-${task}`, "5DLabs-Rex", task, ours)));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: some coderuns would be deleted together with their owners, which this run cancels: rex-${task} (owned by cleo-${task}; agent 5DLabs-Rex is not in the cancel list); nothing was touched; remove each one's ownerReference (the first one's: kubectl -n ${scenario.cluster.namespace} patch coderuns.agents.platform rex-${task} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/0"}]') or delete it yourself, then: ${goOn("retry", task)}`,
      );
      equal((await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations, undefined);
    });

    it("to restart QA if an agent differs from a listed one only in spelling [plan-near-miss]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.cluster.create(codeRun(`cleo-${task}`, "5dlabs-cleo", task, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: agents of some coderuns of task ${task} differ from listed agents only in spelling: cleo-${task} (github-app=5dlabs-cleo, listed is 5DLabs-Cleo); nothing was touched; correct the label or delete the wrong CodeRuns (kubectl -n ${scenario.cluster.namespace} get coderuns.agents.platform -l task-id=${task} --show-labels), then: ${goOn("retry", task)}; or list that spelling too, in agents.toCancel (pulumi up), then: ${goOn("resubmit", task)}`,
      );
      equal((await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations, undefined);
    });

    it("a ledger whose time is not a number, until its own command removes it [ledger-without-time]", async () => {
      const { task, pull } = newTask();
      const annotations = { "rex-remediation/pushed-at": "yesterday", "rex-remediation/resumed": "true" };
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours, annotations }),
      );
      await scenario.pullRequest(task, pull, []);
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: annotation rex-remediation/pushed-at of main workflow play-${task} is not a time in seconds; remove it (kubectl -n ${scenario.cluster.namespace} annotate workflow play-${task} rex-remediation/pushed-at-), then: ${goOn("retry", task)}`,
      );
      const [, command = ""] = /\(kubectl (.*)\)/.exec(result.lastWords) ?? [];
      await promisify(execFile)("kubectl", command.split(" "), { timeout: 30_000 });
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
    });

    it("an unknown stage, until it is configured or the label is corrected [unknown-stage]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "lunch", [gate], { labels: ours }));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const bench = await scenario.bench(task);
      const { stages } = JSON.parse(bench.environment.CONFIG ?? "").main;
      const result = await bench.run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: main workflow play-${task} is at stage lunch, which is not one of the configured stages ${JSON.stringify(stages)}: add it to mainWorkflow.stages (pulumi up), then: ${goOn("resubmit", task)}; or correct the label current-stage, then: ${goOn("retry", task)}`,
      );
      deepEqual(result.ending, {
        step: "plan",
        object: `main workflow play-${task}`,
        cause: "contract",
        passes: false,
        command: "resubmit",
      });
      const more = { DRY_RUN: "true", "main.stages": JSON.stringify([...stages, "lunch"]) };
      equal((await outcomeOf(await scenario.bench(task, more))).outcome, "dry-run");
      await scenario.cluster.patchWorkflow(`play-${task}`, {
        metadata: { labels: { "current-stage": "waiting-pr-approved" } },
      });
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
    });
  });

  describe("with GitHub", () => {
    async function stale(): Promise<string> {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      return task;
    }
    afterEach(() => scenario.github.clearFaults());

    const transient: [string, Parameters<Scenario["github"]["addFault"]>[0]][] = [
      ["502", { method: "GET", pathPattern: "/matching-refs/", status: 502, times: 2 }],
      [
        "429 with Retry-After",
        { method: "GET", pathPattern: "/pulls", status: 429, headers: { "retry-after": "1" }, times: 1 },
      ],
      ["401 right after the token was made", { method: "GET", pathPattern: "/matching-refs/", status: 401, times: 2 }],
      ["half an answer", { method: "GET", pathPattern: "/pulls", action: "broken-json", times: 1 }],
      ["a cut connection", { method: "POST", pathPattern: "/access_tokens", action: "reset", times: 1 }],
    ];
    for (const [name, fault] of transient) {
      it(`tries again after ${name}`, async () => {
        const task = await stale();
        await scenario.github.addFault(fault);
        equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      });
    }

    it("fails with GitHub's words if GitHub refuses", async () => {
      const task = await stale();
      await scenario.github.addFault({
        method: "GET",
        pathPattern: "/pulls",
        status: 403,
        headers: { "x-accepted-github-permissions": "pull_requests=read" },
        body: { message: "Resource not accessible by integration" },
        times: 10,
      });
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      match(
        result.lastWords,
        /^plan: GitHub refused GET \/repos\/acme\/shop\/pulls.*: status 403 \(Resource not accessible by integration\); it needs the permission pull_requests=read$/,
      );
      deepEqual(result.ending, { step: "plan", cause: "refused-by-github", passes: false, command: "retry" });
    });

    it("does not wait longer than its deadline for a new rate limit", async () => {
      const task = await stale();
      await scenario.github.addFault({
        method: "GET",
        pathPattern: "/pulls",
        status: 403,
        headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(Math.floor(Date.now() / 1000) + 3000) },
        times: 10,
      });
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      match(result.lastWords, /would exceed this step's deadline of 20 s$/);
      deepEqual(result.ending, { step: "plan", cause: "github-does-not-answer", passes: true, command: "retry" });
      ok(result.seconds < 15, `${result.seconds} s`);
    });

    it("requests a token for this repository only, with only the rights that the steps need [token-of-one-repository]", async () => {
      const task = await stale();
      const bench = await scenario.bench(task);
      await outcomeOf(bench);
      const tokens = await scenario.github.tokens();
      const token = tokens.at(-1);
      deepEqual(
        { repositories: token?.repositories, permissions: token?.permissions },
        { repositories: [repository], permissions: { contents: "read", metadata: "read", pull_requests: "write" } },
      );
      equal(await bench.token(), `header = "Authorization: Bearer ${token?.token}"\n`);
    });

    it("shows neither key nor token in its log, its plan or the folder that all steps share [plan-hides-key-and-token]", async () => {
      const task = await stale();
      const bench = await scenario.bench(task);
      const result = await bench.run("plan");
      equal(result.exitCode, 0, result.log);
      const token = (await scenario.github.tokens()).at(-1)?.token ?? "";
      ok(token.length > 10);
      const { execFileSync } = await import("node:child_process");
      const everything = result.log + execFileSync("grep", ["-ra", "", bench.environment.SHARED_DIR ?? ""]).toString();
      ok(!everything.includes(token), "the token is in the log or in the shared folder");
      ok(!everything.includes("PRIVATE KEY") && !everything.includes("eyJ"), "a key or an App token is there");
    });

    it("names the App if it is not installed on the repository", async () => {
      const task = await stale();
      await scenario.github.addFault({
        method: "GET",
        pathPattern: "/installation$",
        status: 404,
        body: { message: "Not Found" },
        times: 1,
      });
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: the GitHub App 4711 is not installed on acme/shop: install it there, with contents: read and pull requests: write; if it was renamed or transferred, correct repositories (pulumi up), then: ${goOn("retry", task)}`,
      );
    });

    it("names the installation if GitHub does not know its number, and finds it if none is configured [unknown-installation]", async () => {
      const task = await stale();
      const result = await (await scenario.bench(task, { "github.installationId": "43" })).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: GitHub App 4711 has no installation 43: correct githubApp.installationId, or leave it out so that the steps find it (pulumi up), then: ${goOn("resubmit", task)}`,
      );
      deepEqual(result.ending, { step: "plan", cause: "no-such-installation", passes: false, command: "resubmit" });
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
    });

    for (const [what, path, permission] of [
      ["branches", "/matching-refs/", "contents: read"],
      ["pull requests", "/pulls", "pull requests: write"],
    ] as const) {
      it(`names the missing permission if GitHub does not show the ${what} [missing-permission]`, async () => {
        const task = await stale();
        await scenario.github.addFault({
          method: "GET",
          pathPattern: path,
          status: 404,
          body: { message: "Not Found" },
          times: 1,
        });
        const result = await (await scenario.bench(task)).run("plan");
        equal(result.exitCode, 1, result.log);
        equal(
          result.lastWords,
          `plan: GitHub App 4711 cannot read the ${what} of acme/shop: give it the permission ${permission} there, then: ${goOn("retry", task)}`,
        );
        equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      });
    }
  });
});

/** Another run of this program's template. */
function run(name: string, task: string, after: string, pushedAt: number, ended?: { outcome: string; phase: string }) {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow" as const,
    metadata: {
      name,
      labels: { "rex-remediation/task": task, ...(ended && { "rex-remediation/outcome": ended.outcome }) },
    },
    ...(ended && { status: { phase: ended.phase } }),
    spec: {
      workflowTemplateRef: { name: "rex-remediation" },
      arguments: {
        parameters: [
          { name: "task", value: task },
          { name: "after", value: after },
          { name: "repository", value: repository },
          { name: "pushed-at", value: String(pushedAt) },
        ],
      },
    },
  };
}
