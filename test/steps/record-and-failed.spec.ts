import { deepEqual, equal, match } from "node:assert/strict";
import type { StepBench } from "../support/step.ts";
import { mainWorkflow, workflowNode } from "../support/workflows.ts";
import { push, Scenario } from "./scenario.ts";

describe("record and failed", function () {
  this.timeout(60_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** A main workflow of the task, and the run itself. */
  async function prepared(task: string): Promise<{ bench: StepBench; run: string }> {
    const bench = await scenario.bench(task);
    const run = bench.environment.RUN_NAME ?? "";
    await scenario.cluster.create(
      mainWorkflow(`play-${task}`, task, "waiting-pr-created", [workflowNode("gate", "Suspend", "Running")], {
        labels: { repository: "acme-shop" },
      }),
    );
    await scenario.cluster.create({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: { name: run, labels: { "rex-remediation/task": task } },
      spec: { entrypoint: "remediate" },
    });
    return { bench, run };
  }

  it("record notes a restart on the run, on the main workflow and as output", async () => {
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

  for (const outcome of ["already-remediated", "nothing-stale", "superseded", "held", "no-pull-request", "dry-run"]) {
    it(`record writes nothing on the main workflow where nothing was touched: ${outcome}`, async () => {
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

  /** As Argo hands it over: a list as JSON in a JSON string; the first failed container by name is not the cause. */
  const failures = (...causes: [string, string][]) =>
    JSON.stringify(
      JSON.stringify([
        { displayName: "remediate(0)", message: "main: Error (exit code 64)", phase: "Failed" },
        ...causes.map(([displayName, message]) => ({ displayName, message, phase: "Failed" })),
      ]),
    );

  it("failed names the step that is the cause, on the run and on the main workflow, with the way on", async () => {
    const { bench, run } = await prepared("3");
    const result = await bench.run("failed", {
      WORKFLOW_STATUS: "Failed",
      FAILURES: failures(
        ["main", "Error (exit code 64)"],
        ["cancel-agents", "Error (exit code 143)"],
        ["remove-label", "Error (exit code 1): remove-label: GitHub refused\nDELETE"],
      ),
    });
    equal(result.exitCode, 0, result.log);
    equal((await scenario.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"], "failed");
    deepEqual((await scenario.cluster.workflow("play-3"))?.metadata.annotations, {
      "rex-remediation/outcome": "failed",
      "rex-remediation/message": `${run}: remove-label: Error (exit code 1): remove-label: GitHub refused DELETE | when mended: argo -n ${scenario.cluster.namespace} retry ${run}`,
    });
  });

  for (const [name, text] of [
    ["nothing", ""],
    ["no JSON", "not { json"],
    ["a list of other things", "[1, null, {}]"],
  ] as const) {
    it(`failed still records where Argo hands over ${name}`, async () => {
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
