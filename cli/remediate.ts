#!/usr/bin/env node
import { repositoryPattern, taskPattern, whole } from "../components/vocabulary/patterns.ts";
import type { RunByHand } from "../components/vocabulary/run.ts";
import { must, readCall } from "./lib/call.ts";
import { conclusion, follow, hasWorked, printReport } from "./lib/followRun.ts";
import {
  type ExitCode,
  exitCodes,
  type InstallationChoice,
  installationHelp,
  installationOptions,
  openInstallation,
  Refusal,
  runTool,
} from "./lib/installation.ts";
import { startRun } from "./lib/remediationRun.ts";

const help = `usage: npm run remediate -- --task N [OPTION...]

Starts a remediation of a task by hand, for the present head of its branch, as Rex's push would; says what each step did, and ends with
the run's report and outcome. The same without this tool:
  argo submit -n NAMESPACE --from workflowtemplate/rex-remediation --generate-name rex-remediation-N- -p task=N

Options:
  --task N            the task's number
  --repository NAME   owner/name; needed where several repositories are watched
  --dry-run           only plan: say what would be touched, and why the rest would not; touch nothing
  --wait SECONDS      how long to wait for the end (default: 300); the run goes on in any case
  --json              print one object on standard output at the end; what the steps did goes to standard error
${installationHelp}

Exit codes:
  0  the run ended with any outcome but failed; there may have been nothing to do
  1  it failed, or has not ended in time
  2  nothing was started: the call is wrong, or the cluster cannot be asked`;

interface Options extends InstallationChoice, RunByHand {
  waitSeconds: number;
  json: boolean;
}

await runTool("remediate", main);

async function main(args: string[]): Promise<ExitCode> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(help);
    return exitCodes.well;
  }
  const installation = openInstallation(options);
  const name = await startRun(installation, options);
  const say = options.json ? console.error : console.log;
  const { namespace } = installation.outputs;
  say(`run ${name} of task ${options.task}${options.dryRun ? ", a dry run" : ""}, in namespace ${namespace}`);
  const { run, steps } = await follow(installation, name, options.waitSeconds, say);
  const message = conclusion(run, steps, options.waitSeconds, namespace);
  if (options.json) {
    const { outcome, ended, report } = run;
    const said = steps.map(({ step, exitCode, said }) => ({ step, exitCode, said }));
    console.log(
      JSON.stringify({ run: name, namespace, task: options.task, outcome, ended, message, steps: said, report }),
    );
  } else {
    printReport(run.report);
    console.log(message);
  }
  return hasWorked(run) ? exitCodes.well : exitCodes.failed;
}

/** @returns undefined if help is asked for */
function readOptions(args: string[]): Options | undefined {
  const values = parsed(args);
  if (values.help === true || args.length === 0) return undefined;
  const { task, repository, wait = "300", outputs, stack, context } = values;
  if (task === undefined) {
    throw new Refusal("--task is missing; expected the task's number: npm run remediate -- --task 3");
  }
  must("--task", task, whole(taskPattern), "the number of a task, without leading zeros and letters, as 3");
  if (repository !== undefined) {
    must("--repository", repository, whole(repositoryPattern), "owner/name, as acme/shop");
  }
  must("--wait", wait, "^[1-9][0-9]{0,4}$", "whole seconds, from 1 to 99999");
  const [dryRun, json] = [values["dry-run"] ?? false, values.json ?? false];
  return { task, repository, dryRun, waitSeconds: Number(wait), json, outputs, stack, context };
}

function parsed(args: string[]) {
  return readCall({
    args,
    options: {
      ...installationOptions,
      task: { type: "string" },
      repository: { type: "string" },
      "dry-run": { type: "boolean" },
      wait: { type: "string" },
      json: { type: "boolean" },
    },
  }).values;
}
