import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { endingsIn } from "../../../components/vocabulary/ending.ts";
import { until } from "../../support/cluster.ts";
import { codeRun } from "../../support/codeRuns.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import type { Task } from "../../support/platform.ts";
import { runTool, type ToolResult } from "../../support/tool.ts";

/**
 * Runs scripts/rex remediate against the dev stack: the outputs, the template, the steps and Argo are real. Each case has its own task.
 * test/cli/doubled/remediate.spec.ts covers bad calls. The real GitHub is not covered.
 */
describe("scripts/rex remediate, on a cluster", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  function remediate(task: Task, ...more: string[]): Promise<ToolResult> {
    const outputs = join(process.env.REX_DEV_STACK ?? "", "outputs.json");
    return runTool("remediate", ["--task", task.id, "--wait", "200", "--yes", ...more], { REX_OUTPUTS: outputs });
  }

  /** A task at a gate after the reset stage, with a running Cleo and with CodeRuns that must not be touched. */
  async function busyTask(): Promise<{ task: Task; cleo: string; others: Record<"rex" | "blaze" | "done", string> }> {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const { cluster } = dev.platform;
    const labels = { repository: task.repository.replace("/", "-") };
    const others = { rex: `rex-task-${task.id}`, blaze: `blaze-task-${task.id}`, done: `tess-task-${task.id}` };
    await cluster.create(codeRun(others.rex, "5DLabs-Rex", task.id, labels));
    await cluster.create(codeRun(others.blaze, "5DLabs-Blaze", task.id, labels));
    await cluster.create({ ...codeRun(others.done, "5DLabs-Tess", task.id, labels), status: { phase: "Succeeded" } });
    const cleo = await dev.platform.startAgent("5DLabs-Cleo", task);
    return { task, cleo: cleo.metadata.name, others };
  }

  /** The report's lines about agents, sorted, without ages and times. */
  function ofAgents(report: string[]): string[] {
    return report
      .filter((line) => /^(cancel|leave) /.test(line))
      .map((line) => line.replace(/, since [^)]*/, ""))
      .sort();
  }

  describe("with --dry-run", () => {
    let busy: Awaited<ReturnType<typeof busyTask>>;
    let stateBefore: object;
    let expected: string[];

    before(async () => {
      busy = await busyTask();
      stateBefore = await dev.stateOf(busy.task);
      const { cleo, others } = busy;
      expected = [
        `cancel ${cleo} (5DLabs-Cleo)`,
        `leave ${others.blaze}: agent 5DLabs-Blaze is not in the cancel list`,
        `leave ${others.rex}: agent 5DLabs-Rex is not in the cancel list`,
        `leave ${others.done}: it has finished (Succeeded)`,
      ].sort();
    });

    it("changes nothing, and shows what would be touched, what would not and why [dry-run-touches-nothing]", async () => {
      const { exitCode, stdout, stderr } = await remediate(busy.task, "--dry-run", "--json");
      equal(exitCode, 0, stderr);
      const said = JSON.parse(stdout);
      equal(said.outcome, "dry-run");
      match(said.run, new RegExp(`^rex-remediation-${busy.task.id}-[a-z0-9]{5}$`));
      const [{ planned, head }] = said.report;
      deepEqual(ofAgents(planned), expected);
      equal(head, busy.task.head);
      equal(planned[0], `task ${busy.task.id}, by hand, head ${busy.task.head.slice(0, 12)}`);
      equal(planned[1], `main workflow ${busy.task.workflow} at stage waiting-ready-for-qa`);
      equal(planned[2], `pull request #${busy.task.pull}, labelled ready`);
      deepEqual(said.steps[0], { step: "plan", exitCode: 0, said: "dry-run: a dry run: nothing is touched" });
      match(stderr, /^ {2}plan: dry-run: a dry run: nothing is touched$/m);
      deepEqual(await dev.stateOf(busy.task), stateBefore);
    });

    it("does the same as argo submit with only the task [remediate-as-argo-submit]", async () => {
      const { stdout } = await promisify(execFile)(
        "argo",
        `submit -n ${dev.platform.cluster.namespace} --from workflowtemplate/rex-remediation --generate-name rex-remediation-${busy.task.id}- -p task=${busy.task.id} -p dry-run=true -o name`.split(
          " ",
        ),
        { timeout: 30_000 },
      );
      const run = await dev.platform.ended(stdout.trim());
      equal(run.metadata.labels?.["rex-remediation/outcome"], "dry-run");
      equal(run.metadata.labels?.["rex-remediation/task"], busy.task.id);
      const report = Object.values(run.status?.nodes ?? {})
        .flatMap(({ outputs }) => outputs?.parameters ?? [])
        .find(({ name }) => name === "report");
      deepEqual(ofAgents(endingsIn(report?.value ?? "")[0]?.planned ?? []), expected);
      deepEqual(await dev.stateOf(busy.task), stateBefore);
    });
  });

  it("restarts QA of the current head, and reports what each step did [remediate-by-hand]", async () => {
    const { task, cleo, others } = await busyTask();
    const { exitCode, stdout } = await remediate(task);
    equal(exitCode, 0, stdout);
    const run = /^run (?<name>\S+) of task/m.exec(stdout)?.groups?.name ?? "";
    for (const line of [
      `run ${run} of task ${task.id}, in namespace agent-platform`,
      "  plan: remediate: something is left from the old head",
      `  stop-qa: cancelled ${cleo}, took ready-for-qa off #${task.pull}`,
      `  restart-qa: resumed ${task.workflow} at stage waiting-pr-created (it was waiting-ready-for-qa)`,
      `  record: remediated: QA begins again on head ${task.head.slice(0, 12)}`,
      "report:",
    ]) {
      equal(stdout.split("\n").filter((said) => said === line).length, 1, `${line}\n${stdout}`);
    }
    match(stdout, /^remediated: QA of the task begins again on the current head\n$(?![\s\S])/m);
    deepEqual(await dev.agents(task), Object.values(others).sort());
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
    const workflow = await dev.platform.cluster.workflow(task.workflow);
    equal(workflow?.metadata.labels?.["current-stage"], "waiting-pr-created");
    equal(workflow?.metadata.annotations?.["rex-remediation/head"], task.head);
    await until("the next gate waits", 30_000, async () => {
      return (await dev.platform.waitingGate(task))?.displayName === "gate-2";
    });
    const made = await dev.platform.cluster.workflow(run);
    equal(made?.metadata.labels?.["rex-remediation/outcome"], "remediated");
  });
});
