import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Extent } from "./measurement.ts";

/** Processor time of all cores together since the machine was started, in seconds. */
export interface CpuTime {
  busy: number;
  total: number;
}

/** @param stat text of /proc/stat; https://man7.org/linux/man-pages/man5/proc_stat.5.html */
export function cpuTime(stat = readFileSync("/proc/stat", "utf8")): CpuTime {
  const [, line] = /^cpu +(.*)$/m.exec(stat) ?? [];
  if (line === undefined) throw new Error("/proc/stat has no line for all cores");
  // A tick is a hundredth of a second. The guest times, which come next in the line, are already included in user and nice.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(" ")
    .map((ticks) => Number(ticks) / 100);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, total: busy + idle + iowait };
}

/** Above this share of processor time the machine counts as busy. The idle node uses less. */
const idleShare = 0.25;
const limit = 60_000;

/**
 * Waits until the machine has been idle for two seconds, but at most a minute. A smoke run does not wait.
 *
 * @returns a failure if the machine was busy all the time
 */
export async function untilIdle({ smoke }: Extent): Promise<string[]> {
  const end = Date.now() + (smoke ? 0 : limit);
  for (let before = cpuTime(); Date.now() < end; ) {
    await sleep(2000);
    const now = cpuTime();
    if ((now.busy - before.busy) / (now.total - before.total) < idleShare) return [];
    before = now;
  }
  return smoke ? [] : [`the machine was still busy after ${limit / 1000} s; the measurement was taken anyway`];
}
