import { until } from "./cluster.ts";
import type { Platform, Task } from "./platform.ts";

/** The calls that the step stop-qa makes to GitHub, in order. */
const methods = { "takes the label off": "DELETE", "looks for the label": "GET" } as const;

/**
 * Pushes while GitHub does not answer this call of the step stop-qa. The run hangs there until the faults are cleared or the step's
 * deadline passes. At that point the ledger is written and the agents are being deleted. At `looks for the label`, the agents are gone and
 * the label is removed. In both cases the main workflow is still unchanged apart from the ledger.
 */
export async function pushAndHold(
  platform: Platform,
  task: Task,
  where: keyof typeof methods,
): ReturnType<Platform["push"]> {
  const pathPattern = `/issues/${task.pull}/labels`;
  await platform.github.addFault({ method: methods[where], pathPattern, action: "hang", times: null });
  const pushed = await platform.push(task);
  await until(`run ${pushed.run} ${where}`, 60_000, async () => {
    const begun = (await ledgerOf(platform, task)).resumed === "false";
    return begun && (where === "takes the label off" || (await readyLabelIsOff(platform, task)));
  });
  return pushed;
}

/** Whether the task's pull request exists without the label. */
export async function readyLabelIsOff({ github }: Platform, { repository, pull }: Task): Promise<boolean> {
  return (await github.labels(repository, pull))?.includes("ready-for-qa") === false;
}

/** The program's annotations on the task's main workflow, without their prefix. */
export async function ledgerOf(platform: Platform, { workflow }: Task): Promise<Record<string, string>> {
  const prefix = "rex-remediation/";
  const { metadata } = (await platform.cluster.workflow(workflow)) ?? {};
  const own = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
}
