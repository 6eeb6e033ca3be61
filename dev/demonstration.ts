#!/usr/bin/env node
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { openDevPlatform } from "../test/support/devStack.ts";
import type { Platform, Task } from "../test/support/platform.ts";
import { type RestartTimes, restartTimes } from "../test/support/times.ts";

const help = `usage: dev/demonstration.ts

Demonstrates two remediations on the embedded node with the dev stack: one of a task whose agents are at work, and one of a task that
waits at a gate. A third task must not change. Prints a table of what was expected and seen. The exit code is 0 only if everything is as
expected. scripts/up runs it.`;

/** A line of the table: an object, what was expected of it, and what was seen. */
interface Finding {
  what: string;
  expected: string;
  seen: string;
}

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
if (values.help) {
  console.log(help);
} else {
  process.exitCode = (await demonstrate(await openDevPlatform())) ? 0 : 1;
}

async function demonstrate(platform: Platform): Promise<boolean> {
  const ready = { pullLabels: ["ready-for-qa"] };
  say("starting three main workflows: one with agents at work, one that waits at its gate, and a neighbour");
  const [busy, waiting, neighbour] = await Promise.all([
    platform.startTask("cleo-at-work", ready),
    platform.startTask("at-ready-for-qa-gate", ready),
    platform.startTask("cleo-at-work", ready),
  ]);
  say(`task ${busy.id}: starting Tess and Rex beside Cleo`);
  await Promise.all([platform.startAgent("5DLabs-Tess", busy), platform.startAgent("5DLabs-Rex", busy)]);

  const before = { busy: await names(platform, busy), neighbour: await names(platform, neighbour) };
  const busyTimes = await remediate(platform, busy);
  const waitingTimes = await remediate(platform, waiting);

  const findings = await look(platform, busy, neighbour, before);
  findings.push(...(await lookAtTask(platform, waiting, "the task at its gate")));
  printTable(findings);
  printTimes({ "agents at work": busyTimes, "at a gate": waitingTimes });
  return findings.every(({ expected, seen }) => expected === seen);
}

async function names(platform: Platform, task: Task): Promise<string[]> {
  return (await platform.agents(task.id)).map(({ metadata }) => metadata.name).sort();
}

async function remediate(platform: Platform, task: Task): Promise<RestartTimes> {
  const { run, push, pushedAt } = await platform.push(task);
  say(`task ${task.id}: Rex pushed ${push.after?.slice(0, 12)}, the EventSource answered 200; the run is ${run}`);
  const logs = followLogs(run);
  const outcome = await platform.outcome(run);
  const times = await restartTimes(platform, task, run, pushedAt);
  logs.stop();
  say(
    `task ${task.id}: ${outcome}; resumed after ${times.resumed.toFixed(1)} s, restarted after ${times.restarted.toFixed(1)} s`,
  );
  return times;
}

/** Shows the steps' logs as they are written. */
function followLogs(run: string): { stop(): void } {
  const shell = spawn(
    "bash",
    [
      "-c",
      `for ((i = 0; i < 40; i++)); do
         kubectl wait pod -l "workflows.argoproj.io/workflow=$1" --for=condition=Ready --timeout=20s >/dev/null 2>&1 && break
         sleep 0.3
       done
       exec kubectl logs --follow --all-containers --max-log-requests 10 --ignore-errors -l "workflows.argoproj.io/workflow=$1"`,
      "bash",
      run,
    ],
    { stdio: ["ignore", "pipe", "ignore"], timeout: 180_000, detached: true },
  );
  createInterface({ input: shell.stdout }).on("line", (line) => {
    if (/^\d\d:\d\d:\d\d /.test(line)) console.error(`         ${line}`);
  });
  return {
    stop() {
      // The signal goes to the whole process group, because kubectl may be a child of the shell or may have replaced it.
      if (shell.pid !== undefined && shell.exitCode === null) process.kill(-shell.pid, "SIGTERM");
    },
  };
}

async function look(
  platform: Platform,
  busy: Task,
  neighbour: Task,
  before: { busy: string[]; neighbour: string[] },
): Promise<Finding[]> {
  const after = await names(platform, busy);
  const stays = (agent: string) => agent.startsWith("rex-");
  return [
    ...before.busy.map((agent) => ({
      what: `${agent} (${stays(agent) ? "the pusher's" : "stale QA"})`,
      expected: stays(agent) ? "left alone" : "cancelled",
      seen: after.includes(agent) ? "left alone" : "cancelled",
    })),
    {
      what: `the neighbour task's agents (${before.neighbour.join(", ")})`,
      expected: "left alone",
      seen: same(before.neighbour, await names(platform, neighbour)) ? "left alone" : "changed",
    },
    {
      what: "the neighbour's label ready-for-qa",
      expected: "on",
      seen: (await labels(platform, neighbour)).includes("ready-for-qa") ? "on" : "off",
    },
    ...(await lookAtTask(platform, busy, "the task with agents at work")),
  ];
}

async function lookAtTask(platform: Platform, task: Task, name: string): Promise<Finding[]> {
  const workflow = await platform.cluster.workflow(task.workflow);
  const fresh = (await platform.agents(task.id)).filter(
    ({ metadata, status }) => metadata.labels?.["github-app"] === "5DLabs-Cleo" && status?.phase !== "Succeeded",
  );
  return [
    {
      what: `${name}: label ready-for-qa on pull request #${task.pull}`,
      expected: "off",
      seen: (await labels(platform, task)).includes("ready-for-qa") ? "on" : "off",
    },
    {
      what: `${name}: stage of ${task.workflow}`,
      expected: "waiting-pr-created",
      seen: workflow?.metadata.labels?.["current-stage"] ?? "none",
    },
    {
      what: `${name}: QA restarted (${fresh.map(({ metadata }) => metadata.name).join(", ")})`,
      expected: "1 new Cleo",
      seen: `${fresh.length} new Cleo`,
    },
    {
      what: `${name}: head in the ledger`,
      expected: task.head.slice(0, 12),
      seen: workflow?.metadata.annotations?.["rex-remediation/head"]?.slice(0, 12) ?? "none",
    },
  ];
}

async function labels(platform: Platform, task: Task): Promise<string[]> {
  const { pulls } = await platform.github.repository(task.repository);
  return pulls.find(({ number }) => number === task.pull)?.labels ?? [];
}

function same(one: string[], other: string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function printTable(findings: Finding[]): void {
  const rows = findings.map(({ what, expected, seen }) => [expected === seen ? "ok" : "WRONG", what, expected, seen]);
  const table = [["", "what", "expected", "seen"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  console.log();
  for (const row of table) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  }
}

function printTimes(times: Record<string, RestartTimes>): void {
  console.log("\nseconds after the push was answered:");
  for (const [name, { resumed, restarted }] of Object.entries(times)) {
    console.log(
      `  ${name.padEnd(16)} resumed ${resumed.toFixed(1).padStart(5)}  restarted ${restarted.toFixed(1).padStart(5)}`,
    );
  }
}

function say(text: string): void {
  const seconds = Math.round(Date.now() / 1000) - Number(process.env.REX_STARTED ?? Math.round(Date.now() / 1000));
  console.error(`[${String(seconds).padStart(4)}s] ${text}`);
}
