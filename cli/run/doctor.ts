import { styleText } from "node:util";
import { PlannedContext, planned } from "../doctor/beforeInstall.ts";
import { type Result, run } from "../doctor/check.ts";
import { checksAfter, checksBefore } from "../doctor/checks.ts";
import { InstalledContext } from "../doctor/context.ts";
import { asText, countsOf, countsText } from "../doctor/report.ts";
import type { DoctorCall } from "../doctor.ts";
import { type ExitCode, exitCodes } from "../lib/call.ts";
import { connect, openInstallation } from "../lib/installation.ts";
import { openTerminal } from "../lib/terminal.ts";

export async function doctor(call: DoctorCall): Promise<ExitCode> {
  const terminal = openTerminal(call.json);
  const tell = (results: Result[]) => {
    if (!call.json) for (const result of results) terminal.say(coloured(result));
  };
  terminal.waitFor("checking");
  const results = await (call.before ? before(call, tell) : after(call, tell));
  terminal.waitFor(undefined);
  const counts = countsOf(results);
  console.log(call.json ? JSON.stringify({ counts, results }) : countsText(counts));
  return counts.fail === 0 ? exitCodes.well : exitCodes.failed;
}

function before({ mainWorkflow, ...choice }: DoctorCall, tell: (results: Result[]) => void): Promise<Result[]> {
  const plan = planned(choice.stack);
  const context = new PlannedContext(connect(choice, plan.context), plan, choice.stack);
  return run(checksBefore(mainWorkflow), context, tell);
}

function after({ mainWorkflow, ping, ...choice }: DoctorCall, tell: (results: Result[]) => void): Promise<Result[]> {
  const webhook = { ping, token: process.env.GITHUB_TOKEN || undefined };
  return run(checksAfter(mainWorkflow), new InstalledContext(openInstallation(choice), webhook), tell);
}

const colours = { pass: "green", warn: "yellow", fail: "red", skip: "dim" } as const;

/** The result as a line; on a terminal, its verdict is coloured. */
function coloured(result: Result): string {
  const text = asText(result);
  const { length } = result.verdict;
  return styleText(colours[result.verdict], text.slice(0, length), { stream: process.stdout }) + text.slice(length);
}
