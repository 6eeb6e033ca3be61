import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "../cluster.ts";
import { readyLabelIsOff } from "../heldRun.ts";
import type { Platform } from "../platform.ts";
import type { Workflow } from "../workflows.ts";
import { apiServer } from "./apiServerUse.ts";
import { type FinalState, finalState } from "./finalState.ts";
import { requestOf } from "./gitHubOfItsOwn.ts";
import { Ground } from "./ground.ts";
import { holdStep, StepWentBy } from "./heldStep.ts";
import { type FaultKind, kindsBeforeReading, steps } from "./kinds.ts";
import type { FaultCase, Words } from "./matrix.ts";
import type { Round } from "./schedule.ts";
import { type PushedRun, startRun } from "./sensorRun.ts";
import { nodeStrikes, strikes } from "./strikes.ts";
import { pushDuring, wayInIsReady } from "./wayIn.ts";

/** The longest time until a run has an outcome, in milliseconds: three pods, each up to its steps' deadlines. */
const longest = 480_000;

/** Runs cases, and compares how they end with one clean run. */
export class FaultRuns {
  readonly #dev: Platform;
  readonly #clean: Promise<FinalState>;

  constructor(dev: Platform) {
    this.#dev = dev;
    this.#clean = this.#cleanRun();
    // Avoids an unhandled rejection here. Each case that needs the clean run fails with its error.
    this.#clean.catch(() => undefined);
  }

  /**
   * Runs cases that strike the same run and have the same ending.
   *
   * @param round set if the fault strikes the whole node; the other runs that it strikes share it
   * @returns seconds from the push to the expected ending
   * @throws Error for any other ending
   */
  async run(cases: FaultCase[], round?: Round): Promise<number> {
    for (let again = 2; ; again--) {
      try {
        return await this.#runOnce(cases, round);
      } catch (error) {
        // A fault of the whole node strikes only once, so such a case cannot be repeated.
        const nothingStruck = (error as Error).cause instanceof StepWentBy && round === undefined;
        if (!nothingStruck || again === 0) throw error;
        console.log(`    ${cases.map(({ id }) => id).join(", ")}: trying again, because ${(error as Error).message}`);
      }
    }
  }

  async #runOnce(cases: FaultCase[], round?: Round): Promise<number> {
    let pushed: PushedRun | undefined;
    const ground = await apiServer
      .whileThere(() => Ground.prepare(this.#dev, cases))
      .catch((error) => {
        round?.leave();
        throw error;
      });
    try {
      pushed = await push(cases, ground);
      await Promise.all([strikeInSteps(cases, ground, pushed, round), putLabelBack(cases, ground)]);
      const [one] = cases;
      return one?.ending === "final"
        ? await this.#endsFailed(one, ground, pushed)
        : await this.#endsClean(ground, pushed);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await traceOf(ground, pushed)}`, { cause: error });
    } finally {
      await apiServer.whileThere(() => ground.close());
    }
  }

  async #cleanRun(): Promise<FinalState> {
    const ground = await apiServer.whileThere(() => Ground.prepare(this.#dev, []));
    try {
      const pushed = await push([], ground);
      equal(await ground.platform.outcome(pushed.run, longest), "remediated");
      await ground.platform.ended(pushed.run);
      return await until("the state of the clean run", 30_000, () => finalState(ground.platform, ground.task, pushed));
    } finally {
      await apiServer.whileThere(() => ground.close());
    }
  }

  /** Expects the run to end like the clean run, without help from a person. */
  async #endsClean(ground: Ground, pushed: PushedRun): Promise<number> {
    equal(await ground.platform.outcome(pushed.run, longest), "remediated");
    const seconds = secondsSince(pushed.pushedAt);
    await this.#isClean(ground, pushed);
    const left = (await ground.github?.client.faults()) ?? [];
    ok(left.length === 0, `GitHub faults that did not strike: ${JSON.stringify(left)}`);
    return seconds;
  }

  /** Expects the run to fail and to say so. Then removes the cause, and expects the command in the message to finish the run. */
  async #endsFailed(one: FaultCase, ground: Ground, pushed: PushedRun): Promise<number> {
    const { platform } = ground;
    equal(await platform.outcome(pushed.run, longest), "failed");
    const message = await until("main workflow or run say why", 30_000, () => saidOn(one, ground, pushed));
    const seconds = secondsSince(pushed.pushedAt);
    equal((await platform.ended(pushed.run)).status?.phase, "Failed");
    says(message, one, ground);
    if (one.fault === "main-workflow-ended") return seconds;
    const [command = "", ...words] = commandOf(message).split(" ");
    equal(words.at(-1), pushed.run);
    await apiServer.whileThere(async () => {
      await ground.mend();
      await promisify(execFile)(command, words, { timeout: 30_000 });
    });
    await until("the continued run is remediated", 180_000, async () => {
      const run = await platform.cluster.workflow(pushed.run);
      return run?.metadata.labels?.["rex-remediation/outcome"] === "remediated";
    });
    await this.#isClean(ground, pushed);
    return seconds;
  }

  async #isClean({ platform, task, cleo }: Ground, pushed: PushedRun): Promise<void> {
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

/** The expected answers while a part of the way in is down. Faults without an entry must not lead to refusals. */
const refusalsOf: Partial<Record<FaultKind, RegExp>> = {
  "event-source-killed": /^connect ECONNREFUSED|^(connect|read|write) ECONNRESET|^write EPIPE|^socket hang up/,
  "nats-stopped": /^500$/,
};

async function push(cases: FaultCase[], { platform, task, template }: Ground): Promise<PushedRun> {
  if (cases[0]?.step !== "detection") return apiServer.whileThere(() => startRun(platform, task, template));
  const pushed = await pushDuring(cases, platform, task);
  await wayInIsReady(platform.cluster);
  console.log(`    ${cases.map(({ id }) => id).join(", ")}: answered ${summary(pushed.answers)}`);
  // Until a delivery is accepted, GitHub sees refusals, so that someone can ask it to redeliver.
  const refusals = pushed.answers.slice(0, -1);
  const expected = cases.flatMap(({ fault }) => refusalsOf[fault] ?? []);
  // An EventSource that is shutting down may still accept a delivery, so only NATS must lead to a refusal.
  if (cases.some(({ fault }) => fault === "nats-stopped")) ok(refusals.length > 0, "no delivery was refused");
  for (const refusal of refusals)
    ok(
      expected.some((pattern) => pattern.test(refusal)),
      refusal,
    );
  return pushed;
}

/** Holds each step that a case strikes, in order, and strikes it meanwhile. */
async function strikeInSteps(
  cases: FaultCase[],
  { platform, task, github }: Ground,
  { run }: PushedRun,
  round?: Round,
): Promise<void> {
  const away = ({ fault, call }: FaultCase) => fault === "github-refused" && call === undefined;
  const struck = cases.filter((one) => one.fault in strikes || one.fault in nodeStrikes || away(one));
  for (const one of struck.sort((first, second) => steps.indexOf(first.step) - steps.indexOf(second.step))) {
    const held = await holdStep(platform.cluster, run, one.step).catch((error) => {
      round?.leave();
      throw error;
    });
    try {
      if (held.isLate && kindsBeforeReading.includes(one.fault)) {
        throw new StepWentBy(`step ${one.step} of ${run} was stopped too late`);
      }
      const strike = strikes[one.fault];
      if (strike !== undefined) await apiServer.whileThere(() => strike(held, platform, task));
      if (round === undefined) await nodeStrikes[one.fault]?.();
      else await round.stand();
      if (away(one)) {
        const back = github?.goAway(5000);
        held.release();
        await back;
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

/** The failure message on the main workflow. Nobody may write there once it has ended, so the run has the message then. */
async function saidOn(one: FaultCase, { platform, task }: Ground, { run }: PushedRun): Promise<string | undefined> {
  if (one.fault === "main-workflow-ended") return messagesOf(await platform.cluster.workflow(run));
  const { annotations = {} } = (await platform.cluster.workflow(task.workflow))?.metadata ?? {};
  // Before the failure, the message says that a remediation has begun.
  return annotations["rex-remediation/outcome"] === "failed" ? annotations["rex-remediation/message"] : undefined;
}

/** Puts the label back as soon as it is gone. Until then, GitHub does not answer the step that looks for it. */
async function putLabelBack(cases: FaultCase[], { platform, task }: Ground): Promise<void> {
  if (!cases.some(({ fault }) => fault === "label-back")) return;
  const { repository, pull: number, branch: headRef, id } = task;
  await until("the label is off", longest, () => readyLabelIsOff(platform, task));
  await platform.github.putRepository(repository, {
    pulls: [{ number, headRef, labels: [`task-${id}`, "ready-for-qa"] }],
  });
}

function says(message: string, one: FaultCase, { task, cleo }: Ground): void {
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

async function traceOf({ platform, task }: Ground, pushed: PushedRun | undefined): Promise<string> {
  if (pushed === undefined) return "";
  const run = await platform.cluster.workflow(pushed.run).catch(() => undefined);
  return `run ${pushed.run} of task ${task.id}: ${run?.status?.phase}\n${messagesOf(run)}`;
}

function secondsSince(time: Date): number {
  return (Date.now() - time.getTime()) / 1000;
}
