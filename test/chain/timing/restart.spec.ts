import { ok } from "node:assert/strict";
import { devPlatform } from "../../support/devPlatform.ts";
import type { Position, Task } from "../../support/platform.ts";
import { median, type RestartTimes, restartTimes } from "../../support/times.ts";

const runs = 5;

/**
 * Measures the seconds from the answer to a push until the gate is resumed and until the new CodeRun exists. Pushes come one at a time,
 * so that none waits for another. Argo and Kubernetes round the times down to whole seconds. The figures are valid only for this machine
 * and its present load.
 */
describe("a restart, timed", function () {
  this.timeout(600_000);
  const dev = devPlatform();

  async function measured(position: Position, prepare: (task: Task) => Promise<unknown>): Promise<RestartTimes[]> {
    const tasks = await Promise.all(
      Array.from({ length: runs }, () => dev.platform.startTask(position, { pullLabels: ["ready-for-qa"] })),
    );
    const times: RestartTimes[] = [];
    for (const task of tasks) {
      await prepare(task);
      const { run, pushedAt } = await dev.platform.push(task);
      times.push(await restartTimes(dev.platform, task, run, pushedAt));
      await dev.platform.ended(run);
    }
    return times;
  }

  function printMedians(what: string, times: RestartTimes[]): number {
    const resumed = times.map((time) => time.resumed);
    const restarted = times.map((time) => time.restarted);
    const list = (values: number[]) => values.map((value) => value.toFixed(1)).join(" ");
    console.log(`    ${what}: resumed median ${median(resumed).toFixed(1)} s (${list(resumed)})`);
    console.log(`    ${what}: restarted median ${median(restarted).toFixed(1)} s (${list(restarted)})`);
    return median(resumed);
  }

  it("at a gate is resumed within 8 s (median of 5) [resumed-at-gate-in-time]", async () => {
    const resumed = printMedians("at a gate", await measured("at-ready-for-qa-gate", async () => undefined));
    ok(resumed <= 8, `median ${resumed} s`);
  });

  it("with an agent at work is resumed within 20 s (median of 5) [resumed-with-agent-in-time]", async () => {
    const resumed = printMedians(
      "agents at work",
      await measured("cleo-at-work", (task) => dev.platform.startAgent("5DLabs-Tess", task)),
    );
    ok(resumed <= 20, `median ${resumed} s`);
  });
});
