import { deepEqual, equal, match } from "node:assert/strict";
import { codeRun } from "../../support/codeRuns.ts";
import { mainWorkflow } from "../../support/workflows.ts";
import { gate, newTask, ours, outcomeOf } from "../planning.ts";
import { Scenario } from "../scenario.ts";

const now = () => Math.floor(Date.now() / 1000);

/**
 * Pushes that arrive long after they were made: delivered again, started by a sweep, or after a time in the queue. Who began after one
 * works on its head. Here, that plan goes by the times of the API server's objects; test/unit/steps has the cases.
 */
describe("plan of a push that comes late", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  it("leaves a Cleo at work who began after it [late-leaves-newer-cleo]", async () => {
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

  /** Seconds that plan took, and what it decided. */
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
