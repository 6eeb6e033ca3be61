#!/usr/bin/env node
import { PlannedContext, planned } from "./doctor/beforeInstall.ts";
import { type Result, run } from "./doctor/check.ts";
import { checksAfter, checksBefore } from "./doctor/checks.ts";
import { InstalledContext } from "./doctor/context.ts";
import { asText, countsOf, countsText } from "./doctor/report.ts";
import { readCall } from "./lib/call.ts";
import {
  connect,
  type ExitCode,
  exitCodes,
  type InstallationChoice,
  installationHelp,
  installationOptions,
  openInstallation,
  Refusal,
  runTool,
} from "./lib/installation.ts";

const help = `usage: npm run doctor [-- OPTION...]

Looks at everything that a remediation rests on, and says what is wrong and how it is mended: a line for each check,
  pass|warn|fail|skip  WHAT: what was found; fix: the command or the edit
and at the end how many of each. What needs a check that failed is skipped, so that one cause is one failure.
It changes nothing: what has to be refused is tried as a dry run, taking labels off with one that is not there.

Options:
  --before            before installation: tools, configuration, cluster, Argo, event bus, CodeRuns, and your rights to install; --stack
                      then names the stack whose Pulumi.NAME.yaml is read (default: the defaults alone), and there need be no outputs
  --main-workflow X   whether a main workflow keeps the contract of docs/main-workflow.md: the name of a WorkflowTemplate, or a file
  --ping              let GitHub send a ping through the webhook, and look at its answer: it proves that the secrets are the same
  --json              print one object on standard output instead
${installationHelp}

The variable GITHUB_TOKEN may hold a token of yours, for the webhooks that the App may not see.

Exit codes:
  0  nothing failed
  1  something failed
  2  nothing was looked at: the call is wrong, or there are no outputs`;

interface Options extends InstallationChoice {
  before: boolean;
  mainWorkflow: string | undefined;
  ping: boolean;
  json: boolean;
}

await runTool("doctor", main);

async function main(args: string[]): Promise<ExitCode> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(help);
    return exitCodes.well;
  }
  const tell = (results: Result[]) => options.json || console.log(results.map(asText).join("\n"));
  const results = await (options.before ? before(options, tell) : after(options, tell));
  const counts = countsOf(results);
  console.log(options.json ? JSON.stringify({ counts, results }) : countsText(counts));
  return counts.fail === 0 ? exitCodes.well : exitCodes.failed;
}

function before({ mainWorkflow, ...choice }: Options, tell: (results: Result[]) => void): Promise<Result[]> {
  const plan = planned(choice.stack);
  const context = new PlannedContext(connect(choice, plan.context), plan, choice.stack);
  return run(checksBefore(mainWorkflow), context, tell);
}

function after({ mainWorkflow, ping, ...choice }: Options, tell: (results: Result[]) => void): Promise<Result[]> {
  const webhook = { ping, token: process.env.GITHUB_TOKEN || undefined };
  return run(checksAfter(mainWorkflow), new InstalledContext(openInstallation(choice), webhook), tell);
}

/** @returns undefined if help is asked for */
function readOptions(args: string[]): Options | undefined {
  const values = parsed(args);
  if (values.help === true) return undefined;
  const { outputs, stack, context, before = false, ping = false, json = false, "main-workflow": mainWorkflow } = values;
  if (before && outputs !== undefined) {
    throw new Refusal("--before and --outputs: before installation there are no outputs; give one of them");
  }
  if (before && ping) {
    throw new Refusal("--before and --ping: before installation nothing would answer; give one of them");
  }
  return { outputs, stack, context, before, ping, json, mainWorkflow };
}

function parsed(args: string[]) {
  return readCall({
    args,
    options: {
      ...installationOptions,
      before: { type: "boolean" },
      "main-workflow": { type: "string" },
      ping: { type: "boolean" },
      json: { type: "boolean" },
    },
  }).values;
}
