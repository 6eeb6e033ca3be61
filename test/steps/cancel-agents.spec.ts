import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type CodeRun, codeRun } from "../support/codeRuns.ts";
import { Scenario } from "./scenario.ts";

describe("cancel-agents", function () {
  this.timeout(60_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  function planOf(targets: CodeRun[]): string {
    return JSON.stringify({
      outcome: "remediate",
      targets: targets.map(({ metadata: { name, uid } }) => ({ name, uid })),
    });
  }

  it("deletes the planned CodeRuns and proves them gone, and no other", async () => {
    const cleo = await scenario.cluster.create(codeRun("cleo-1", "cleo", 1));
    const tess = await scenario.cluster.create(codeRun("tess-1", "tess", 1));
    await scenario.cluster.create(codeRun("rex-1", "rex", 1));
    await scenario.cluster.create(codeRun("cleo-late-1", "cleo", 1));
    const bench = await scenario.bench("1");
    await bench.writeShared("plan.json", planOf([cleo, tess]));
    const result = await bench.run("cancel-agents");
    equal(result.exitCode, 0, result.log);
    deepEqual((await scenario.cluster.codeRuns("task-id=1")).map(({ metadata }) => metadata.name).sort(), [
      "cleo-late-1",
      "rex-1",
    ]);
    match(result.log, /cancelled cleo-1, tess-1/);
  });

  it("leaves a CodeRun alone that has the planned name and another UID", async () => {
    const planned = await scenario.cluster.create(codeRun("cleo-2", "cleo", 2));
    await scenario.cluster.deleteCodeRun("cleo-2");
    const successor = await scenario.cluster.create(codeRun("cleo-2", "cleo", 2));
    const bench = await scenario.bench("2");
    await bench.writeShared("plan.json", planOf([planned]));
    const result = await bench.run("cancel-agents");
    equal(result.exitCode, 0, result.log);
    equal((await scenario.cluster.codeRun("cleo-2"))?.metadata.uid, successor.metadata.uid);
    match(result.log, /cleo-2 is another run than the planned one: left alone/);
  });

  it("can be run again after all are gone", async () => {
    const gone = await scenario.cluster.create(codeRun("cleo-3", "cleo", 3));
    const bench = await scenario.bench("3");
    await bench.writeShared("plan.json", planOf([gone]));
    equal((await bench.run("cancel-agents")).exitCode, 0);
    const again = await bench.run("cancel-agents");
    equal(again.exitCode, 0, again.log);
    match(again.log, /cleo-3 is gone already/);
  });

  it("waits for a finalizer, and is done when it falls", async () => {
    const held = codeRun("cleo-4", "cleo", 4);
    held.metadata.finalizers = ["agents.platform/cleanup"];
    const created = await scenario.cluster.create(held);
    const bench = await scenario.bench("4");
    await bench.writeShared("plan.json", planOf([created]));
    const running = bench.run("cancel-agents");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    ok(await scenario.cluster.codeRun("cleo-4"), "it must still be there while its finalizer stands");
    await scenario.cluster.patchCodeRun("cleo-4", { metadata: { finalizers: null } });
    const result = await running;
    equal(result.exitCode, 0, result.log);
    ok(result.seconds >= 2, `${result.seconds} s`);
    equal(await scenario.cluster.codeRun("cleo-4"), undefined);
  });

  it("fails naming what is still there, its finalizers and the way on", async () => {
    const stuck = codeRun("cleo-5", "cleo", 5);
    stuck.metadata.finalizers = ["agents.platform/stuck"];
    const created = await scenario.cluster.create(stuck);
    const bench = await scenario.bench("5", { CANCEL_SECONDS: "2" });
    await bench.writeShared("plan.json", planOf([created]));
    const result = await bench.run("cancel-agents");
    await scenario.cluster.patchCodeRun("cleo-5", { metadata: { finalizers: null } });
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^cancel-agents: after 2 s there is still cleo-5 \(being deleted since \S+, finalizers agents\.platform\/stuck(, foregroundDeletion)?\): .*argo -n \S+ retry rex-remediation-5-/,
    );
  });

  it("does nothing where the plan found nothing to do, or nobody at work", async () => {
    const { metadata } = await scenario.cluster.create(codeRun("cleo-6", "cleo", 6));
    const targets = [{ name: "cleo-6", uid: metadata.uid }];
    for (const plan of [
      { outcome: "nothing-stale", targets },
      { outcome: "remediate", targets: [] },
    ]) {
      const bench = await scenario.bench("6");
      await bench.writeShared("plan.json", JSON.stringify(plan));
      const result = await bench.run("cancel-agents");
      equal(result.exitCode, 0, result.log);
    }
    ok(await scenario.cluster.codeRun("cleo-6"));
  });

  it("refuses to work without a plan", async () => {
    const result = await (await scenario.bench("7")).run("cancel-agents");
    equal(result.exitCode, 1);
    match(result.lastWords, /there is no plan/);
  });

  it("does not take a kind that the API server does not serve yet for CodeRuns that are gone", async () => {
    const bench = await scenario.bench("9", { STEP_DEADLINE_SECONDS: "4", CODERUN_VERSION: "v9" });
    await bench.writeShared("plan.json", '{"outcome": "remediate", "targets": [{"name": "cleo-9", "uid": "1"}]}');
    const result = await bench.run("cancel-agents");
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^cancel-agents: not finished within its deadline of 4 s; last: the API server did not answer \(status 404\)$/,
    );
  });

  it("asks the API server itself, whatever proxy the image names", async () => {
    const cleo = await scenario.cluster.create(codeRun("cleo-10", "cleo", 10));
    const bench = await scenario.bench("10");
    await bench.writeShared("plan.json", planOf([cleo]));
    const result = await bench.run("cancel-agents", { https_proxy: "http://127.0.0.1:1" });
    equal(result.exitCode, 0, result.log);
    equal(await scenario.cluster.codeRun("cleo-10"), undefined);
  });

  it("tries until its deadline while the API server is away, and says so", async () => {
    const bench = await scenario.bench("8", { STEP_DEADLINE_SECONDS: "4" });
    await bench.writeShared("plan.json", '{"outcome": "remediate", "targets": [{"name": "cleo-8", "uid": "1"}]}');
    const result = await bench.run("cancel-agents", { KUBERNETES_SERVICE_PORT: "1" });
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^cancel-agents: not finished within its deadline of 4 s; last: the API server did not answer \(curl: \(7\) Failed to connect to .*\)$/,
    );
  });
});
