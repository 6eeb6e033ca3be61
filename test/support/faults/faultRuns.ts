import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "../cluster.ts";
import { readyLabelIsOff } from "../heldRun.ts";
import type { Platform } from "../platform.ts";
import type { Workflow } from "../workflows.ts";
import { apiServer } from "./apiServerUse.ts";
import { detectionIsReady, pushDuringFault } from "./detectionFaults.ts";
import { type FinalState, finalState } from "./finalState.ts";
import { holdStep, StepMissed } from "./heldStep.ts";
import { type FaultKind, kindsBeforeReading, steps } from "./kinds.ts";
import type { FaultCase, Words } from "./matrix.ts";
import { requestOf } from "./ownGitHub.ts";
import type { SharedFault } from "./schedule.ts";
import { type PushedRun, startRun } from "./sensorRun.ts";
import { Setup } from "./setup.ts";
import { nodeStrikes, strikes } from "./strikes.ts";

/** How long a run may take until it has an outcome, in milliseconds: three pods, each up to its steps' deadlines. */
const outcomeLimit = 480_000;

/** Runs cases, and compares their ends with that of one clean run. */
export class FaultRuns {
  readonly #dev: Platform;
  readonly #clean: Promise<FinalState>;

  constructor(dev: Platform) {
    this.#dev = dev;
    this.#clean = this.#cleanRun();
    // Avoids an unhandled rejection here. Each case that needs the clean run fails with its error.
    this.#clean.catch(() => undefined);
  }

  /** Waits until the clean run has ended, well or not. A fault of the whole node must not strike it. */
  async cleanRunHasEnded(): Promise<void> {
    await this.#clean.catch(() => undefined);
  }

  /**
   * Runs cases that strike the same run and have the same ending.
   *
   * @param sharedFault set if the fault strikes the whole node, and so also other runs
   * @returns seconds from the push to the expected ending
   * @throws Error for any other ending
   */
  async run(cases: FaultCase[], sharedFault?: SharedFault): Promise<number> {
    for (let again = 2; ; again--) {
      try {
        return await this.#runOnce(cases, sharedFault);
      } catch (error) {
        // A fault of the whole node strikes only once, so such a case cannot be repeated.
        const missed = (error as Error).cause instanceof StepMissed && sharedFault === undefined;
        if (!missed || again === 0) throw error;
        console.log(`    ${cases.map(({ id }) => id).join(", ")}: trying again, because ${(error as Error).message}`);
      }
    }
  }

  async #runOnce(cases: FaultCase[], sharedFault?: SharedFault): Promise<number> {
    let pushed: PushedRun | undefined;
    const setup = await apiServer
      .whileUp(() => Setup.prepare(this.#dev, cases))
      .catch((error) => {
        sharedFault?.leave();
        throw error;
      });
    try {
      pushed = await push(cases, setup);
      await Promise.all([strikeInSteps(cases, setup, pushed, sharedFault), putLabelBack(cases, setup)]);
      const [one] = cases;
      return one?.ending === "final"
        ? await this.#endsFailed(one, setup, pushed)
        : await this.#endsClean(setup, pushed);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await traceOf(setup, pushed)}`, { cause: error });
    } finally {
      await apiServer.whileUp(() => setup.close());
    }
  }

  async #cleanRun(): Promise<FinalState> {
    const setup = await apiServer.whileUp(() => Setup.prepare(this.#dev, []));
    try {
      const pushed = await push([], setup);
      equal(await setup.platform.outcome(pushed.run, outcomeLimit), "remediated");
      await setup.platform.ended(pushed.run);
      return await until("the state of the clean run", 30_000, () => finalState(setup.platform, setup.task, pushed));
    } finally {
      await apiServer.whileUp(() => setup.close());
    }
  }

  /** Expects the run to end like the clean run, without a person's help. */
  async #endsClean(setup: Setup, pushed: PushedRun): Promise<number> {
    equal(await setup.platform.outcome(pushed.run, outcomeLimit), "remediated");
    const seconds = secondsSince(pushed.pushedAt);
    await this.#isClean(setup, pushed);
    const left = (await setup.github?.client.faults()) ?? [];
    ok(left.length === 0, `GitHub faults that did not strike: ${JSON.stringify(left)}`);
    return seconds;
  }

  /** Expects the run to fail with a message. Then removes the fault, and expects the command in the message to finish the run. */
  async #endsFailed(one: FaultCase, setup: Setup, pushed: PushedRun): Promise<number> {
    const { platform } = setup;
    equal(await platform.outcome(pushed.run, outcomeLimit), "failed");
    const message = await until("a failure message on the main workflow or the run", 30_000, () =>
      failureMessage(one, setup, pushed),
    );
    const seconds = secondsSince(pushed.pushedAt);
    equal((await platform.ended(pushed.run)).status?.phase, "Failed");
    checkMessage(message, one, setup);
    if (one.fault === "main-workflow-ended") return seconds;
    const [command = "", ...words] = commandOf(message).split(" ");
    equal(words.at(-1), pushed.run);
    await apiServer.whileUp(async () => {
      await setup.removeFaults();
      await promisify(execFile)(command, words, { timeout: 30_000 });
    });
    await until("the continued run is remediated", 180_000, async () => {
      const run = await platform.cluster.workflow(pushed.run);
      return run?.metadata.labels?.["rex-remediation/outcome"] === "remediated";
    });
    await this.#isClean(setup, pushed);
    return seconds;
  }

  async #isClean({ platform, task, cleo }: Setup, pushed: PushedRun): Promise<void> {
    const clean = await this.#clean;
    const expected = cleo === undefined ? { ...clean, agents: [] } : clean;
    // Argo can take 20 s to end a Workflow and to reach the next gate.
    let state: FinalState | undefined;
    await until("the state of a clean end", 90_000, async () => {
      state = await finalState(platform, task, pushed);
      return JSON.stringify(state) === JSON.stringify(expected);
    }).catch(() => undefined);
    deepEqual(state, expected);
    const runs = await until("runs are listed", 30_000, () =>
      platform.cluster.workflows(`rex-remediation/task=${task.id}`),
    );
    equal(runs.length, 1);
  }
}

/** The answers that a delivery may get under a fault. Under a fault without an entry, no delivery may be refused. */
const refusalsOf: Partial<Record<FaultKind, RegExp>> = {
  "event-source-killed": /^connect ECONNREFUSED|^(connect|read|write) ECONNRESET|^write EPIPE|^socket hang up/,
  "nats-stopped": /^500$/,
};

async function push(cases: FaultCase[], { platform, task, template }: Setup): Promise<PushedRun> {
  if (cases[0]?.step !== "detection") return apiServer.whileUp(() => startRun(platform, task, template));
  const pushed = await pushDuringFault(cases, platform, task);
  await detectionIsReady(platform.cluster);
  console.log(`    ${cases.map(({ id }) => id).join(", ")}: answered ${summary(pushed.answers)}`);
  // GitHub has to see each refusal, so that somebody can ask it to redeliver.
  const refusals = pushed.answers.slice(0, -1);
  const expected = cases.flatMap(({ fault }) => refusalsOf[fault] ?? []);
  // An EventSource that is shutting down may still accept a delivery. So only a stopped NATS is sure to cause refusals.
  if (cases.some(({ fault }) => fault === "nats-stopped")) ok(refusals.length > 0, "no delivery was refused");
  for (const refusal of refusals)
    ok(
      expected.some((pattern) => pattern.test(refusal)),
      refusal,
    );
  return pushed;
}

/** Holds each step that a case strikes, in order, and injects the fault meanwhile. */
async function strikeInSteps(
  cases: FaultCase[],
  { platform, task, github }: Setup,
  { run }: PushedRun,
  sharedFault?: SharedFault,
): Promise<void> {
  const refuses = ({ fault, call }: FaultCase) => fault === "github-refused" && call === undefined;
  const struck = cases.filter((one) => one.fault in strikes || one.fault in nodeStrikes || refuses(one));
  for (const one of struck.sort((first, second) => steps.indexOf(first.step) - steps.indexOf(second.step))) {
    const held = await holdStep(platform.cluster, run, one.step).catch((error) => {
      sharedFault?.leave();
      throw error;
    });
    try {
      if (held.isLate && kindsBeforeReading.includes(one.fault)) {
        throw new StepMissed(`step ${one.step} of ${run} was stopped too late`);
      }
      const strike = strikes[one.fault];
      if (strike !== undefined) await apiServer.whileUp(() => strike(held, platform, task));
      if (sharedFault === undefined) await nodeStrikes[one.fault]?.();
      else await sharedFault.arrive();
      if (refuses(one)) {
        const reachable = github?.refuseConnections(5000);
        held.release();
        await reachable;
      }
    } finally {
      held.release();
    }
  }
}

function summary(answers: string[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].map(([answer, count]) => `${answer} (${count})`).join(", ");
}

/** The failure message on the main workflow. If the main workflow has ended, nobody may write there, and the run has the message. */
async function failureMessage(
  one: FaultCase,
  { platform, task }: Setup,
  { run }: PushedRun,
): Promise<string | undefined> {
  if (one.fault === "main-workflow-ended") return messagesOf(await platform.cluster.workflow(run));
  const { annotations = {} } = (await platform.cluster.workflow(task.workflow))?.metadata ?? {};
  // Before the failure, the annotation says that a remediation has begun.
  return annotations["rex-remediation/outcome"] === "failed" ? annotations["rex-remediation/message"] : undefined;
}

/** Adds the label again as soon as it is gone. Until then, GitHub does not answer the step that looks for it. */
async function putLabelBack(cases: FaultCase[], { platform, task }: Setup): Promise<void> {
  if (!cases.some(({ fault }) => fault === "label-back")) return;
  const { repository, pull: number, branch: headRef, id } = task;
  await until("the label is off", outcomeLimit, () => readyLabelIsOff(platform, task));
  await platform.github.putRepository(repository, {
    pulls: [{ number, headRef, labels: [`task-${id}`, "ready-for-qa"] }],
  });
}

function checkMessage(message: string, one: FaultCase, { task, cleo }: Setup): void {
  if (one.words === undefined) throw new Error("a case with a final ending needs the expected words");
  const request = one.call && requestOf(one.call, task);
  const own: Record<string, string> = {
    step: one.step,
    call: request === undefined ? "" : `${request.method} ${request.path}\\S*`,
    pull: String(task.pull),
    task: task.id,
    repository: task.repository,
    workflow: task.workflow,
    agent: cleo ?? "",
  };
  for (const part of ["step", "object", "command"] satisfies (keyof Words)[]) {
    match(message, new RegExp(one.words[part].replaceAll(/\{([a-z]+)\}/g, (whole, name) => own[name] ?? whole)));
  }
}

function commandOf(message: string): string {
  const command = /\| once that is fixed: (argo -n \S+ retry \S+)$/.exec(message)?.[1];
  if (command === undefined) throw new Error(`the message names no command: ${message}`);
  return command;
}

function messagesOf(run: Workflow | undefined): string {
  return Object.values(run?.status?.nodes ?? {})
    .flatMap(({ displayName, message }) => (message ? [`${displayName}: ${message}`] : []))
    .join("\n");
}

async function traceOf({ platform, task }: Setup, pushed: PushedRun | undefined): Promise<string> {
  if (pushed === undefined) return "";
  const run = await platform.cluster.workflow(pushed.run).catch(() => undefined);
  return `run ${pushed.run} of task ${task.id}: ${run?.status?.phase}\n${messagesOf(run)}`;
}

function secondsSince(time: Date): number {
  return (Date.now() - time.getTime()) / 1000;
}
