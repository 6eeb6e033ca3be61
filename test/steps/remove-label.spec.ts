import { deepEqual, equal, match } from "node:assert/strict";
import type { StepBench } from "../support/step.ts";
import { mainWorkflow, workflowNode } from "../support/workflows.ts";
import { push, repository, Scenario } from "./scenario.ts";

describe("remove-label", function () {
  this.timeout(60_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());
  afterEach(() => scenario.github.clearFaults());

  /** A planned task: the plan step is what makes the token. */
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

  it("takes the ready label off and leaves the others", async () => {
    const bench = await planned("1", ["task-1", "ready-for-qa", "urgent"]);
    const result = await bench.run("remove-label");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.labels(1), ["task-1", "urgent"]);
  });

  it("knows the repository of a run that names none, where just one is watched", async () => {
    const one = { REPOSITORY: "", REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop" }) };
    const bench = await planned("9", ["ready-for-qa"], one);
    const result = await bench.run("remove-label");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.labels(9), []);
  });

  it("takes it off every pull request of the task", async () => {
    await scenario.github.putRepository(repository, {
      branches: { "task-2/more": push.after },
      pulls: [{ number: 22, headRef: "task-2/more", labels: ["ready-for-qa"] }],
    });
    const bench = await planned("2", ["ready-for-qa"]);
    equal((await bench.run("remove-label")).exitCode, 0);
    deepEqual([await scenario.labels(2), await scenario.labels(22)], [[], []]);
  });

  it("is content when the label has gone meanwhile, and when run again", async () => {
    const bench = await planned("3", ["ready-for-qa"]);
    equal((await bench.run("remove-label")).exitCode, 0);
    const again = await bench.run("remove-label");
    equal(again.exitCode, 0, again.log);
    match(again.log, /pull request #3 has no label ready-for-qa/);
  });

  it("asks GitHub nothing where no pull request had the label", async () => {
    const bench = await planned("4", []);
    const last = (await scenario.github.requests()).at(-1)?.id ?? 0;
    equal((await bench.run("remove-label")).exitCode, 0);
    deepEqual(await scenario.github.requests(last), []);
  });

  it("percent-encodes a label's name", async () => {
    const label = "ready / für QA?";
    const bench = await planned("5", [label], { READY_LABEL: label });
    const result = await bench.run("remove-label");
    equal(result.exitCode, 0, result.log);
    deepEqual(await scenario.labels(5), []);
  });

  it("does not take another 404 for done", async () => {
    const bench = await planned("6", ["ready-for-qa"]);
    await scenario.github.addFault({
      method: "DELETE",
      pathPattern: "/labels/",
      status: 404,
      body: { message: "Not Found" },
      times: 1,
    });
    const result = await bench.run("remove-label");
    equal(result.exitCode, 1, result.log);
    match(result.lastWords, /^remove-label: cannot take ready-for-qa off pull request #6: GitHub does not know it/);
  });

  it("waits as long as GitHub's Retry-After says", async () => {
    const bench = await planned("7", ["ready-for-qa"]);
    await scenario.github.addFault({
      method: "DELETE",
      pathPattern: "/labels/",
      status: 429,
      headers: { "retry-after": "2" },
      times: 1,
    });
    const result = await bench.run("remove-label");
    equal(result.exitCode, 0, result.log);
    match(result.log, /status 429.*; again in 3 s/);
    deepEqual(await scenario.labels(7), []);
  });

  it("does not outlive its deadline when GitHub says nothing", async () => {
    const bench = await planned("8", ["ready-for-qa"]);
    await scenario.github.addFault({ method: "DELETE", pathPattern: "/labels/", action: "hang", times: 5 });
    const result = await bench.run("remove-label", { STEP_DEADLINE_SECONDS: "5" });
    equal(result.exitCode, 1, result.log);
    match(result.lastWords, /^remove-label: GitHub does not answer DELETE .*: no answer/);
    equal(result.seconds < 8, true, `${result.seconds} s`);
  });
});
