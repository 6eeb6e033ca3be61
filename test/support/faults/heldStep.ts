import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { sharedDirectory } from "../../../components/stepContainer.ts";
import { type Cluster, until } from "../cluster.ts";
import { argumentsOf, children, isStep, isStopped, read, signal } from "./processes.ts";

/** A step's process on the node, stopped right after it started. */
export interface HeldStep {
  /** Name of its pod. */
  pod: string;
  /** Whether it had already called the API server or GitHub when it was stopped. */
  isLate: boolean;
  /** Kills only the step's bash. */
  killStep(): void;
  /** Kills the first process of its container, which ends the container. */
  killContainer(): void;
  /** Lets it continue, if it still exists. */
  release(): void;
  /**
   * Lets it continue, and stops it again when it has a child with such arguments.
   *
   * @returns false if it ended and no such child was seen
   */
  holdAtChild(wanted: (argv: string[]) => boolean): Promise<boolean>;
}

/** The step ended, or read what the fault changes, before it could be stopped. The fault had no effect, so the case proves nothing. */
export class StepMissed extends Error {}

/**
 * Waits until a step of this run begins, and stops its bash. So whatever the test does before `release` happens during that step. The test
 * must run as root and see the node's processes.
 *
 * @throws StepMissed if the run ended before the step was stopped
 * @throws Error if the step does not begin within `limit` milliseconds
 */
export async function holdStep(cluster: Cluster, run: string, step: string, limit = 240_000): Promise<HeldStep> {
  raisePriority();
  const end = Date.now() + limit;
  while (Date.now() < end) {
    const { pod, emissary } = await until(
      `the container of step ${step} of ${run} runs`,
      end - Date.now(),
      async () => {
        if (await hasEnded(cluster, run)) return "ended";
        return findEmissary(await podsOf(cluster, run), step);
      },
    ).then(begun);
    const bash = await stopBash(emissary, step, end);
    if (bash === undefined) continue; // The container has ended. Another pod may follow.
    // The signal takes effect only when the process is next scheduled.
    await until(`step ${step} of ${run} is stopped`, 10_000, async () => isStopped(bash));
    return { ...held(pod, emissary, bash, step), isLate: hasCalled(bash, step) };
  }
  throw new Error(`not seen within ${limit / 1000} s: step ${step} of ${run} begins`);

  function begun<T>(found: T | "ended"): T {
    if (found === "ended") throw new StepMissed(`run ${run} ended before step ${step} was seen`);
    return found;
  }
}

/**
 * Stops the step's bash as soon as it appears; undefined if the container ended before that. A separate thread watches for the bash,
 * because the event loop of a busy test is too slow: a step does half of its work in a tenth of a second.
 */
async function stopBash(emissary: number, step: string, end: number): Promise<number | undefined> {
  const watcher = new Worker(new URL("./stopBash.ts", import.meta.url), { workerData: { emissary, step, end } });
  const [bash] = (await once(watcher, "message")) as [number | undefined];
  return bash;
}

/** Whether a step has called the API server or GitHub. Before each call, it creates an empty file for the answer. */
function hasCalled(bash: number, step: string): boolean {
  return existsSync(`/proc/${bash}/root${sharedDirectory}/scratch/${step}/answer`);
}

/** Raises this process's priority. A step takes half a second. On a busy machine this process might get no processor time for so long. */
function raisePriority(): void {
  if (getPriority() > -10) setPriority(-10);
}

async function hasEnded(cluster: Cluster, run: string): Promise<boolean> {
  return ["Succeeded", "Failed", "Error"].includes((await cluster.workflow(run))?.status?.phase ?? "");
}

function held(pod: string, emissary: number, bash: number, step: string): Omit<HeldStep, "isLate"> {
  return {
    pod,
    killStep: () => void signal(bash, "SIGKILL"),
    killContainer: () => void signal(emissary, "SIGKILL"),
    release: () => void signal(bash, "SIGCONT"),
    holdAtChild: (wanted) => holdAtChild(bash, step, wanted),
  };
}

async function holdAtChild(bash: number, step: string, wanted: (argv: string[]) => boolean): Promise<boolean> {
  const itsChild = () => children(bash).find((pid) => wanted(argumentsOf(pid)));
  // The step may already have been held at such a child. That child does not count again.
  const before = itsChild();
  signal(bash, "SIGCONT");
  while (isStep(bash, step)) {
    const child = itsChild();
    if (child !== undefined && child !== before && signal(bash, "SIGSTOP")) return true;
    await sleep(2);
  }
  return false;
}

interface Pod {
  name: string;
  uid: string;
}

async function podsOf(cluster: Cluster, run: string): Promise<Pod[]> {
  const { items } = await cluster.core.listNamespacedPod({
    namespace: cluster.namespace,
    labelSelector: `workflows.argoproj.io/workflow=${run}`,
  });
  return items.map(({ metadata }) => ({ name: metadata?.name ?? "", uid: metadata?.uid ?? "" }));
}

/** Argo's process that starts the step's bash when it is the step's turn. It is the first process of the step's container. */
function findEmissary(pods: Pod[], step: string): { pod: string; emissary: number } | undefined {
  if (pods.length === 0) return undefined;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const argv = argumentsOf(Number(pid));
    if (argv[1] !== "emissary" || argv.at(-1) !== step) continue;
    const cgroup = read(`/proc/${pid}/cgroup`);
    const pod = pods.find(({ uid }) => cgroup.includes(uid));
    if (pod !== undefined) return { pod: pod.name, emissary: Number(pid) };
  }
  return undefined;
}
