import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** The step's name is the last argument of its bash; components/remediationWorkflow.ts sets it. */
export function isStep(pid: number, step: string): boolean {
  const argv = argumentsOf(pid);
  return basename(argv[0] ?? "") === "bash" && argv.at(-1) === step;
}

/** Sends a signal; returns whether the process still existed. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

export function isStopped(pid: number): boolean {
  return /^State:\tT/m.test(read(`/proc/${pid}/status`));
}

export function argumentsOf(pid: number): string[] {
  return read(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
}

export function children(pid: number): number[] {
  let threads: string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process has ended.
  }
  return threads.flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`)
      .split(" ")
      .filter((child) => child !== "")
      .map(Number),
  );
}

/** The content of a process's file; empty if the process has ended. */
export function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
