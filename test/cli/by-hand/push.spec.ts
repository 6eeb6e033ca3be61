import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { readDevStack } from "../../support/devStack.ts";
import { say } from "../../support/figures.ts";
import type { Task } from "../../support/platform.ts";
import { runTool, type ToolResult } from "../../support/tool.ts";

/**
 * Runs scripts/rex push against the dev stack. Its webhook can be reached only inside the cluster, so the push goes through a port
 * forwarded by the API server. test/cli/doubled/push.spec.ts covers bad calls and other answers. The real GitHub is not covered.
 */
describe("scripts/rex push, on a cluster", function () {
  this.timeout(240_000);
  const dev = devPlatform();

  function push(task: Task, ...more: string[]): Promise<ToolResult> {
    const outputs = join(process.env.REX_DEV_STACK ?? "", "outputs.json");
    return runTool("push", ["--task", task.id, "--wait", "200", "--yes", ...more], { REX_OUTPUTS: outputs });
  }

  it("restarts QA once, as Rex's push would, and reports what the run did", async () => {
    const { webhookUrl, namespace } = readDevStack().outputs;
    ok(new URL(webhookUrl).hostname.endsWith(".svc"), webhookUrl);
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const moved = await dev.platform.moveBranch(task);

    const began = Date.now();
    const { exitCode, stdout } = await push(task);
    say(`scripts/rex push: ${((Date.now() - began) / 1000).toFixed(1)} s from the call to the run's end`);
    equal(exitCode, 0, stdout);
    const [, run = ""] = /^run (\S+), in namespace /m.exec(stdout) ?? [];
    match(run, new RegExp(`^rex-remediation-${task.id}-${moved.after.slice(0, 7)}-[0-9a-f]{12}$`));
    const [short, head] = [moved.before.slice(0, 12), moved.after.slice(0, 12)];
    for (const line of [
      `push of 5dlabs-rex[bot] to ${task.branch} of ${task.repository}, ${short} -> ${head}, to ${webhookUrl}`,
      "answered 200",
      `run ${run}, in namespace ${namespace}`,
      "  plan: remediate: something is left from the old head",
      `  stop-qa: no agent was at work, took ready-for-qa off #${task.pull}`,
      `  record: remediated: QA begins again on head ${head}`,
    ]) {
      equal(stdout.split("\n").filter((said) => said === line).length, 1, `${line}\n${stdout}`);
    }
    match(stdout, /^remediated: QA of the task begins again on the current head\n$(?![\s\S])/m);
    deepEqual(await dev.labels(task), [`task-${task.id}`]);

    await until("the next gate waits", 30_000, async () => {
      return (await dev.platform.waitingGate(task))?.displayName === "gate-2";
    });
    const state = await dev.stateOf(task);
    const again = await push(task, "--json");
    equal(again.exitCode, 0, again.stderr);
    const { answer, run: known, outcome, message } = JSON.parse(again.stdout);
    deepEqual([answer, known, outcome], [200, run, "remediated"]);
    match(message, /^this push already has a run and does not get another one; remediated: /);
    deepEqual(await dev.stateOf(task), state);
    deepEqual(
      (await dev.platform.cluster.workflows(`rex-remediation/task=${task.id}`)).map(({ metadata }) => metadata.name),
      [run],
    );
  });
});
