import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { codeRun, ownedBy } from "../support/codeRuns.ts";
import { mainWorkflow, workflowNode } from "../support/workflows.ts";
import { gate, ledger, newTask, ours, outcomeOf, upcomingTask } from "./planning.ts";
import { push, repository, runNameOf, Scenario, sha } from "./scenario.ts";

describe("plan", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** The command that carries on the run of a task. */
  const goOn = (verb: "retry" | "resubmit", task: string) =>
    `argo -n ${scenario.cluster.namespace} ${verb} ${runNameOf(task)}`;

  describe("freezes what is to be touched", () => {
    it("takes the listed agents' unfinished CodeRuns by UID, and says why it leaves the others [plan-chooses-coderuns]", async () => {
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
          reason: "something of the old head is still at work",
        },
      );
    });

    it("takes agents by another label and other names, where the configuration says so", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, [`task-${task}`]);
      const labels = (agent: string, name: string) => ({
        ...codeRun(`${name}-${task}`, agent, task),
        metadata: { name: `${name}-${task}`, labels: { ...ours, "task-id": task, "agent-type": agent } },
      });
      await scenario.cluster.create(labels("cleo", "cleo"));
      await scenario.cluster.create(labels("rex", "rex"));
      const bench = await scenario.bench(task, {
        "codeRun.agentLabel": "agent-type",
        "agents.toCancel": JSON.stringify(["cleo", "tess"]),
      });
      equal((await bench.run("plan")).exitCode, 0);
      const { targets, leftAlone } = await bench.plan();
      deepEqual(
        [targets?.map(({ name, agent }) => [name, agent]), leftAlone],
        [
          [[`cleo-${task}`, "cleo"]],
          [{ name: `rex-${task}`, agent: "rex", why: "agent rex is not in the cancel list" }],
        ],
      );
    });

    it("takes a CodeRun that names no repository where only one repository is configured", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate]));
      await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task));
      await scenario.pullRequest(task, pull, []);
      const bench = await scenario.bench(task, { REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop" }) });
      equal((await outcomeOf(bench)).outcome, "remediate");
      deepEqual(
        (await bench.plan()).targets?.map(({ name }) => name),
        [`cleo-${task}`],
      );
    });

    it("touches nothing itself but the ledger, which says begun before anything else may be touched [plan-writes-ledger-only]", async () => {
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
        "rex-remediation/message": `${run} has begun to restart QA; if it is gone, a new one carries it on: argo -n ${scenario.cluster.namespace} submit --from workflowtemplate/rex-remediation --generate-name rex-remediation-${task}- -p task=${task} -p repository=acme/shop`,
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

    it("ends as dry-run when asked to, with the same targets", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const bench = await scenario.bench(task, { DRY_RUN: "true" });
      equal((await outcomeOf(bench)).outcome, "dry-run");
      deepEqual(
        (await bench.plan()).targets?.map(({ name }) => name),
        [`cleo-${task}`],
      );
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

    it("without a main workflow: no-workflow", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      deepEqual(await outcomeOf(await scenario.bench(task)), {
        outcome: "no-workflow",
        reason: `no main workflow of task ${task} is running in ${scenario.cluster.namespace} (workflow-type=play-orchestration, task-id=${task}, of this repository)`,
      });
    });

    it("where the main workflow has ended, names another repository, or names none of several: no-workflow", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`done-${task}`, task, "waiting-pr-approved", [], { labels: ours, status: { phase: "Succeeded" } }),
      );
      await scenario.cluster.create(
        mainWorkflow(`other-${task}`, task, "waiting-pr-approved", [gate], { labels: { repository: "acme-other" } }),
      );
      await scenario.cluster.create(mainWorkflow(`unnamed-${task}`, task, "waiting-pr-approved", [gate]));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      equal((await outcomeOf(await scenario.bench(task))).outcome, "no-workflow");
    });

    const ends: [string, (name: string) => Parameters<typeof mainWorkflow>[4], string][] = [
      ["was told to stop", () => ({ spec: { shutdown: "Stop" } }), "was told to end (spec.shutdown: Stop)"],
      [
        "was told to terminate",
        () => ({ spec: { shutdown: "Terminate" } }),
        "was told to end (spec.shutdown: Terminate)",
      ],
      [
        "waits at a gate of its exit handler",
        (name) => ({
          status: {
            nodes: {
              [name]: workflowNode(name, "Steps", "Failed", { name }),
              exit: workflowNode("exit", "Suspend", "Running", {
                name: `${name}.onExit`,
                displayName: `${name}.onExit`,
                nodeFlag: { hooked: true },
              }),
            },
          },
        }),
        "came to its exit handler",
      ],
    ];
    for (const [what, more, words] of ends) {
      it(`where the main workflow ${what}: no-workflow, and says why`, async () => {
        const { task, pull } = newTask();
        const name = `play-${task}`;
        await scenario.cluster.create(
          mainWorkflow(name, task, "waiting-ready-for-qa", [gate], { labels: ours, ...more(name) }),
        );
        await scenario.pullRequest(task, pull, ["ready-for-qa"]);
        const before = await scenario.cluster.workflow(name);
        deepEqual(await outcomeOf(await scenario.bench(task)), {
          outcome: "no-workflow",
          reason: `no main workflow of task ${task} is running in ${scenario.cluster.namespace} (workflow-type=play-orchestration, task-id=${task}, of this repository); ${name} ${words}`,
        });
        deepEqual(await scenario.cluster.workflow(name), before);
      });
    }

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

    for (const stage of [undefined, "implementation-in-progress", "waiting-pr-created"]) {
      it(`while Rex is still implementing (stage ${stage ?? "unset"}): nothing-stale`, async () => {
        const task = await prepared(stage, [`task-${stage}`]);
        await scenario.cluster.create(codeRun(`rex-${task}`, "5DLabs-Rex", task, ours));
        equal((await outcomeOf(await scenario.bench(task))).outcome, "nothing-stale");
      });
    }

    it("not where the ready label is on, an agent is at work, or the stage is past the reset stage", async () => {
      const labelled = await prepared("waiting-pr-created", ["Ready-For-QA"]);
      equal((await outcomeOf(await scenario.bench(labelled))).outcome, "remediate");
      const atWork = await prepared("implementation-in-progress");
      await scenario.cluster.create(codeRun(`tess-${atWork}`, "5DLabs-Tess", atWork, ours));
      equal((await outcomeOf(await scenario.bench(atWork))).outcome, "remediate");
      equal((await outcomeOf(await scenario.bench(await prepared("waiting-pr-approved")))).outcome, "remediate");
    });

    it("where this push was handled: already-remediated [handled-push]", async () => {
      const task = await prepared("waiting-ready-for-qa", ["ready-for-qa"], {
        "rex-remediation/head": push.after,
        "rex-remediation/pushed": push.after,
        "rex-remediation/pushed-at": String(push.pushedAt),
        "rex-remediation/run": "an-earlier-run",
        "rex-remediation/resumed": "true",
      });
      deepEqual(await outcomeOf(await scenario.bench(task)), {
        outcome: "already-remediated",
        reason: "this head was handled by run an-earlier-run",
      });
    });

    for (const [what, more] of [
      ["later, as another webhook's copy [handled-head-later-copy]", { PUSHED_AT: String(push.pushedAt + 2) }],
      ["earlier, as GitHub's record of it", { PUSHED_AT: String(push.pushedAt - 2) }],
      ["of a branch that was deleted and made again", { BEFORE: sha("0"), PUSHED_AT: String(push.pushedAt + 60) }],
    ] as const) {
      it(`already-remediated, without a call to GitHub, where this head was handled, for a push ${what}`, async () => {
        const task = await prepared(
          "waiting-ready-for-qa",
          ["ready-for-qa"],
          ledger(upcomingTask(), "true", { run: "an-earlier-run" }),
        );
        const bench = await scenario.bench(task, { ...more, "github.apiUrl": "http://127.0.0.1:9" });
        deepEqual(await outcomeOf(bench), {
          outcome: "already-remediated",
          reason: "this head was handled by run an-earlier-run",
        });
      });
    }

    it("where QA was restarted on this branch's head with another's: an old delivery of one does not take turns with the other [old-delivery-of-two-branches]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.github.putRepository(repository, {
        branches: {
          [`task-${task}-one`]: push.after,
          [`task-${task}-two`]: sha("c"),
          [`task-${task}-three`]: push.after,
        },
        pulls: [{ number: pull, headRef: `task-${task}-one`, labels: ["ready-for-qa"] }],
      });
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      const { annotations } = (await scenario.cluster.workflow(`play-${task}`))?.metadata ?? {};
      equal(annotations?.["rex-remediation/heads"], `${push.after},${sha("c")}`);
      await scenario.cluster.patchWorkflow(`play-${task}`, {
        metadata: { annotations: { "rex-remediation/resumed": "true" } },
      });
      for (const more of [
        { AFTER: sha("c"), PUSHED_AT: String(push.pushedAt - 3600) },
        { BEFORE: sha("c"), PUSHED_AT: String(push.pushedAt + 10) },
        { AFTER: sha("c"), PUSHED_AT: String(push.pushedAt + 20) },
      ] as Record<string, string>[]) {
        deepEqual(await outcomeOf(await scenario.bench(task, more)), {
          outcome: "already-remediated",
          reason: `this head was handled by run ${runNameOf(task)}`,
        });
      }
    });

    it("where this push was handled with somebody's on top of it, and somebody has pushed once more: already-remediated [handled-with-push-on-top]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], {
          labels: ours,
          annotations: ledger(task, "true", { run: "an-earlier-run", head: sha("d") }),
        }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa"], sha("e"));
      const copy = await scenario.bench(task, { PUSHED_AT: String(push.pushedAt + 2) });
      deepEqual(await outcomeOf(copy), {
        outcome: "already-remediated",
        reason: "this push was handled by run an-earlier-run",
      });
    });

    describe("where this very run had resumed before its pod was started again", () => {
      const resumedBefore = () => prepared("waiting-pr-created", [], ledger(upcomingTask(), "true"));

      it("remediated; and finds out whom record has to tell", async () => {
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

      it("remediated, though GitHub does not say whom to tell", async () => {
        const task = await resumedBefore();
        await scenario.github.addFault({ pathPattern: `heads/task-${task}`, status: 403, times: null });
        const bench = await scenario.bench(task);
        equal((await outcomeOf(bench)).outcome, "remediated");
        equal("pulls" in (await bench.plan()), false);
        await scenario.github.clearFaults();
      });

      it("remediated, without a call to GitHub where nobody is to be told", async () => {
        const nobody = { "pull.comments": "false", "github.apiUrl": "http://127.0.0.1:9" };
        const bench = await scenario.bench(await resumedBefore(), nobody);
        equal((await outcomeOf(bench)).outcome, "remediated");
      });

      it("remediated, also where the main workflow has ended since; and finds out whom record has to tell", async () => {
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

    for (const [what, seconds, head] of [
      [
        "QA was restarted on what the branch stands at, for a push of the same second [superseded-same-second]",
        0,
        sha("c"),
      ],
      ["QA was restarted on what the branch stands at, by a clock that is behind", -2, sha("c")],
      [
        "a push that is surely newer was handled, though somebody has pushed since [superseded-by-handled-push]",
        200,
        sha("e"),
      ],
    ] as const) {
      it(`superseded where the branch has gone on and ${what}`, async () => {
        const { task, pull } = newTask();
        await scenario.cluster.create(
          mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], {
            labels: ours,
            annotations: ledger(task, "true", {
              run: "a-newer-run",
              head: sha("c"),
              pushed: sha("c"),
              "pushed-at": String(push.pushedAt + seconds),
            }),
          }),
        );
        await scenario.pullRequest(task, pull, ["ready-for-qa"], head);
        deepEqual(await outcomeOf(await scenario.bench(task)), {
          outcome: "superseded",
          reason: "a newer push (cccccccccccc) was handled by run a-newer-run",
        });
      });
    }

    it("where a newer push has moved the branch and has a run of its own: superseded [superseded-by-newer-run]", async () => {
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

    for (const [what, ended] of [
      ["ended as held", { outcome: "held", phase: "Succeeded" }],
      ["ended as held, though Argo calls it failed [newer-run-held-but-failed]", { outcome: "held", phase: "Error" }],
      ["Argo refused", { phase: "Error" }],
    ] as const) {
      it(`but goes on for the current head beside a newer push whose run ${what}`, async () => {
        const { task, pull } = newTask();
        await scenario.cluster.create(
          mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
        );
        await scenario.pullRequest(task, pull, ["ready-for-qa"], sha("c"));
        await scenario.cluster.create(run(`newer-${task}`, task, sha("c"), push.pushedAt + 1, ended));
        const bench = await scenario.bench(task);
        equal((await outcomeOf(bench)).outcome, "remediate");
        equal((await bench.plan()).head, sha("c"));
      });
    }

    it("but for one that is at work, though it bears the label held of the run that it was resubmitted from", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa"], sha("c"));
      await scenario.cluster.create(
        run(`newer-${task}`, task, sha("c"), push.pushedAt + 1, { outcome: "held", phase: "Running" }),
      );
      equal((await outcomeOf(await scenario.bench(task))).outcome, "superseded");
    });

    it("where a push of the same second moved the branch: the run whose commit is the head goes on, the other not", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa"], sha("c"));
      await scenario.cluster.create(run(`twin-${task}`, task, sha("c"), push.pushedAt));
      equal((await outcomeOf(await scenario.bench(task))).outcome, "superseded");
      equal(
        (await outcomeOf(await scenario.bench(task, { AFTER: sha("c"), BEFORE: push.after }))).outcome,
        "remediate",
      );
    });
  });

  describe("goes on", () => {
    it("where an earlier run began and did not resume, though nothing looks stale any more [goes-on-where-begun]", async () => {
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
    });

    it("in the same round where an earlier run began, and in the next one where it resumed", async () => {
      for (const [resumed, round] of [
        ["false", "4"],
        ["true", "5"],
      ] as const) {
        const { task, pull } = newTask();
        await scenario.cluster.create(
          mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], {
            labels: ours,
            annotations: ledger(task, resumed, {
              run: "an-earlier-run",
              head: sha("c"),
              pushed: sha("c"),
              "pushed-at": String(push.pushedAt - 60),
              round: "4",
            }),
          }),
        );
        await scenario.pullRequest(task, pull, ["ready-for-qa"]);
        equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
        const { annotations } = (await scenario.cluster.workflow(`play-${task}`))?.metadata ?? {};
        equal(annotations?.["rex-remediation/round"], round);
      }
    });

    it("where an earlier run began, even if the pull request was closed meanwhile", async () => {
      const { task } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-pr-created", [gate], {
          labels: ours,
          annotations: ledger(task, "false", { run: "an-earlier-run" }),
        }),
      );
      await scenario.github.putRepository(repository, { branches: { [`task-${task}`]: push.after } });
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
    });

    it("where the branch went back to an earlier commit: a third remediation for A, B, A", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], {
          labels: ours,
          annotations: {
            "rex-remediation/head": sha("c"),
            "rex-remediation/pushed": sha("c"),
            "rex-remediation/pushed-at": String(push.pushedAt - 60),
            "rex-remediation/run": "the-run-of-b",
            "rex-remediation/resumed": "true",
          },
        }),
      );
      await scenario.pullRequest(task, pull, []);
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
    });

    it("where the branch goes to and fro: for each of A, B, A, B", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      const handled: (string | undefined)[][] = [];
      for (const [index, head] of [sha("a"), sha("b"), sha("a"), sha("b")].entries()) {
        await scenario.pullRequest(task, pull, ["ready-for-qa"], head);
        const BEFORE = head === sha("a") ? sha("b") : sha("a");
        const bench = await scenario.bench(task, { BEFORE, AFTER: head, PUSHED_AT: String(push.pushedAt + index) });
        const { outcome } = await outcomeOf(bench);
        const { annotations } = (await scenario.cluster.workflow(`play-${task}`))?.metadata ?? {};
        handled.push([outcome, annotations?.["rex-remediation/head"], annotations?.["rex-remediation/round"]]);
        await scenario.cluster.patchWorkflow(`play-${task}`, {
          metadata: { annotations: { "rex-remediation/resumed": "true" } },
        });
      }
      deepEqual(handled, [
        ["remediate", sha("a"), "1"],
        ["remediate", sha("b"), "2"],
        ["remediate", sha("a"), "3"],
        ["remediate", sha("b"), "4"],
      ]);
    });

    for (const [what, more, head] of [
      ["the branch stands at it, and was not handled, though a push of another head has a later time", {}, push.after],
      [
        "somebody pushed on top of it, though the handled one is newer by the seconds that GitHub's clocks differ",
        {},
        sha("e"),
      ],
      ["the branch was taken back to it from under somebody's on top", { pushed: push.after }, push.after],
    ] as const) {
      it(`for a push where ${what}`, async () => {
        const { task, pull } = newTask();
        await scenario.cluster.create(
          mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], {
            labels: ours,
            annotations: ledger(task, "true", {
              run: "another-run",
              head: sha("c"),
              pushed: sha("c"),
              "pushed-at": String(push.pushedAt + 60),
              ...more,
            }),
          }),
        );
        await scenario.pullRequest(task, pull, ["ready-for-qa"], head);
        const bench = await scenario.bench(task);
        equal((await outcomeOf(bench)).outcome, "remediate");
        equal((await bench.plan()).head, head);
        const { annotations } = (await scenario.cluster.workflow(`play-${task}`))?.metadata ?? {};
        equal(annotations?.["rex-remediation/heads"], head);
        // The newest time that was ever handled stays.
        equal(annotations?.["rex-remediation/pushed-at"], String(push.pushedAt + 60));
      });
    }

    it("where a person pushed on top of Rex: for the current head", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, [], sha("d"));
      const bench = await scenario.bench(task);
      equal((await outcomeOf(bench)).outcome, "remediate");
      equal((await bench.plan()).head, sha("d"));
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
          { number: 5000 + pull, headRef: `task-${task}/ü$(x)`, labels: ["ready-for-qa", `task-${task}`] },
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
    const bad: [string, string, RegExp][] = [
      ["TASK", "012", /^plan: parameter TASK is 012; expected a number without leading zeros$/],
      ["TASK", "3x", /expected a number without leading zeros$/],
      ["TASK", "$(touch /tmp/x)", /expected a number without leading zeros$/],
      ["TASK", "1234567890", /expected a number without leading zeros$/],
      [
        "RUN_NAME",
        "rex-remediation-33-x",
        /^plan: the run is called rex-remediation-33-x; one for task 3 has to begin with rex-remediation-3-, or the API server refuses what it writes: argo -n \S+ submit --from workflowtemplate\/rex-remediation --generate-name rex-remediation-3- -p task=3 … with the same parameters$/,
      ],
      ["BEFORE", "main", /^plan: parameter BEFORE is main; expected a commit SHA of 40 hex digits$/],
      ["AFTER", "{{workflow.name}}", /expected a commit SHA of 40 hex digits$/],
      ["REPOSITORY", "acme", /^plan: parameter REPOSITORY is acme; expected owner\/name$/],
      [
        "REPOSITORY",
        "mallory/shop",
        /none of the configured repositories \(acme\/other, acme\/shop\): correct it, or add it to repositories \(pulumi up\), then: argo -n \S+ resubmit rex-remediation-3-\S+$/,
      ],
      ["PUSHED_AT", "now", /^plan: parameter PUSHED_AT is now; expected seconds since 1970$/],
      [
        "PUSHED_AT",
        "2147483647",
        /^plan: parameter PUSHED_AT is 2147483647, [1-9]\d+ s ahead of this node's clock; expected a push of the past: set the clock right, or look for who made this run \(kubectl -n \S+ get workflow rex-remediation-3-\S+ -o yaml\)$/,
      ],
      ["DRY_RUN", "yes", /^plan: parameter DRY_RUN is yes; expected true or false$/],
    ];
    for (const [name, value, message] of bad) {
      it(`parameter ${name} as ${value} [bad-parameter-${name}]`, async () => {
        const bench = await scenario.bench("3", { [name]: value, "github.apiUrl": "http://127.0.0.1:9" });
        const result = await bench.run("plan");
        equal(result.exitCode, 1, result.log);
        match(result.lastWords, message);
        ok(!result.lastWords.includes("{{"));
      });
    }

    it("two main workflows, naming them, and goes on once one has ended", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(mainWorkflow(`one-${task}`, task, "waiting-pr-approved", [gate], { labels: ours }));
      await scenario.cluster.create(mainWorkflow(`two-${task}`, task, "waiting-pr-approved", [gate], { labels: ours }));
      await scenario.pullRequest(task, pull, []);
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: task ${task} has more than one main workflow: one-${task}, two-${task}; end all but one (argo -n ${scenario.cluster.namespace} stop NAME), then: ${goOn("retry", task)}`,
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

    it("to cancel Cleo's CodeRun while it owns Rex's, which would go along [plan-owner-of-rex]", async () => {
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
        `plan: some coderuns would go along with their owners, which this run cancels: rex-${task} (owned by cleo-${task}; agent 5DLabs-Rex is not in the cancel list); nothing was touched; take off each one's ownerReference (the first one's: kubectl -n ${scenario.cluster.namespace} patch coderuns.agents.platform rex-${task} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/0"}]') or end it yourself, then: ${goOn("retry", task)}`,
      );
      equal((await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations, undefined);
    });

    it("to restart QA beside an agent that is listed but for its spelling [plan-near-miss]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.cluster.create(codeRun(`cleo-${task}`, "5dlabs-cleo", task, ours));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      match(
        result.lastWords,
        /^plan: agents of some coderuns of task \d+ are listed but for their spelling: cleo-\d+ \(github-app=5dlabs-cleo, listed is 5DLabs-Cleo\); nothing was touched; /,
      );
      equal((await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations, undefined);
    });

    it("but one beside another that was told to stop, which is no second one", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(mainWorkflow(`one-${task}`, task, "waiting-pr-approved", [gate], { labels: ours }));
      await scenario.cluster.create(
        mainWorkflow(`two-${task}`, task, "waiting-pr-approved", [gate], { labels: ours, spec: { shutdown: "Stop" } }),
      );
      await scenario.pullRequest(task, pull, []);
      const bench = await scenario.bench(task);
      equal((await outcomeOf(bench)).outcome, "remediate");
      equal((await bench.plan()).workflow?.name, `one-${task}`);
    });

    it("a ledger whose time is none, and goes on once that is removed [ledger-without-time]", async () => {
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

    it("to call it no-workflow where the main workflow on which this run began has ended", async () => {
      const { task } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-pr-created", [], {
          labels: { ...ours, "workflows.argoproj.io/completed": "true" },
          annotations: ledger(task, "false"),
          status: { phase: "Failed" },
        }),
      );
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: main workflow play-${task} ended (Failed) before it could be resumed; start a new main workflow for task ${task}: it begins on the current head`,
      );
    });

    it("to call it no-workflow where the main workflow on which this run began was told to stop [begun-workflow-told-to-stop]", async () => {
      const { task } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-pr-created", [gate], {
          labels: ours,
          annotations: ledger(task, "false"),
          spec: { shutdown: "Stop" },
        }),
      );
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: main workflow play-${task} was told to end (spec.shutdown: Stop) before it could be resumed; start a new main workflow for task ${task}: it begins on the current head`,
      );
    });

    it("a ledger from the future, which would let no push count any more [ledger-from-the-future]", async () => {
      const { task } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], {
          labels: ours,
          annotations: { "rex-remediation/pushed-at": "2147483647", "rex-remediation/resumed": "true" },
        }),
      );
      const result = await (await scenario.bench(task)).run("plan");
      equal(result.exitCode, 1, result.log);
      match(
        result.lastWords,
        new RegExp(
          `annotation rex-remediation/pushed-at of main workflow play-${task} is 2147483647, [1-9]\\d+ s ahead of this node's clock, so that no push would count any more: set the clock right or remove the annotation, then: argo -n \\S+ retry rex-remediation-${task}-`,
        ),
      );
    });

    it("a stage that config does not know, and goes on once config does, or the label is another [unknown-stage]", async () => {
      const { task, pull } = newTask();
      await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "lunch", [gate], { labels: ours }));
      await scenario.pullRequest(task, pull, ["ready-for-qa"]);
      const bench = await scenario.bench(task);
      const { stages } = JSON.parse(bench.environment.CONFIG ?? "").main;
      const result = await bench.run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: main workflow play-${task} stands at stage lunch, which is none of the configured stages ${JSON.stringify(stages)}: add it to mainWorkflow.stages (pulumi up), then: ${goOn("resubmit", task)}; or correct the label current-stage, then: ${goOn("retry", task)}`,
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

    for (const status of [{ compressedNodes: "H4sI" }, { offloadNodeStatusVersion: "fnv:1" }]) {
      it(`a main workflow whose nodes are packed (${Object.keys(status)[0]}) [packed-nodes]`, async () => {
        const { task, pull } = newTask();
        await scenario.cluster.create(
          mainWorkflow(`play-${task}`, task, "waiting-pr-approved", [], { labels: ours, status }),
        );
        await scenario.pullRequest(task, pull, ["ready-for-qa"]);
        const result = await (await scenario.bench(task)).run("plan");
        equal(result.exitCode, 1, result.log);
        match(result.lastWords, /keeps its node status compressed or offloaded.*nothing was touched/);
      });
    }
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

    it("ends with GitHub's words where it refuses for good", async () => {
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

    it("does not wait past its deadline for a used-up limit", async () => {
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
      match(result.lastWords, /would pass this step's deadline of 20 s$/);
      deepEqual(result.ending, { step: "plan", cause: "github-does-not-answer", passes: true, command: "retry" });
      ok(result.seconds < 15, `${result.seconds} s`);
    });

    it("asks for a token of this repository alone, with no more rights than the steps need [token-of-one-repository]", async () => {
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

    it("says nothing of key or token in its log, its plan or the folder that all steps share [plan-hides-key-and-token]", async () => {
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

    it("names the App where it is not installed on the repository", async () => {
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

    it("names the installation where GitHub knows none of that number, and finds it where none is configured [unknown-installation]", async () => {
      const task = await stale();
      const result = await (await scenario.bench(task, { "github.installationId": "43" })).run("plan");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `plan: GitHub App 4711 has no installation 43: correct githubApp.installationId, or leave it out and it is found (pulumi up), then: ${goOn("resubmit", task)}`,
      );
      deepEqual(result.ending, { step: "plan", cause: "no-such-installation", passes: false, command: "resubmit" });
      equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
    });

    for (const [what, path, permission] of [
      ["branches", "/matching-refs/", "contents: read"],
      ["pull requests", "/pulls", "pull requests: write"],
    ] as const) {
      it(`names the permission where it does not show the ${what} [missing-permission]`, async () => {
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
function run(name: string, task: string, after: string, pushedAt: number, ended?: { outcome?: string; phase: string }) {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow" as const,
    metadata: {
      name,
      labels: { "rex-remediation/task": task, ...(ended?.outcome && { "rex-remediation/outcome": ended.outcome }) },
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
