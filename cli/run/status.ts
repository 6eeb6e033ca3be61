import { setTimeout as sleep } from "node:timers/promises";
import { type ExitCode, exitCodes, Refusal } from "../lib/call.ts";
import { counted } from "../lib/counted.ts";
import { asText, type Finding, findings } from "../lib/findings.ts";
import { type Installation, openInstallation } from "../lib/installation.ts";
import { listRemediations, type Remediation, watchRemediations } from "../lib/remediations.ts";
import { readSettings, type Settings } from "../lib/settings.ts";
import { type TaskBranch, taskOnGithub } from "../lib/taskOnGithub.ts";
import { type Agent, agents, lastSweep, type MainWorkflow, mainWorkflows, podsOfTheRoute } from "../lib/taskState.ts";
import type { StatusCall } from "../status.ts";

/** Everything that is known about one task. */
interface TaskReport {
  task: string;
  mainWorkflows: MainWorkflow[];
  agents: Agent[];
  github: TaskBranch[] | string;
  findings: Finding[];
}

const columns = ["STARTED", "TASK", "SHA", "OUTCOME", "SECONDS", "TRIGGER", "SUMMARY"] as const;
/** Minimum widths, so that lines printed later with --follow stay aligned. */
const widths = [20, 5, 12, 17, 7, 7, 0];

export async function status(call: StatusCall): Promise<ExitCode> {
  const { task, limit, json, follow } = call;
  const installation = openInstallation(call);
  const settings = await readSettings(installation);
  const { remediations, version } = await listRemediations(installation, task);
  const shown = remediations.slice(0, limit);
  const report =
    task === undefined ? undefined : await reportOn(task, installation, settings, remediations, call.github);
  const { namespace } = installation.outputs;
  if (json && follow) {
    for (const one of shown.toReversed()) console.log(JSON.stringify(one));
  } else if (json) {
    console.log(JSON.stringify({ namespace, remediations: shown, ...report }));
  } else {
    printTable(shown, remediations.length, follow);
    if (report !== undefined) printReport(report);
  }
  if (follow) await followChanges(installation, call, remediations, version);
  const failed = task !== undefined && [undefined, "failed"].includes(lastOutcome(remediations));
  return failed && !follow ? exitCodes.failed : exitCodes.well;
}

/** The outcome of the last remediation, or its state if it has not ended. A remediation that has not ended has not failed. */
function lastOutcome([last]: Remediation[]): string | undefined {
  return last === undefined || last.state === "ended" ? last?.outcome : last.state;
}

async function reportOn(
  task: string,
  installation: Installation,
  settings: Settings,
  remediations: Remediation[],
  asksGithub: boolean,
): Promise<TaskReport> {
  const { namespace } = installation.outputs;
  const [main, agentsOfTask, pods, sweep, github] = await Promise.all([
    mainWorkflows(installation, settings, task),
    agents(installation, settings, task),
    podsOfTheRoute(installation),
    lastSweep(installation),
    asksGithub ? askGithub(task, installation, settings) : "--no-github was given",
  ]);
  return {
    task,
    mainWorkflows: main,
    agents: agentsOfTask,
    github: typeof github === "string" ? github : github.branches,
    findings: findings({ task, namespace, settings, remediations, mainWorkflows: main, pods, sweep, github }),
  };
}

/** The caller may lack the right to read the App's key. Then the report leaves GitHub out and says why. */
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

/** With --follow the newest comes last, because new lines follow below. */
function printTable(shown: Remediation[], all: number, follow: boolean): void {
  console.log(row(columns));
  for (const one of follow ? shown.toReversed() : shown) console.log(row(cells(one)));
  if (shown.length === 0) console.log("no remediations yet, or they are no longer kept");
  if (shown.length < all) console.log(`… and ${counted(all - shown.length, "older one")}; to see all: --limit ${all}`);
}

function printReport({ task, mainWorkflows, agents, findings }: TaskReport): void {
  console.log(`\nmain workflows of task ${task}:${mainWorkflows.length === 0 ? " none" : ""}`);
  for (const { name, phase, stage, gates, ledger } of mainWorkflows) {
    const waits = gates.length === 0 ? "does not wait at a gate" : `waits at ${gates.join(", ")}`;
    console.log(`  ${name}: ${phase}, stage ${stage ?? "none"}, ${waits}`);
    for (const [key, value] of Object.entries(ledger).sort()) console.log(`    ${key}: ${value}`);
  }
  console.log(`agents of task ${task}:${agents.length === 0 ? " none" : ""}`);
  for (const { name, agent, phase, age, listed } of agents) {
    console.log(
      `  ${name}: ${agent || "unknown"}, ${phase || "no phase"}, ${age} s old${listed ? "" : ", not in agents.toCancel"}`,
    );
  }
  console.log("what this means:");
  for (const finding of findings) console.log(`  - ${asText(finding)}`);
}

// ----------------------------------------------------------------------- follow

/** The part of a remediation whose change is worth a new line. */
function progress({ state, summary, outcome }: Remediation): string {
  return state === "ended" ? `ended ${outcome} ${summary}` : state;
}

/** Follows remediations until SIGINT. After an outage of the API server it prints the changes that it missed. */
async function followChanges(
  installation: Installation,
  { task, json }: StatusCall,
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
