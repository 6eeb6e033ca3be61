import { deepEqual, equal, match } from "node:assert/strict";
import { endingsIn } from "../../components/vocabulary/ending.ts";
import type { StepBench } from "../support/step.ts";
import { mainWorkflow, type WorkflowNode, workflowNode } from "../support/workflows.ts";
import { gate, ledger, ours } from "./planning.ts";
import { push, repository, Scenario, sha } from "./scenario.ts";

describe("record and failed", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** Creates a main workflow of the task, and the run itself. */
  async function prepared(
    task: string,
    more: { annotations?: Record<string, string>; phase?: string; outcome?: string; nodes?: WorkflowNode[] } = {},
  ): Promise<{ bench: StepBench; run: string }> {
    const { annotations, phase = "Running", outcome, nodes } = more;
    const bench = await scenario.bench(task);
    const run = bench.environment.RUN_NAME ?? "";
    await scenario.cluster.create(
      mainWorkflow(`play-${task}`, task, "waiting-pr-created", [gate], {
        labels: ours,
        annotations,
        status: { phase },
      }),
    );
    await scenario.cluster.create({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: {
        name: run,
        labels: { "rex-remediation/task": task, ...(outcome && { "rex-remediation/outcome": outcome }) },
      },
      spec: { entrypoint: "remediate" },
      ...(nodes && { status: { nodes: Object.fromEntries(nodes.map((node) => [node.id, node])) } }),
    });
    return { bench, run };
  }

  /** What was written to the run and to the main workflow. */
  async function written(task: string, run: string): Promise<{ outcome?: string; main: Record<string, string> }> {
    const main = (await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations ?? {};
    const annotations = Object.entries(main).filter(([key]) => /\/(outcome|message)$/.test(key));
    return {
      outcome: (await scenario.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"],
      main: Object.fromEntries(annotations.map(([key, value]) => [key.replace("rex-remediation/", ""), value])),
    };
  }

  it("record reports a restart on the run, on the main workflow and as output", async () => {
    const { bench, run } = await prepared("1");
    await bench.writeShared(
      "plan.json",
      JSON.stringify({ outcome: "remediate", reason: "why", head: push.after, workflow: { name: "play-1" } }),
    );
    const result = await bench.run("record");
    equal(result.exitCode, 0, result.log);
    match(result.log, /record: remediated: QA begins again on head bbbbbbbbbbbb$/m);
    equal(await bench.shared("outcome"), "remediated");
    deepEqual((await scenario.cluster.workflow(run))?.metadata.labels, {
      "rex-remediation/task": "1",
      "rex-remediation/outcome": "remediated",
    });
    deepEqual((await scenario.cluster.workflow("play-1"))?.metadata.annotations, {
      "rex-remediation/outcome": "remediated",
      "rex-remediation/message": `QA restarted by ${run}`,
    });
  });

  describe("the comment on the pull request", () => {
    /** Prepares the files and the pull request that plan leaves for a restart. */
    async function planned(task: string): Promise<StepBench> {
      const { bench } = await prepared(task);
      await scenario.pullRequest(task, Number(task), []);
      const environment = { RUN_NAME: `${bench.environment.RUN_NAME}` };
      const plan = await scenario.bench(task, environment);
      equal((await plan.run("plan")).exitCode, 0);
      await bench.writeShared(
        "plan.json",
        JSON.stringify({
          outcome: "remediate",
          reason: "why",
          before: push.before,
          after: push.after,
          head: push.after,
          workflow: { name: `play-${task}`, stage: "waiting-ready-for-qa" },
          round: 3,
          pulls: [{ number: Number(task), ready: true }],
          targets: [
            {
              name: "cleo-`x`",
              agent: "5DLabs-Cleo",
              created: new Date(Date.now() - 90_000).toISOString().replace(/\.[0-9]+/, ""),
            },
          ],
        }),
      );
      await bench.writeShared(
        "steps/plan.json",
        JSON.stringify({ step: "plan", did: "why", cause: "remediate", seconds: 1.5 }),
      );
      await bench.writeShared("planned", "what was planned\n");
      bench.environment.TOKEN_DIR = plan.environment.TOKEN_DIR ?? "";
      return bench;
    }

    /** How the comments say to start a new run for a task. */
    const howToRestart = (task: string) =>
      `\`scripts/rex remediate --task ${task} --repository acme/shop\`, or \`argo -n ${scenario.cluster.namespace} submit --from workflowtemplate/rex-remediation --generate-name rex-remediation-${task}- -p task=${task} -p repository=acme/shop\``;

    const comments = async (task: string) =>
      (await scenario.github.repository(repository)).comments.filter(({ issue }) => issue === Number(task));

    it("reports a restart, in one comment per head that is rewritten", async () => {
      const bench = await planned("61");
      const before = Date.now();
      equal((await bench.run("record")).exitCode, 0);
      const [comment, ...more] = await comments("61");
      deepEqual(more, []);
      const age = /`5DLabs-Cleo`, ([0-9]+) s old/.exec(comment?.body ?? "")?.[1];
      equal(Number(age) >= 90 && Number(age) <= 91 + (Date.now() - before) / 1000, true, age);
      equal(
        comment?.body,
        [
          `<!-- rex-remediation ${push.after} -->`,
          "**QA begins again on `bbbbbbbbbbbb`**, because `5DLabs-Rex[bot]` pushed it.",
          "",
          `- cancelled \`cleo-'x'\` (\`5DLabs-Cleo\`, ${age} s old)`,
          "- label `ready-for-qa`: taken off",
          "- stage of `play-61`: `waiting-ready-for-qa` → `waiting-pr-created`",
          "- round 3 of this task",
          `- run \`${bench.environment.RUN_NAME}\`, \`argo -n ${scenario.cluster.namespace} get ${bench.environment.RUN_NAME}\`: plan 1.5 s`,
          `- to restart it again: ${howToRestart("61")}`,
          "",
        ].join("\n"),
      );
      equal((await bench.run("record")).exitCode, 0);
      deepEqual(
        (await comments("61")).map(({ id }) => id),
        [comment?.id],
      );
    });

    it("reports a failure, and a later restart rewrites the same comment [comment-of-failure]", async () => {
      const bench = await planned("62");
      const failed = await bench.run("failed", {
        WORKFLOW_STATUS: "Failed",
        FAILURES: failures(["stop-qa", left("stop-qa", "`@everybody` look")]),
      });
      equal(failed.exitCode, 0, failed.log);
      equal(
        (await comments("62"))[0]?.body,
        [
          `<!-- rex-remediation ${push.after} -->`,
          `**The remediation of \`${push.after}\` failed** and is not finished.`,
          "",
          "- why: `stop-qa: '@everybody' look`",
          `- run \`${bench.environment.RUN_NAME}\`, \`argo -n ${scenario.cluster.namespace} get ${bench.environment.RUN_NAME}\``,
          `- once that is fixed: \`argo -n ${scenario.cluster.namespace} retry ${bench.environment.RUN_NAME}\``,
          `- or start a new run, for the current head: ${howToRestart("62")}`,
          "",
        ].join("\n"),
      );
      equal((await bench.run("record")).exitCode, 0);
      const [comment, ...more] = await comments("62");
      deepEqual(more, []);
      match(comment?.body ?? "", /QA begins again/);
    });

    it("links to the run if Argo's server is configured, and leaves out the repository if there is only one", async () => {
      const bench = await planned("63");
      const more = { argoServerUrl: "https://argo.example.com/x", REPOSITORIES: '{"acme/shop":"acme-shop"}' };
      const link = `[\`${bench.environment.RUN_NAME}\`](https://argo.example.com/x/workflows/${scenario.cluster.namespace}/${bench.environment.RUN_NAME})`;
      equal((await bench.run("record", more)).exitCode, 0);
      const done = (await comments("63"))[0]?.body ?? "";
      equal(done.includes(`\n- run ${link}: plan 1.5 s\n`), true, done);
      equal(done.includes("\n- to restart it again: `scripts/rex remediate --task 63`, or `argo "), true, done);
      equal((await bench.run("failed", { ...more, WORKFLOW_STATUS: "Failed", FAILURES: "" })).exitCode, 0);
      const failed = (await comments("63"))[0]?.body ?? "";
      equal(failed.includes(`\n- run ${link}\n`), true, failed);
    });

    it("reports a failure even if the main workflow has ended, because then only the run has the message", async () => {
      const { bench } = await prepared("68");
      await scenario.pullRequest("68", 68, []);
      await scenario.cluster.deleteWorkflows("task-id=68");
      const words = "main workflow play-68 ended (Failed) before it could be resumed";
      const more = { WORKFLOW_STATUS: "Failed", FAILURES: failures(["restart-qa", left("restart-qa", words)]) };
      const result = await bench.run("failed", more);
      equal(result.exitCode, 0, result.log);
      match(
        (await comments("68"))[0]?.body ?? "",
        new RegExp(`^- why: \`restart-qa: ${words.replaceAll(/[()]/g, ".")}\`$`, "m"),
      );
    });

    it("reports a restart even if the pod was lost before it could comment [comment-after-lost-pod]", async () => {
      const { bench, run } = await prepared("81", { annotations: ledger("81", "true", { round: "2" }) });
      await scenario.pullRequest("81", 81, []);
      for (const step of ["plan", "record"] as const) equal((await bench.run(step)).exitCode, 0);
      const told = [
        `<!-- rex-remediation ${push.after} -->`,
        "**QA begins again on `bbbbbbbbbbbb`.**",
        "",
        `- the log of the pod that cancelled agents says which, if it still exists: \`argo -n ${scenario.cluster.namespace} logs ${run}\``,
        "- round 2 of this task",
        `- run \`${run}\`, \`argo -n ${scenario.cluster.namespace} get ${run}\``,
        `- to restart it again: ${howToRestart("81")}`,
        "",
      ].join("\n");
      deepEqual(
        (await comments("81")).map(({ body }) => body),
        [told],
      );
      equal((await written("81", run)).outcome, "remediated");
    });

    /** The texts of the comments on the task's pull request. */
    const bodies = async (task: string) => (await comments(task)).map(({ body }) => body);
    /** Makes the main workflow's ledger say that this run resumed it. */
    const resumed = (task: string) =>
      scenario.cluster.patchWorkflow(`play-${task}`, { metadata: { annotations: ledger(task, "true") } });

    it("is kept by a later pod of the run, which knows less about the restart [comment-kept-by-later-pod]", async () => {
      const bench = await planned("82");
      equal((await bench.run("record")).exitCode, 0);
      const told = await bodies("82");
      await resumed("82");
      for (const step of ["plan", "record"] as const) equal((await bench.run(step)).exitCode, 0);
      match(told.join(), /- cancelled `cleo-'x'`/);
      deepEqual(await bodies("82"), told);
    });

    it("keeps its report of a restart and adds a later failure as a warning, only once even if the exit handler is retried", async () => {
      const bench = await planned("84");
      equal((await bench.run("record")).exitCode, 0);
      const told = (await bodies("84")).join();
      await resumed("84");
      const failure = waitFailed(bench.environment.RUN_NAME ?? "");
      for (const _ of [1, 2]) equal((await bench.run("failed", failure)).exitCode, 0);
      deepEqual(await bodies("84"), [`${told}- warning: \`${warning}\`\n`]);
    });

    it("reports a restart even if the run first reported a failure", async () => {
      const bench = await planned("83");
      const plain = { WORKFLOW_STATUS: "Failed", FAILURES: failures(["plan", left("plan", "no answer")]) };
      equal((await bench.run("failed", plain)).exitCode, 0);
      match((await bodies("83")).join(), /\*\*The remediation of .* failed/);
      await resumed("83");
      equal((await bench.run("failed", waitFailed(bench.environment.RUN_NAME ?? ""))).exitCode, 0);
      const [body = "", ...more] = await bodies("83");
      deepEqual(more, []);
      deepEqual(
        body.split("\n").filter((line) => /^\*\*|warning/.test(line)),
        ["**QA begins again on `bbbbbbbbbbbb`.**", `- warning: \`${warning}\``],
      );
    });

    it("replaces another run's comment on the same head, even if the pod was lost before it could comment", async () => {
      const bench = await planned("85");
      equal((await bench.run("record")).exitCode, 0);
      const other = { RUN_NAME: `${bench.environment.RUN_NAME}-sweep` };
      await scenario.cluster.create({
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Workflow",
        metadata: { name: other.RUN_NAME },
        spec: { entrypoint: "remediate" },
      });
      await scenario.cluster.patchWorkflow("play-85", {
        metadata: { annotations: ledger("85", "true", { run: other.RUN_NAME, head: sha("c") }) },
      });
      for (const step of ["plan", "record"] as const) equal((await bench.run(step, other)).exitCode, 0);
      match((await bodies("85")).join(), /^.*\n\*\*QA begins again on `cccccccccccc`.\*\*\n/);
    });

    it("never replaces somebody else's comment with the same mark", async () => {
      // For an App with another ID, the existing comment is somebody else's.
      const foreign = await planned("64");
      equal((await foreign.run("record", { "github.appId": "4712" })).exitCode, 0);
      equal((await foreign.run("record", { "github.appId": "4712" })).exitCode, 0);
      equal((await comments("64")).length, 2);
    });

    it("is optional: a run does not fail if GitHub refuses it", async () => {
      const bench = await planned("65");
      await scenario.github.addFault({ pathPattern: "/issues/65/comments", status: 403, times: null });
      const result = await bench.run("record");
      equal(result.exitCode, 0, result.log);
      match(result.log, /the pull request got no comment: GitHub refused GET .*status 403/);
      equal(await bench.shared("outcome"), "remediated");
      const failed = await bench.run("failed", { WORKFLOW_STATUS: "Failed", FAILURES: "" });
      equal(failed.exitCode, 0, failed.log);
      match(failed.log, /the pull request got no comment/);
      await scenario.github.clearFaults();
    });

    it("can be turned off in the configuration", async () => {
      const bench = await planned("66");
      equal((await bench.run("record", { "pull.comments": "false" })).exitCode, 0);
      const off = { WORKFLOW_STATUS: "Failed", FAILURES: "", "pull.comments": "false" };
      equal((await bench.run("failed", off)).exitCode, 0);
      deepEqual(await comments("66"), []);
    });

    it("writes a report with the ending of each step", async () => {
      const bench = await planned("67");
      equal((await bench.run("record")).exitCode, 0);
      equal(await bench.shared("seconds/plan"), "1.5");
      equal(await bench.shared("round"), "3");
      const [plan, record, ...more] = endingsIn(await bench.shared("report"));
      const { seconds, ...recorded } = record ?? {};
      deepEqual(
        [plan, recorded, more],
        [
          {
            step: "plan",
            did: "why",
            cause: "remediate",
            seconds: 1.5,
            head: push.after,
            planned: ["what was planned"],
          },
          { step: "record", did: "QA begins again on head bbbbbbbbbbbb", cause: "remediated" },
          [],
        ],
      );
      equal(typeof seconds, "number");
    });
  });

  for (const outcome of ["already-remediated", "nothing-stale", "superseded", "held", "no-pull-request", "dry-run"]) {
    it(`record writes nothing on the main workflow if the run touched nothing: ${outcome}`, async () => {
      const { bench, run } = await prepared(`2${outcome.length}`);
      await bench.writeShared(
        "plan.json",
        JSON.stringify({ outcome, reason: "why", workflow: { name: `play-2${outcome.length}` } }),
      );
      const result = await bench.run("record");
      equal(result.exitCode, 0, result.log);
      equal(await bench.shared("outcome"), outcome);
      equal((await scenario.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"], outcome);
      equal((await scenario.cluster.workflow(`play-2${outcome.length}`))?.metadata.annotations, undefined);
    });
  }

  /** As Argo passes it on: a list as JSON in a JSON string. The first container failed too, but it is not the cause. */
  const failures = (...causes: [string, string][]) =>
    JSON.stringify(
      JSON.stringify([
        { displayName: "remediate(0)", message: "main: Error (exit code 64)", phase: "Failed" },
        ...causes.map(([displayName, message]) => ({ displayName, message, phase: "Failed" })),
      ]),
    );

  /** The message of a container in which a step ended with these words. */
  const left = (step: string, did: string, more: object = {}) =>
    `Error (exit code 1): ${step}: ${did}\n${JSON.stringify({ step, cause: "x", passes: false, command: "retry", ...more })}\n`;

  /** The failure of Argo's own container, which uploads the logs after the steps, as Argo passes it on. */
  const uploadError =
    'failed to put file: Put "http://127.0.0.1:9/logs": dial tcp 127.0.0.1:9: connect: connection refused';
  const waitFailed = (run: string): Record<string, string> => ({
    WORKFLOW_STATUS: "Error",
    FAILURES: JSON.stringify(
      JSON.stringify(
        [0, 1, 2].map((pod) => ({
          displayName: `${run}(${pod})`,
          templateName: "remediate",
          message: `wait: Error (exit code 64): ${uploadError}\ngithub.com/argoproj/argo-workflows/v3/errors.Wrap\n\t/go/src`,
          phase: "Error",
        })),
      ),
    ),
  });
  const cause = `Argo's container wait: ${uploadError}`;
  const warning = `nothing was left to do, but Argo ended the run as Error: ${cause}`;

  describe("failed judges a run by what it did", () => {
    for (const [how, task, phase] of [
      ["", "71", "Running"],
      [", even on a main workflow that has ended since", "72", "Succeeded"],
    ] as const) {
      it(`and not by Argo's own container: a run that resumed QA is remediated, with a warning${how} [resumed-is-not-failed]`, async () => {
        const { bench, run } = await prepared(task, { annotations: ledger(task, "true"), phase });
        const result = await bench.run("failed", { ...waitFailed(run), "pull.comments": "false" });
        equal(result.exitCode, 0, result.log);
        deepEqual(await written(task, run), {
          outcome: "remediated",
          main: phase === "Running" ? { outcome: "remediated", message: `QA restarted by ${run}; ${warning}` } : {},
        });
        equal(result.log.includes(`failed: remediated; ${warning}\n`), true, result.log);
      });
    }

    for (const [what, task, annotations] of [
      ["it began but did not resume", "73", (task: string) => ledger(task, "false")],
      ["another run resumed the main workflow", "74", (task: string) => ledger(task, "true", { run: "another" })],
    ] as const) {
      it(`so that it has failed if ${what} [not-resumed-is-failed]`, async () => {
        const { bench, run } = await prepared(task, { annotations: annotations(task) });
        const result = await bench.run("failed", { ...waitFailed(run), "pull.comments": "false" });
        equal(result.exitCode, 0, result.log);
        deepEqual(await written(task, run), {
          outcome: "failed",
          main: {
            outcome: "failed",
            message: `${run}: ${cause} | once that is fixed: argo -n ${scenario.cluster.namespace} retry ${run}`,
          },
        });
      });
    }

    const recorded = workflowNode("main", "Container", "Succeeded");
    it("and keeps the outcome that record wrote if there was nothing to restart", async () => {
      const { bench, run } = await prepared("75", { outcome: "superseded", nodes: [recorded] });
      const result = await bench.run("failed", waitFailed(run));
      equal(result.exitCode, 0, result.log);
      deepEqual(await written("75", run), { outcome: "superseded", main: {} });
      equal(result.log.includes(`failed: superseded; ${warning}\n`), true, result.log);
    });

    it("and ignores an outcome that comes from the run it was resubmitted from [outcome-of-resubmitted-run]", async () => {
      const nodes = [workflowNode("plan", "Container", "Failed"), workflowNode("main", "Container", "Error")];
      const { bench, run } = await prepared("76", { outcome: "held", nodes });
      const more = { WORKFLOW_STATUS: "Failed", FAILURES: failures(["plan", left("plan", "no answer")]) };
      const result = await bench.run("failed", { ...more, "pull.comments": "false" });
      equal(result.exitCode, 0, result.log);
      equal((await written("76", run)).outcome, "failed");
    });

    it("and ignores what record wrote in one try if another try began a restart and did not finish [record-of-another-try]", async () => {
      const { bench, run } = await prepared("77", {
        annotations: ledger("77", "false"),
        outcome: "nothing-stale",
        nodes: [recorded],
      });
      const result = await bench.run("failed", { ...waitFailed(run), "pull.comments": "false" });
      equal(result.exitCode, 0, result.log);
      equal((await written("77", run)).outcome, "failed");
    });

    it("and reports a failure if it cannot read what the run did", async () => {
      const { bench, run } = await prepared("78", { annotations: ledger("78", "true") });
      const more = { "main.typeLabel": "not a label", "pull.comments": "false" };
      const result = await bench.run("failed", { ...waitFailed(run), ...more });
      match(result.log, /cannot list the main workflows/);
      equal((await written("78", run)).outcome, "failed");
    });
  });

  it("failed names the step at fault, on the run and on the main workflow, and says how to go on [failed-names-the-cause]", async () => {
    const { bench, run } = await prepared("3");
    const result = await bench.run("failed", {
      WORKFLOW_STATUS: "Failed",
      FAILURES: failures(
        ["main", "Error (exit code 64)"],
        ["restart-qa", "Error (exit code 143)"],
        ["stop-qa", left("stop-qa", "GitHub refused\nDELETE")],
      ),
    });
    equal(result.exitCode, 0, result.log);
    equal((await scenario.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"], "failed");
    deepEqual((await scenario.cluster.workflow("play-3"))?.metadata.annotations, {
      "rex-remediation/outcome": "failed",
      "rex-remediation/message": `${run}: stop-qa: GitHub refused DELETE | once that is fixed: argo -n ${scenario.cluster.namespace} retry ${run}`,
    });
  });

  it("failed gives the command of the endings, on the main workflow and in the output that the tools read", async () => {
    const { bench, run } = await prepared("5");
    const more = { object: "main workflow play-5", cause: "refused-by-policy", passes: false, command: "resubmit" };
    const result = await bench.run("failed", {
      WORKFLOW_STATUS: "Failed",
      FAILURES: failures(
        ["plan", left("plan", "no answer", { passes: true })],
        ["restart-qa", left("restart-qa", "cannot write stage", more)],
      ),
    });
    equal(result.exitCode, 0, result.log);
    const did = "plan: no answer; restart-qa: cannot write stage";
    equal(
      (await scenario.cluster.workflow("play-5"))?.metadata.annotations?.["rex-remediation/message"],
      `${run}: ${did} | once that is fixed: argo -n ${scenario.cluster.namespace} resubmit ${run}`,
    );
    deepEqual(JSON.parse(await bench.shared("ending")), {
      step: "plan",
      cause: "x",
      did,
      passes: false,
      command: "resubmit",
    });
  });

  for (const [name, text] of [
    ["nothing", ""],
    ["no JSON", "not { json"],
    ["a list of other things", "[1, null, {}]"],
  ] as const) {
    it(`failed still records the outcome if Argo passes on ${name}`, async () => {
      const task = `4${text.length}`;
      const { bench, run } = await prepared(task);
      const result = await bench.run("failed", { WORKFLOW_STATUS: "Error", FAILURES: text });
      equal(result.exitCode, 0, result.log);
      equal((await scenario.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"], "failed");
      match(
        (await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations?.["rex-remediation/message"] ?? "",
        /the run ended as Error before a step could say why/,
      );
    });
  }
});
