#!/usr/bin/env node
import { setTimeout as sleep } from "node:timers/promises";
import { taskPattern, whole } from "../components/vocabulary/patterns.ts";
import { must, readCall } from "./lib/call.ts";
import { asText, type Finding, findings } from "./lib/findings.ts";
import {
  type ExitCode,
  exitCodes,
  type Installation,
  type InstallationChoice,
  installationHelp,
  installationOptions,
  openInstallation,
  Refusal,
  runTool,
} from "./lib/installation.ts";
import { listRemediations, type Remediation, watchRemediations } from "./lib/remediations.ts";
import { readSettings, type Settings } from "./lib/settings.ts";
import { type TaskBranch, taskOnGithub } from "./lib/taskOnGithub.ts";
import { type Agent, agents, lastSweep, type MainWorkflow, mainWorkflows, podsOfTheRoute } from "./lib/taskState.ts";

const help = `usage: npm run status [-- OPTION...]

Remediations, newest first: when each started, for which task and head, its outcome, its seconds, its trigger (push, sweep, by hand) and
what it did, or why it did nothing. For one task also its main workflow, its agents, and why something happened or nothing did.

Options:
  --task N            only this task, and all about it; GitHub is asked as the App, if you may read its key
  --no-github         do not ask GitHub
  --limit N           how many remediations, from 1 to 9999 (default: 20)
  --follow            go on: a line when a remediation begins, and whenever it gets further; until Ctrl-C
  --json              print one object; with --follow one a line for each remediation
${installationHelp}

Exit codes:
  0  with --task: its last remediation did not fail; without: whatever it says
  1  the task's last remediation failed, or it has none
  2  nothing can be said: the call is wrong, or the cluster cannot be asked`;

interface Options extends InstallationChoice {
  task?: string;
  github: boolean;
  limit: number;
  follow: boolean;
  json: boolean;
}

/** All about one task. */
interface TaskReport {
  task: string;
  mainWorkflows: MainWorkflow[];
  agents: Agent[];
  github: TaskBranch[] | string;
  findings: Finding[];
}

const columns = ["STARTED", "TASK", "SHA", "OUTCOME", "SECONDS", "TRIGGER", "SUMMARY"] as const;
/** At least that, so that the lines that follow stand below one another. */
const widths = [20, 5, 12, 17, 7, 7, 0];

await runTool("status", main);

async function main(args: string[]): Promise<ExitCode> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(help);
    return exitCodes.well;
  }
  const installation = openInstallation(options);
  const settings = await readSettings(installation);
  const { remediations, version } = await listRemediations(installation, options.task);
  const shown = remediations.slice(0, options.limit);
  const report =
    options.task === undefined
      ? undefined
      : await reportOn(options.task, installation, settings, remediations, options);
  const { namespace } = installation.outputs;
  if (options.json && options.follow) {
    for (const one of shown.toReversed()) console.log(JSON.stringify(one));
  } else if (options.json) {
    console.log(JSON.stringify({ namespace, remediations: shown, ...report }));
  } else {
    printTable(shown, remediations.length, options.follow);
    if (report !== undefined) printReport(report);
  }
  if (options.follow) await follow(installation, options, remediations, version);
  const failed = options.task !== undefined && [undefined, "failed"].includes(lastOutcome(remediations));
  return failed && !options.follow ? exitCodes.failed : exitCodes.well;
}

/** Of the last one; that which has not ended counts as no failure. */
function lastOutcome([last]: Remediation[]): string | undefined {
  return last === undefined || last.state === "ended" ? last?.outcome : last.state;
}

/** @returns undefined if help is asked for */
function readOptions(args: string[]): Options | undefined {
  const values = parsed(args);
  if (values.help === true) return undefined;
  const { task, limit = "20", outputs, stack, context, follow = false, json = false } = values;
  if (task !== undefined) {
    must("--task", task, whole(taskPattern), "the number of a task, without leading zeros and letters, as 3");
  }
  must("--limit", limit, "^[1-9][0-9]{0,3}$", "a whole number from 1 to 9999");
  return { task, github: values["no-github"] !== true, limit: Number(limit), follow, json, outputs, stack, context };
}

function parsed(args: string[]) {
  return readCall({
    args,
    options: {
      ...installationOptions,
      task: { type: "string" },
      "no-github": { type: "boolean" },
      limit: { type: "string" },
      follow: { type: "boolean" },
      json: { type: "boolean" },
    },
  }).values;
}

async function reportOn(
  task: string,
  installation: Installation,
  settings: Settings,
  remediations: Remediation[],
  options: Options,
): Promise<TaskReport> {
  const { namespace } = installation.outputs;
  const [main, agentsOfTask, pods, sweep, github] = await Promise.all([
    mainWorkflows(installation, settings, task),
    agents(installation, settings, task),
    podsOfTheRoute(installation),
    lastSweep(installation),
    options.github ? askGithub(task, installation, settings) : "--no-github was given",
  ]);
  return {
    task,
    mainWorkflows: main,
    agents: agentsOfTask,
    github: typeof github === "string" ? github : github.branches,
    findings: findings({ task, namespace, settings, remediations, mainWorkflows: main, pods, sweep, github }),
  };
}

/** Who may look at runs may perhaps not read the App's key: then everything else is said all the same. */
async function askGithub(task: string, installation: Installation, settings: Settings) {
  try {
    return await taskOnGithub(installation, settings, task);
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

// ------------------------------------------------------------------------ words

function cells(one: Remediation): string[] {
  const outcome = one.state === "ended" ? (one.outcome ?? "none") : one.state;
  return [
    `${one.started.replace("T", " ").replace(/\.\d+/, "")}`,
    one.task,
    one.sha ?? "",
    outcome,
    `${one.seconds}`.padStart(7),
    one.trigger,
    one.summary,
  ];
}

function row(texts: readonly string[]): string {
  return texts
    .map((text, index) => text.padEnd(widths[index] ?? 0))
    .join("  ")
    .trimEnd();
}

/** With --follow the newest comes last, because what follows comes below it. */
function printTable(shown: Remediation[], all: number, follow: boolean): void {
  console.log(row(columns));
  for (const one of follow ? shown.toReversed() : shown) console.log(row(cells(one)));
  if (shown.length === 0) console.log("no remediation yet, or none that is still kept");
  if (shown.length < all) console.log(`… and ${all - shown.length} older ones: --limit ${all}`);
}

function printReport({ task, mainWorkflows, agents, findings }: TaskReport): void {
  console.log(`\nmain workflows of task ${task}:${mainWorkflows.length === 0 ? " none" : ""}`);
  for (const { name, phase, stage, gates, ledger } of mainWorkflows) {
    const waits = gates.length === 0 ? "waits at no gate" : `waits at ${gates.join(", ")}`;
    console.log(`  ${name}: ${phase}, stage ${stage ?? "none"}, ${waits}`);
    for (const [key, value] of Object.entries(ledger).sort()) console.log(`    ${key}: ${value}`);
  }
  console.log(`agents of task ${task}:${agents.length === 0 ? " none" : ""}`);
  for (const { name, agent, phase, age, listed } of agents) {
    console.log(
      `  ${name}: ${agent || "unknown"}, ${phase || "no phase"}, ${age} s old${listed ? "" : ", not in the cancel list"}`,
    );
  }
  console.log("what that means:");
  for (const finding of findings) console.log(`  - ${asText(finding)}`);
}

// ----------------------------------------------------------------------- follow

/** What is worth a new line. */
function progress({ state, summary, outcome }: Remediation): string {
  return state === "ended" ? `ended ${outcome} ${summary}` : state;
}

/** Until SIGINT. What is missed while the API server is away is told when it is back. */
async function follow(
  installation: Installation,
  { task, json }: Options,
  known: Remediation[],
  version: string,
): Promise<void> {
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  const told = new Map(known.map((one) => [one.run, progress(one)]));
  const tell = (one: Remediation) => {
    if (told.get(one.run) === progress(one)) return;
    told.set(one.run, progress(one));
    console.log(json ? JSON.stringify(one) : row(cells(one)));
  };
  let from = version;
  let trouble = "";
  while (!interrupted.signal.aborted) {
    try {
      await watchRemediations(installation, from, task, tell, interrupted.signal);
      if (interrupted.signal.aborted) return;
      const { remediations, version } = await listRemediations(installation, task);
      for (const one of remediations.toReversed()) tell(one);
      from = version;
      trouble = "";
    } catch (error) {
      const words = (error as Error).message;
      if (words !== trouble) console.error(`status: ${words}; asking again`);
      trouble = words;
    }
    await sleep(500, undefined, { signal: interrupted.signal }).catch(() => {});
  }
}
