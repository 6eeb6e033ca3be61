import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../support/cluster.ts";
import { type CodeRun, codeRun, ownedBy } from "../support/codeRuns.ts";
import type { StepBench } from "../support/step.ts";
import { mainWorkflow, workflowNode } from "../support/workflows.ts";
import { push, repository, runNameOf, Scenario } from "./scenario.ts";

describe("stop-qa", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());
  afterEach(() => scenario.github.clearFaults());

  function planOf(targets: CodeRun[]): string {
    return JSON.stringify({
      outcome: "remediate",
      targets: targets.map(({ metadata: { name, uid } }) => ({ name, uid })),
      pulls: [],
    });
  }

  it("deletes only the planned CodeRuns and waits until they are gone [cancels-planned-only]", async () => {
    const cleo = await scenario.cluster.create(codeRun("cleo-1", "5DLabs-Cleo", 1));
    const tess = await scenario.cluster.create(codeRun("tess-1", "5DLabs-Tess", 1));
    await scenario.cluster.create(codeRun("rex-1", "5DLabs-Rex", 1));
    await scenario.cluster.create(codeRun("cleo-late-1", "5DLabs-Cleo", 1));
    const bench = await scenario.bench("1");
    await bench.writeShared("plan.json", planOf([cleo, tess]));
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    deepEqual((await scenario.cluster.codeRuns("task-id=1")).map(({ metadata }) => metadata.name).sort(), [
      "cleo-late-1",
      "rex-1",
    ]);
    match(result.log, /cancelled cleo-1, tess-1/);
  });

  it("leaves alone a CodeRun with the planned name and another UID [same-name-other-uid]", async () => {
    const planned = await scenario.cluster.create(codeRun("cleo-2", "5DLabs-Cleo", 2));
    await scenario.cluster.deleteCodeRun("cleo-2");
    const successor = await scenario.cluster.create(codeRun("cleo-2", "5DLabs-Cleo", 2));
    const bench = await scenario.bench("2");
    await bench.writeShared("plan.json", planOf([planned]));
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    equal((await scenario.cluster.codeRun("cleo-2"))?.metadata.uid, successor.metadata.uid);
    match(result.log, /cleo-2 is not the planned one, but a new one of the same name: left alone/);
  });

  describe("if a target owns a CodeRun that must not be cancelled,", () => {
    const words = (left: string, shown: string, first: string, task: string) =>
      `stop-qa: some coderuns would be deleted together with their owners, which this run cancels: ${shown}; ${left} was not cancelled; remove each one's ownerReference (the first one's: kubectl -n ${scenario.cluster.namespace} patch coderuns.agents.platform ${first} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/0"}]') or delete it yourself, then: argo -n ${scenario.cluster.namespace} retry ${runNameOf(task)}`;
    const notListed = "agent 5DLabs-Rex is not in the cancel list";
    const ours = { repository: "acme-shop" };

    /** Those of the named CodeRuns that exist and are not being deleted. */
    async function staying(...names: string[]): Promise<string[]> {
      const runs = await Promise.all(names.map((name) => scenario.cluster.codeRun(name)));
      return runs.flatMap((run) => (run === undefined || run.metadata.deletionTimestamp ? [] : [run.metadata.name]));
    }

    it("cancels nothing, even if the target came to own it after the plan [owned-after-plan]", async () => {
      const cleo = await scenario.cluster.create(codeRun("cleo-41", "5DLabs-Cleo", 41, ours));
      const bench = await planned("41", ["ready-for-qa"]);
      await scenario.cluster.create(ownedBy([cleo], codeRun("rex-41", "5DLabs-Rex", 41, ours)));
      const result = await bench.run("stop-qa");
      equal(result.exitCode, 1, result.log);
      equal(result.lastWords, words("cleo-41", `rex-41 (owned by cleo-41; ${notListed})`, "rex-41", "41"));
      deepEqual(await staying("cleo-41", "rex-41"), ["cleo-41", "rex-41"]);
      deepEqual(await scenario.labels(41), ["ready-for-qa"]);
    });

    it("cancels nothing, even if CodeRuns between them belong to another task or have finished [owned-through-others]", async () => {
      const cleo = await scenario.cluster.create(codeRun("cleo-42", "5DLabs-Cleo", 42, ours));
      const tess = await scenario.cluster.create(codeRun("tess-42", "5DLabs-Tess", 42, ours));
      const done = { ...codeRun("done-42", "5DLabs-Tess", 42, ours), status: { phase: "Succeeded" } };
      const between = await scenario.cluster.create(ownedBy([tess], done));
      const next = await scenario.cluster.create(ownedBy([between], codeRun("next-42", "5DLabs-Cleo", 420, ours)));
      const bare = { ...codeRun("bare-42", "", ""), metadata: { name: "bare-42" } };
      await scenario.cluster.create(ownedBy([next], bare));
      const bench = await scenario.bench("42");
      await bench.writeShared("plan.json", planOf([cleo, tess]));
      const result = await bench.run("stop-qa");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        words(
          "cleo-42",
          "bare-42 (owned by next-42, below tess-42; it belongs to no task), next-42 (owned by done-42, below tess-42; it belongs to task 420)",
          "bare-42",
          "42",
        ),
      );
      const all = ["cleo-42", "tess-42", "done-42", "next-42", "bare-42"];
      deepEqual(await staying(...all), all);
    });

    it("stops cancelling if this happens after the first deletion, and says which target is left", async () => {
      const cleo = await scenario.cluster.create(codeRun("cleo-43", "5DLabs-Cleo", 43, ours));
      const tess = await scenario.cluster.create(codeRun("tess-43", "5DLabs-Tess", 43, ours));
      const bench = await scenario.bench("43");
      await bench.writeShared("plan.json", planOf([cleo, tess]));
      const slow = await slowAfterDeletion(bench);
      const running = bench.run("stop-qa", slow.environment);
      await until("Cleo's is deleted", 10_000, async () => (await staying("cleo-43")).length === 0);
      await scenario.cluster.create(ownedBy([tess], codeRun("rex-43", "5DLabs-Rex", 43, ours)));
      await slow.goOn();
      const result = await running;
      equal(result.exitCode, 1, result.log);
      equal(result.lastWords, words("tess-43", `rex-43 (owned by tess-43; ${notListed})`, "rex-43", "43"));
      deepEqual(await staying("cleo-43", "tess-43", "rex-43"), ["tess-43", "rex-43"]);
    });

    /** A curl that holds back the answer to a deletion until `goOn` is called. */
    async function slowAfterDeletion(
      bench: StepBench,
    ): Promise<{ environment: Record<string, string>; goOn: () => Promise<void> }> {
      const folder = join(bench.environment.SHARED_DIR ?? "", "bin");
      const flag = join(folder, "go-on");
      const program = [
        "#!/usr/bin/env bash",
        `PATH='${process.env.PATH}' curl "$@"`,
        `[[ $* != *DELETE* ]] || until [[ -e ${flag} ]]; do sleep 0.1; done`,
        "",
      ].join("\n");
      await mkdir(folder);
      await writeFile(join(folder, "curl"), program, { mode: 0o755 });
      return {
        environment: { PATH: `${folder}:${process.env.PATH}` },
        goOn: () => writeFile(flag, ""),
      };
    }

    it("goes on if Kubernetes would also delete only targets and finished agents", async () => {
      const rex = await scenario.cluster.create(codeRun("rex-44", "5DLabs-Rex", 44, ours));
      const cleo = await scenario.cluster.create(ownedBy([rex], codeRun("cleo-44", "5DLabs-Cleo", 44, ours)));
      const tess = await scenario.cluster.create(ownedBy([cleo], codeRun("tess-44", "5DLabs-Tess", 44, ours)));
      const done = { ...codeRun("done-44", "5DLabs-Tess", 44, ours), status: { phase: "Failed" } };
      await scenario.cluster.create(ownedBy([tess], done));
      const bench = await scenario.bench("44");
      await bench.writeShared("plan.json", planOf([cleo, tess]));
      const result = await bench.run("stop-qa");
      equal(result.exitCode, 0, result.log);
      deepEqual(await staying("rex-44", "cleo-44", "tess-44"), ["rex-44"]);
      await until("the finished one is gone, too", 20_000, async () => (await staying("done-44")).length === 0);
    });
  });

  it("can run again after all of them are gone", async () => {
    const gone = await scenario.cluster.create(codeRun("cleo-3", "5DLabs-Cleo", 3));
    const bench = await scenario.bench("3");
    await bench.writeShared("plan.json", planOf([gone]));
    equal((await bench.run("stop-qa")).exitCode, 0);
    const again = await bench.run("stop-qa");
    equal(again.exitCode, 0, again.log);
    match(again.log, /cleo-3 is gone already/);
  });

  it("waits for a finalizer, and is done once it is removed [finalizer-that-falls]", async () => {
    const held = codeRun("cleo-4", "5DLabs-Cleo", 4);
    held.metadata.finalizers = ["agents.platform/cleanup"];
    const created = await scenario.cluster.create(held);
    const bench = await scenario.bench("4");
    await bench.writeShared("plan.json", planOf([created]));
    const running = bench.run("stop-qa");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    ok(await scenario.cluster.codeRun("cleo-4"), "it must exist as long as it has its finalizer");
    await scenario.cluster.patchCodeRun("cleo-4", { metadata: { finalizers: null } });
    const result = await running;
    equal(result.exitCode, 0, result.log);
    ok(result.seconds >= 2, `${result.seconds} s`);
    equal(await scenario.cluster.codeRun("cleo-4"), undefined);
  });

  it("fails if CodeRuns remain, and names them, their finalizers and how to go on [finalizer-that-stays]", async () => {
    const stuck = codeRun("cleo-5", "5DLabs-Cleo", 5);
    stuck.metadata.finalizers = ["agents.platform/stuck"];
    const created = await scenario.cluster.create(stuck);
    const bench = await scenario.bench("5", { cancelTimeoutSeconds: "2" });
    await bench.writeShared("plan.json", planOf([created]));
    const result = await bench.run("stop-qa");
    await scenario.cluster.patchCodeRun("cleo-5", { metadata: { finalizers: null } });
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^stop-qa: cleo-5 \(being deleted since \S+, finalizers agents\.platform\/stuck(, foregroundDeletion)?\) is still there after 2 s: .*argo -n \S+ retry rex-remediation-5-/,
    );
    deepEqual(result.ending, {
      step: "stop-qa",
      object: "coderuns cleo-5",
      cause: "still-there",
      passes: true,
      command: "retry",
    });
  });

  it("does nothing if the plan found nothing to do or no agent at work [stop-qa-nothing-to-do]", async () => {
    const { metadata } = await scenario.cluster.create(codeRun("cleo-6", "5DLabs-Cleo", 6));
    const targets = [{ name: "cleo-6", uid: metadata.uid }];
    for (const plan of [
      { outcome: "nothing-stale", targets, pulls: [] },
      { outcome: "remediate", targets: [], pulls: [] },
    ]) {
      const bench = await scenario.bench("6");
      await bench.writeShared("plan.json", JSON.stringify(plan));
      const result = await bench.run("stop-qa");
      equal(result.exitCode, 0, result.log);
    }
    ok(await scenario.cluster.codeRun("cleo-6"));
  });

  it("refuses to work without a plan", async () => {
    const result = await (await scenario.bench("7")).run("stop-qa");
    equal(result.exitCode, 1);
    match(result.lastWords, /there is no plan/);
  });

  it("does not conclude that the CodeRuns are gone if the API server does not serve their kind", async () => {
    const bench = await scenario.bench("9", { stepTimeoutSeconds: "4", "codeRun.version": "v9" });
    await bench.writeShared(
      "plan.json",
      '{"outcome": "remediate", "targets": [{"name": "cleo-9", "uid": "1"}], "pulls": []}',
    );
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^stop-qa: not finished within its deadline of 4 s; last: the API server did not answer \(status 404\)$/,
    );
  });

  it("calls the API server directly, whatever proxy the image sets", async () => {
    const cleo = await scenario.cluster.create(codeRun("cleo-10", "5DLabs-Cleo", 10));
    const bench = await scenario.bench("10");
    await bench.writeShared("plan.json", planOf([cleo]));
    const result = await bench.run("stop-qa", { https_proxy: "http://127.0.0.1:1" });
    equal(result.exitCode, 0, result.log);
    equal(await scenario.cluster.codeRun("cleo-10"), undefined);
  });

  it("retries until its deadline while the API server is away, and says so", async () => {
    const bench = await scenario.bench("8", { stepTimeoutSeconds: "4" });
    await bench.writeShared(
      "plan.json",
      '{"outcome": "remediate", "targets": [{"name": "cleo-8", "uid": "1"}], "pulls": []}',
    );
    const result = await bench.run("stop-qa", { KUBERNETES_SERVICE_PORT: "1" });
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^stop-qa: not finished within its deadline of 4 s; last: the API server did not answer \(curl: \(7\) Failed to connect to .*\)$/,
    );
    match(result.log, /stop-qa: not finished within its deadline of 4 s; last: /);
    deepEqual(result.ending, { step: "stop-qa", cause: "deadline", passes: true, command: "retry" });
  });

  /** Plans a task, because the plan step creates the token. */
  async function planned(task: string, labels: string[], more: Record<string, string> = {}): Promise<StepBench> {
    await scenario.cluster.create(
      mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [workflowNode("gate", "Suspend", "Running")], {
        labels: { repository: "acme-shop" },
      }),
    );
    await scenario.pullRequest(task, Number(task), labels);
    const bench = await scenario.bench(task, more);
    const result = await bench.run("plan");
    equal(result.exitCode, 0, result.log);
    return bench;
  }

  it("removes the ready label and keeps the others [ready-label-taken-off]", async () => {
    const bench = await planned("21", ["task-21", "ready-for-qa", "urgent"]);
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.labels(21), ["task-21", "urgent"]);
  });

  it("finds the repository of a run that names none, if only one is watched", async () => {
    const one = { REPOSITORY: "", REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop" }) };
    const bench = await planned("29", ["ready-for-qa"], one);
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.labels(29), []);
  });

  it("removes the label from every pull request of the task", async () => {
    await scenario.github.putRepository(repository, {
      branches: { "task-22/more": push.after },
      pulls: [{ number: 122, headRef: "task-22/more", labels: ["ready-for-qa"] }],
    });
    const bench = await planned("22", ["ready-for-qa"]);
    equal((await bench.run("stop-qa")).exitCode, 0);
    deepEqual([await scenario.labels(22), await scenario.labels(122)], [[], []]);
  });

  it("succeeds if the label is already gone, also when it runs again", async () => {
    const bench = await planned("23", ["ready-for-qa"]);
    equal((await bench.run("stop-qa")).exitCode, 0);
    const again = await bench.run("stop-qa");
    equal(again.exitCode, 0, again.log);
    match(again.log, /pull request #23 has no label ready-for-qa/);
  });

  it("only reads the labels if no pull request had the label", async () => {
    const bench = await planned("24", []);
    const last = (await scenario.github.requests()).at(-1)?.id ?? 0;
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    match(result.log, /no agent was at work, no pull request had the label ready-for-qa$/m);
    deepEqual(
      (await scenario.github.requests(last)).map(({ method, path }) => `${method} ${path}`),
      ["GET /repos/acme/shop/issues/24/labels?per_page=100"],
    );
  });

  it("percent-encodes a label's name", async () => {
    const label = "ready / für QA?";
    const bench = await planned("25", [label], { "pull.readyLabel": label });
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.labels(25), []);
  });

  it("removes the label even if the repository was renamed after the plan", async () => {
    await scenario.installApp({}, ["acme/renaming"]);
    const more = { REPOSITORY: "acme/renaming", REPOSITORIES: JSON.stringify({ "acme/renaming": "acme-renaming" }) };
    await scenario.cluster.create(
      mainWorkflow("play-38", "38", "waiting-ready-for-qa", [workflowNode("gate", "Suspend", "Running")]),
    );
    await scenario.github.putRepository("acme/renaming", {
      branches: { "task-38-fix": push.after },
      pulls: [{ number: 38, headRef: "task-38-fix", labels: ["ready-for-qa", "urgent"] }],
    });
    const bench = await scenario.bench("38", more);
    equal((await bench.run("plan")).exitCode, 0);
    await scenario.github.renameRepository("acme/renaming", "acme/renamed");
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.github.labels("acme/renamed", 38), ["urgent"]);
    await scenario.installApp();
  });

  it("fails with a clear message if GitHub redirects the label's removal without end [label-redirected-without-end]", async () => {
    const bench = await planned("39", ["ready-for-qa"]);
    const location = "/repos/acme/shop/issues/39/labels/ready-for-qa";
    await scenario.github.addFault({
      method: "DELETE",
      pathPattern: "/labels/",
      status: 307,
      headers: { location },
      times: null,
    });
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^stop-qa: GitHub redirects DELETE \/repos\/acme\/shop\/issues\/39\/labels\/ready-for-qa too often, last to http:\S+: wait until GitHub has fixed that, then: argo -n \S+ retry rex-remediation-39-\S+$/,
    );
  });

  it("does not take another 404 as a removed label [other-404-is-not-done]", async () => {
    const bench = await planned("26", ["ready-for-qa"]);
    await scenario.github.addFault({
      method: "DELETE",
      pathPattern: "/labels/",
      status: 404,
      body: { message: "Not Found" },
      times: 1,
    });
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /^stop-qa: cannot take ready-for-qa off pull request #26: GitHub does not know the pull request/,
    );
  });

  it("waits as long as GitHub's Retry-After says [waits-for-retry-after]", async () => {
    const bench = await planned("27", ["ready-for-qa"]);
    await scenario.github.addFault({
      method: "DELETE",
      pathPattern: "/labels/",
      status: 429,
      headers: { "retry-after": "2" },
      times: 1,
    });
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    match(result.log, /status 429.*; again in 3 s/);
    deepEqual(await scenario.labels(27), []);
  });

  it("stops at its deadline if GitHub does not answer", async () => {
    const bench = await planned("28", ["ready-for-qa"]);
    await scenario.github.addFault({ method: "DELETE", pathPattern: "/labels/", action: "hang", times: 5 });
    const result = await bench.run("stop-qa", { stepTimeoutSeconds: "5" });
    equal(result.exitCode, 1, result.log);
    match(result.lastWords, /^stop-qa: GitHub does not answer DELETE .*: no answer/);
    equal(result.seconds < 8, true, `${result.seconds} s`);
  });

  it("removes the label while the agents still end, and again if one of them puts it back [label-put-back]", async () => {
    const held = codeRun("cleo-30", "5DLabs-Cleo", 30, { repository: "acme-shop" });
    held.metadata.finalizers = ["agents.platform/cleanup"];
    await scenario.cluster.create(held);
    const bench = await planned("30", ["ready-for-qa"]);
    const running = bench.run("stop-qa");
    await until("the label is off", 10_000, async () => (await scenario.labels(30)).length === 0);
    ok(await scenario.cluster.codeRun("cleo-30"), "it must exist as long as it has its finalizer");
    await scenario.pullRequest("30", 30, ["ready-for-qa"]);
    await scenario.cluster.patchCodeRun("cleo-30", { metadata: { finalizers: null } });
    const result = await running;
    equal(result.exitCode, 0, result.log);
    match(result.log, /ready-for-qa is back on pull request #30$/m);
    match(result.log, /cancelled cleo-30, took ready-for-qa off #30$/m);
    deepEqual(await scenario.labels(30), []);
  });

  it("checks pull requests that had no label at plan time, too", async () => {
    const bench = await planned("31", []);
    await scenario.pullRequest("31", 31, ["ready-for-qa", "urgent"]);
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.labels(31), ["urgent"]);
  });

  it("does not conclude that the label is gone if the answer is not a list of labels", async () => {
    const bench = await planned("32", []);
    await scenario.github.addFault({ method: "GET", pathPattern: "/issues/32/labels", status: 200, body: {} });
    const result = await bench.run("stop-qa");
    equal(result.exitCode, 1, result.log);
    match(result.lastWords, /^stop-qa: GitHub was asked for labels, but its answer is not a list of labels$/);
  });
});
