import { deepEqual, equal, match } from "node:assert/strict";
import type { StepBench } from "../support/step.ts";
import { mainWorkflow } from "../support/workflows.ts";
import { gate, newTask, ours } from "./planning.ts";
import { Scenario, sha } from "./scenario.ts";

/** Runs that a person starts with nothing but the task: with `argo submit` or `scripts/rex remediate`. */
describe("plan of a run by hand", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  const single = { REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop" }) };

  function benchOf(task: string, more: Record<string, string> = {}): Promise<StepBench> {
    return scenario.bench(task, {
      BEFORE: "",
      AFTER: "",
      PUSHED_AT: "",
      REPOSITORY: "",
      RUN_NAME: `rex-remediation-${task}-x7k2p`,
      ...single,
      ...more,
    });
  }

  async function prepared(annotations: Record<string, string> = {}): Promise<string> {
    const { task, pull } = newTask();
    await scenario.cluster.create(
      mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours, annotations }),
    );
    await scenario.pullRequest(task, pull, ["ready-for-qa"], sha("c"));
    return task;
  }

  it("uses the current head and the time on GitHub's clock", async () => {
    const task = await prepared();
    await scenario.github.settings({ clockOffsetSeconds: -40 });
    const before = Math.floor(Date.now() / 1000) - 40;
    const bench = await benchOf(task);
    const result = await bench.run("plan");
    await scenario.github.settings({ clockOffsetSeconds: 0 });
    equal(result.exitCode, 0, result.log);
    match(result.log, new RegExp(`task ${task}, by hand, head cccccccccccc`));
    const { outcome, head } = await bench.plan();
    deepEqual([outcome, head], ["remediate", sha("c")]);
    const ledger = (await scenario.cluster.workflow(`play-${task}`))?.metadata.annotations ?? {};
    deepEqual(
      [ledger["rex-remediation/head"], ledger["rex-remediation/pushed"], ledger["rex-remediation/run"]],
      [sha("c"), sha("c"), `rex-remediation-${task}-x7k2p`],
    );
    const at = Number(ledger["rex-remediation/pushed-at"]);
    equal(at >= before && at < before + 30, true, `${at} of ${before}`);
  });

  it("restarts QA on a head that was already handled, because a person asked for it [by-hand-handled-head]", async () => {
    const task = await prepared({
      "rex-remediation/head": sha("c"),
      "rex-remediation/pushed": sha("c"),
      "rex-remediation/pushed-at": String(Math.floor(Date.now() / 1000) - 60),
      "rex-remediation/run": "another",
      "rex-remediation/resumed": "true",
    });
    const bench = await benchOf(task);
    equal((await bench.run("plan")).exitCode, 0);
    equal((await bench.plan()).outcome, "remediate");
  });

  it("needs the repository if several are watched [by-hand-needs-repository]", async () => {
    const task = await prepared();
    const several = { REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop", "acme/other": "acme-other" }) };
    const refused = await (await benchOf(task, several)).run("plan");
    equal(refused.exitCode, 1);
    equal(
      refused.lastWords,
      "plan: parameter repository is missing; expected one of the configured ones (acme/other, acme/shop): -p repository=OWNER/NAME",
    );
    const bench = await benchOf(task, { ...several, REPOSITORY: "acme/shop" });
    equal((await bench.run("plan")).exitCode, 0);
    equal((await bench.plan()).outcome, "remediate");
  });
});
