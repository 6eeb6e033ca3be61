import { deepEqual, equal, match } from "node:assert/strict";
import { codeRun } from "../../support/codeRuns.ts";
import { mainWorkflow } from "../../support/workflows.ts";
import { gate, newTask, ours, outcomeOf } from "../planning.ts";
import { Scenario } from "../scenario.ts";

const now = () => Math.floor(Date.now() / 1000);

/**
 * Pushes that arrive long after they were made: delivered again, found by the sweep, or held in the queue. An agent that began after a push
 * works on its head. This shows that plan reads the times of real objects; test/unit/steps has the cases.
 */
describe("plan of a push that comes late", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  it("leaves a Cleo alone that began after it [late-leaves-newer-cleo]", async () => {
    const { task, pull } = newTask();
    await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }));
    await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
    await scenario.pullRequest(task, pull, []);
    const { outcome, reason } = await outcomeOf(await scenario.bench(task, { PUSHED_AT: String(now() - 1000) }));
    equal(outcome, "nothing-stale");
    match(reason, /^QA began at least 120 s after this push, so it began on its head/);
    equal((await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations, undefined);
  });
});

describe("plan with a quiet period", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** Runs plan, which must decide to restart QA. Returns its seconds and its log. */
  async function planned(pushedAt: number): Promise<{ seconds: number; log: string }> {
    const { task, pull } = newTask();
    await scenario.cluster.create(mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }));
    await scenario.pullRequest(task, pull, []);
    const bench = await scenario.bench(task, { PUSHED_AT: String(pushedAt), debounceSeconds: "6" });
    const { seconds, log, exitCode } = await bench.run("plan");
    equal(exitCode, 0, log);
    equal((await bench.plan()).outcome, "remediate");
    return { seconds, log };
  }

  it("waits until that much time has passed since the push, and no longer", async () => {
    const { seconds, log } = await planned(now());
    match(log, /waiting [56] s for further pushes/);
    equal(seconds >= 5, true, `${seconds}`);
  });

  it("does not wait if the push is older, and waits only that long if the push is ahead of its clock", async () => {
    deepEqual((await planned(now() - 10)).log.match(/waiting .*/), null);
    match((await planned(now() + 300)).log, /waiting 6 s for further pushes/);
  });
});
