import { equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { devPlatform } from "../../support/devPlatform.ts";
import { documentedCommands } from "../../support/documents.ts";
import type { Task } from "../../support/platform.ts";

/** The commands with which docs/ let a person look around, as they stand there, on a run that remediated a task. */
describe("what docs/ say to look with", function () {
  this.timeout(240_000);
  const dev = devPlatform();
  let task: Task;
  let run: string;

  before(async () => {
    task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    ({ run } = await dev.platform.push(task));
    equal(await dev.platform.outcome(run), "remediated");
    await dev.platform.ended(run);
  });

  /** What the document's command says that begins so, with the run's and the main workflow's name put in. */
  async function said(file: string, beginning: string): Promise<string> {
    const { command } = documentedCommands().find((one) => one.file === file && one.command.startsWith(beginning)) ?? {
      command: `false # ${file} has no ${beginning}`,
    };
    const filled = command.replace(/\bRUN\b/, run).replace(/\bMAIN\b/, task.workflow);
    return (await promisify(execFile)("bash", ["-c", filled], { timeout: 60_000 })).stdout;
  }

  it("lists the runs with task and outcome [lists-the-runs]", async () => {
    const row = new RegExp(`^${run} .* ${task.id} +remediated *$`, "m");
    match(await said("docs/operate.md", "kubectl get workflows"), row);
    match(await said("docs/troubleshooting.md", "kubectl -n agent-platform get workflows -L"), row);
  });

  it("shows a run, and what stands on the main workflow [shows-a-run]", async () => {
    const file = "docs/troubleshooting.md";
    match(await said(file, "argo -n agent-platform get RUN"), /^Status: +Succeeded$/m);
    match(
      await said(file, "argo -n agent-platform logs RUN"),
      / restart-qa: resumed play-task-\d+ at stage waiting-pr-created/,
    );
    equal(await said(file, "kubectl -n agent-platform get workflow MAIN"), `QA restarted by ${run}`);
  });
});
