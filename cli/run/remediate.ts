import { type ExitCode, exitCodes } from "../lib/call.ts";
import { conclusion, follow, hasWorked, printReport } from "../lib/followRun.ts";
import { openInstallation } from "../lib/installation.ts";
import { startRun } from "../lib/remediationRun.ts";
import { confirm, openTerminal } from "../lib/terminal.ts";
import type { RemediateCall } from "../remediate.ts";

export async function remediate(call: RemediateCall): Promise<ExitCode> {
  const { task, repository, dryRun, yes, json } = call;
  const installation = openInstallation(call);
  const { namespace } = installation.outputs;
  const terminal = openTerminal(json);
  if (!dryRun) {
    const of = repository === undefined ? "" : ` of ${repository}`;
    const where = `in namespace ${namespace} on ${installation.cluster.getCurrentCluster()?.server}`;
    terminal.say(
      `remediation of task ${task}${of}, ${where}: this cancels the task's QA agents, removes the ready label, and resets and resumes the main workflow, for the current head of the branch; --dry-run shows the details`,
    );
    if (!yes) await confirm("Start it?");
  }
  const name = await startRun(installation, { task, repository, dryRun });
  terminal.say(`run ${name} of task ${task}${dryRun ? ", a dry run" : ""}, in namespace ${namespace}`);
  terminal.waitFor("waiting for its end");
  const { run, steps } = await follow(installation, name, call.waitSeconds, terminal.say);
  terminal.waitFor(undefined);
  const message = conclusion(run, steps, call.waitSeconds, namespace);
  if (json) {
    const { outcome, ended, report } = run;
    const said = steps.map(({ step, exitCode, said }) => ({ step, exitCode, said }));
    console.log(JSON.stringify({ run: name, namespace, task, outcome, ended, message, steps: said, report }));
  } else {
    printReport(run.report);
    console.log(message);
  }
  return hasWorked(run) ? exitCodes.well : exitCodes.failed;
}
