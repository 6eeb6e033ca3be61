import { until } from "./cluster.ts";
import type { Platform, Task } from "./platform.ts";

/** What the step that shall stand asks of GitHub. */
const lastRequests = { "remove-label": "DELETE", "reset-stage": "GET" } as const;

/**
 * Pushes, and lets GitHub not answer one step of the run: there it stands until the faults are cleared or the step's deadline is over. In
 * remove-label it has written the ledger; in reset-stage it has cancelled the agents, taken the label off and set the stage back, too.
 */
export async function pushAndHold(
  platform: Platform,
  task: Task,
  step: keyof typeof lastRequests,
): ReturnType<Platform["push"]> {
  const pathPattern = `/issues/${task.pull}/labels`;
  await platform.github.addFault({ method: lastRequests[step], pathPattern, action: "hang", times: null });
  const pushed = await platform.push(task);
  await until(`run ${pushed.run} stands in ${step}`, 60_000, async () => {
    const begun = (await ledgerOf(platform, task)).resumed === "false";
    const { metadata } = (await platform.cluster.workflow(task.workflow)) ?? {};
    return begun && (step === "remove-label" || metadata?.labels?.["current-stage"] === "waiting-pr-created");
  });
  return pushed;
}

/** The annotations of this program on the task's main workflow, without their prefix. */
export async function ledgerOf(platform: Platform, { workflow }: Task): Promise<Record<string, string>> {
  const prefix = "rex-remediation/";
  const { metadata } = (await platform.cluster.workflow(workflow)) ?? {};
  const own = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
}
