import { deepEqual, equal, match, ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import type { Finding } from "../../../cli/lib/findings.ts";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { runTool } from "../../support/tool.ts";

/**
 * Runs scripts/rex status against the dev stack, with real runs, and with the App's key from the stack's Secret. Each case has its own
 * task. test/cli/doubled/status.spec.ts covers bad calls and rare cases. The real GitHub is not covered.
 */
describe("scripts/rex status, on a cluster", function () {
  this.timeout(240_000);
  const dev = devPlatform();
  const environment = { REX_OUTPUTS: join(process.env.REX_DEV_STACK ?? "", "outputs.json") };

  async function statusOf(task: string) {
    const { exitCode, stdout, stderr } = await runTool("status", ["--task", task, "--json"], environment);
    equal(stderr, "");
    return { exitCode, ...JSON.parse(stdout) };
  }

  it("reports a push that restarted QA: run, head, what was done, gate, and that the head was handled", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const cleo = await dev.platform.startAgent("5DLabs-Cleo", task);
    const { run, push } = await dev.platform.push(task);
    await dev.platform.ended(run);
    await until("the next gate waits", 30_000, async () => {
      return (await dev.platform.waitingGate(task))?.displayName === "gate-2";
    });
    const { exitCode, remediations, mainWorkflows, agents, findings } = await statusOf(task.id);
    equal(exitCode, 0);
    const [{ started, seconds, ...first }, ...more] = remediations;
    deepEqual(more, []);
    ok(Date.now() - Date.parse(started) < 240_000 && seconds > 0 && seconds < 120, `${started}, ${seconds} s`);
    deepEqual(first, {
      run,
      task: task.id,
      repository: task.repository,
      sha: task.head.slice(0, 12),
      push: { before: push.before, after: task.head, pushedAt: push.pushedAt },
      state: "ended",
      outcome: "remediated",
      trigger: "push",
      summary: `cancelled ${cleo.metadata.name}, took ready-for-qa off #${task.pull}; resumed ${task.workflow} at stage waiting-pr-created (it was waiting-ready-for-qa)`,
    });
    equal(mainWorkflows.length, 1);
    const [{ name, stage, gates, ledger }] = mainWorkflows;
    deepEqual(
      [name, stage, gates, ledger.head, ledger.run, ledger.round, ledger.resumed],
      [task.workflow, "waiting-pr-created", ["gate-2"], task.head, run, "1", "true"],
    );
    deepEqual(agents, []);
    const said = findings.map(({ found }: Finding) => found).join("\n");
    match(said, /^remediated: QA of the task begins again on the current head$/m);
    match(
      said,
      new RegExp(
        `^${task.branch} of \\S+ is at ${task.head.slice(0, 12)}, .*: this head has run ${run} \\(remediated\\)$`,
        "m",
      ),
    );
  });

  it("explains why nothing happened if only somebody else has pushed [status-says-who-counts]", async () => {
    const task = await dev.platform.startTask("at-bare-gate");
    const { exitCode, remediations, findings } = await statusOf(task.id);
    deepEqual([exitCode, remediations], [1, []]);
    match(findings[0].found, new RegExp(`^no run: no push of task ${task.id} has arrived`));
    match(
      findings[1].found,
      /pushed by somebody at \S+: this head had no remediation, because only pushes by 5DLabs-Rex\[bot\] count$/,
    );
  });

  it("reports why a run failed, and why a run by hand was held", async () => {
    const task = await dev.platform.startTask("at-bare-gate");
    const twin = await dev.platform.cluster.workflow(task.workflow);
    await dev.platform.cluster.create({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: { name: `${task.workflow}-twin`, labels: { ...labelsOf(twin?.metadata.labels) } },
      spec: twin?.spec ?? {},
    });
    const { run } = await dev.platform.push(task);
    await dev.platform.ended(run);
    const failed = await statusOf(task.id);
    equal(failed.exitCode, 1);
    equal(failed.remediations[0].outcome, "failed");
    match(failed.remediations[0].summary, new RegExp(`^plan: task ${task.id} has more than one main workflow: play-`));

    const held = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa", "remediation-hold"] });
    const tool = await runTool("remediate", ["--task", held.id, "--json", "--yes"], environment);
    const { exitCode, remediations, findings } = await statusOf(held.id);
    equal(exitCode, 0);
    deepEqual(
      [remediations[0].run, remediations[0].trigger, remediations[0].sha, remediations[0].outcome],
      [JSON.parse(tool.stdout).run, "by hand", held.head.slice(0, 12), "held"],
    );
    match(remediations[0].summary, /^label remediation-hold is on pull request #/);
    match(
      findings.map(({ found }: Finding) => found).join("\n"),
      /^a person holds the task with label remediation-hold on pull request #/m,
    );
  });

  it("reports with --follow the beginning and the end of a run, and succeeds after SIGINT", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const tool = resolve(import.meta.dirname, "../../../cli/rex.ts");
    const child = spawn(process.execPath, [tool, "status", "--follow", "--limit", "1"], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 200_000,
    });
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
    });
    await until("the table is printed", 30_000, async () => said.includes("\n"));
    const { run } = await dev.platform.push(task);
    await dev.platform.ended(run);
    const mine = () => said.split("\n").filter((line) => line.includes(`  ${task.id}  `));
    await until("its end is reported", 20_000, async () => mine().some((line) => line.includes("  remediated  ")));
    child.kill("SIGINT");
    equal((await once(child, "close"))[0], 0);
    const outcomes = mine().map((line) => line.split(/ {2,}/)[3]?.trim());
    ok(outcomes.includes("at work"), said);
    equal(outcomes.filter((outcome) => outcome === "remediated").length, 1, said);
  });
});

/** The labels that the platform sets, without Argo's own. */
function labelsOf(labels: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith("workflows.argoproj.io/")));
}
