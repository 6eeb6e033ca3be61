import { deepEqual, equal, match } from "node:assert/strict";
import { codeRun, shortName } from "../../support/codeRuns.ts";
import { mainWorkflow } from "../../support/workflows.ts";
import { gate, newTask, ours, outcomeOf } from "../planning.ts";
import { Scenario, sha } from "../scenario.ts";

const now = () => Math.floor(Date.now() / 1000);

/**
 * Pushes that arrive long after they were made: delivered again, started by a sweep, or after a time in the queue. Who began after one
 * works on its head. What this does not show: agents from before such a push beside those from after it, because no test waits so long.
 */
describe("plan of a push that comes late", function () {
  this.timeout(60_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** A task past the reset stage, whose agents were created just now, in this order; and a push from a while ago. */
  async function outcome(
    agents: { agent: string; phase?: string }[],
    more: { ago?: number; labels?: string[]; head?: string } = {},
  ): Promise<{ outcome: string; reason: string }> {
    const { task, pull } = newTask();
    await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }));
    for (const [index, { agent, phase }] of agents.entries()) {
      // Kubernetes counts whole seconds.
      if (index > 0) await new Promise((resolve) => setTimeout(resolve, 1100));
      await scenario.cluster.create({
        ...codeRun(`${shortName(agent)}-${index}-${task}`, agent, task, ours),
        ...(phase && { status: { phase } }),
      });
    }
    await scenario.pullRequest(task, pull, more.labels ?? [], more.head);
    const result = await outcomeOf(await scenario.bench(task, { PUSHED_AT: String(now() - (more.ago ?? 1000)) }));
    const writes = Object.keys((await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations ?? {});
    equal(writes.length > 0, result.outcome === "remediate");
    return result;
  }

  const stale = (result: { outcome: string }) => equal(result.outcome, "remediate");
  function fresh({ outcome, reason }: { outcome: string; reason: string }): void {
    equal(outcome, "nothing-stale");
    match(reason, /^QA began 120 s after this push or later, and so on its head/);
  }

  it("leaves a Cleo at work who began after it [late-leaves-newer-cleo]", async () => {
    fresh(await outcome([{ agent: "5DLabs-Cleo" }]));
  });

  it("leaves a Tess who follows such a Cleo, and the ready label that this one brought", async () => {
    fresh(
      await outcome([{ agent: "5DLabs-Cleo", phase: "Succeeded" }, { agent: "5DLabs-Tess" }], {
        labels: ["ready-for-qa"],
      }),
    );
  });

  it("restarts QA where no agent has begun since", async () => {
    stale(await outcome([]));
    stale(await outcome([{ agent: "5DLabs-Rex" }]));
  });

  it("restarts QA where the round began before it: a Tess began first [late-in-older-round]", async () => {
    stale(await outcome([{ agent: "5DLabs-Tess" }]));
    stale(await outcome([{ agent: "5DLabs-Tess" }, { agent: "5DLabs-Cleo" }]));
  });

  it("restarts QA where the ready label is older than the round [late-with-old-ready-label]", async () => {
    stale(await outcome([{ agent: "5DLabs-Cleo" }], { labels: ["ready-for-qa"] }));
  });

  it("restarts QA where somebody pushed on top: on which head the agent works, nobody knows [late-with-push-on-top]", async () => {
    stale(await outcome([{ agent: "5DLabs-Cleo" }], { head: sha("e") }));
  });

  it("restarts QA where the clocks cannot tell who came first [late-by-unsure-clocks]", async () => {
    stale(await outcome([{ agent: "5DLabs-Cleo" }], { ago: 90 }));
  });
});

describe("plan with a quiet period", function () {
  this.timeout(60_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** Seconds that plan took, and what it decided. */
  async function planned(pushedAt: number): Promise<{ seconds: number; log: string }> {
    const { task, pull } = newTask();
    await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }));
    await scenario.pullRequest(task, pull, []);
    const bench = await scenario.bench(task, { PUSHED_AT: String(pushedAt), QUIET_SECONDS: "6" });
    const { seconds, log, exitCode } = await bench.run("plan");
    equal(exitCode, 0, log);
    equal((await bench.plan()).outcome, "remediate");
    return { seconds, log };
  }

  it("waits until it is over since the push, and no longer", async () => {
    const { seconds, log } = await planned(now());
    match(log, /waiting [56] s for further pushes/);
    equal(seconds >= 5, true, `${seconds}`);
  });

  it("does not wait for an older push, nor for a push ahead of its clock longer than that", async () => {
    deepEqual((await planned(now() - 10)).log.match(/waiting .*/), null);
    match((await planned(now() + 300)).log, /waiting 6 s for further pushes/);
  });
});
