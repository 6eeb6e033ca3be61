import { equal } from "node:assert/strict";
import type { StepBench } from "../support/step.ts";
import { workflowNode } from "../support/workflows.ts";
import { push, runNameOf } from "./scenario.ts";

/** The label of objects that belong to acme/shop. */
export const ours = { repository: "acme-shop" };

/** A gate that is waiting. */
export const gate = workflowNode("gate", "Suspend", "Running");

let nextTask = 100;

/** Gives each test its own task, so that no test sees the objects of another. */
export function newTask(): { task: string; pull: number } {
  nextTask += 1;
  return { task: String(nextTask), pull: nextTask };
}

/** The task number that the next {@link newTask} returns. */
export function upcomingTask(): string {
  return String(nextTask + 1);
}

/** Runs plan, which must not fail, and returns its decision. */
export async function outcomeOf(bench: StepBench): Promise<{ outcome: string; reason: string }> {
  const result = await bench.run("plan");
  equal(result.exitCode, 0, result.log);
  const { outcome, reason } = await bench.plan();
  return { outcome, reason };
}

/** The ledger of this task's run, as it is stored on the main workflow. */
export function ledger(task: string, resumed: string, more: Record<string, string> = {}): Record<string, string> {
  const entry = {
    head: push.after,
    heads: more.head ?? push.after,
    pushed: push.after,
    "pushed-at": String(push.pushedAt),
    run: runNameOf(task),
    resumed,
    ...more,
  };
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [`rex-remediation/${key}`, value]));
}
