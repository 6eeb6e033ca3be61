import { deepEqual, equal, match, ok } from "node:assert/strict";
import { codeRun } from "../support/codeRuns.ts";
import type { StepBench } from "../support/step.ts";
import { mainWorkflow, type WorkflowNode, workflowNode } from "../support/workflows.ts";
import { Scenario, sha } from "./scenario.ts";

const ours = { repository: "acme-shop" };

describe("reset-stage and resume", function () {
  this.timeout(60_000);
  let scenario: Scenario;
  let nextTask = 0;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** A task at the ready-for-qa gate, planned: what the two steps find. */
  async function planned(
    nodes: WorkflowNode[] = [workflowNode("agent", "Pod", "Failed"), workflowNode("gate", "Suspend", "Running")],
    more: Parameters<typeof mainWorkflow>[4] = {},
  ): Promise<{ task: string; name: string; bench: StepBench }> {
    nextTask += 1;
    const task = String(nextTask);
    const name = `play-${task}`;
    await scenario.cluster.create(mainWorkflow(name, task, "waiting-ready-for-qa", nodes, { labels: ours, ...more }));
    await scenario.pullRequest(task, nextTask, [`task-${task}`]);
    const bench = await scenario.bench(task);
    const result = await bench.run("plan");
    equal(result.exitCode, 0, result.log);
    return { task, name, bench };
  }

  async function rightly(bench: StepBench, ...steps: ("reset-stage" | "resume")[]): Promise<void> {
    for (const step of steps) {
      const result = await bench.run(step);
      equal(result.exitCode, 0, result.log);
    }
  }

  it("reset writes the stage, and nothing else", async () => {
    const { name, bench } = await planned();
    const before = await scenario.cluster.workflow(name);
    await rightly(bench, "reset-stage");
    const after = await scenario.cluster.workflow(name);
    deepEqual(after?.metadata.labels, { ...before?.metadata.labels, "current-stage": "waiting-pr-created" });
    deepEqual(after?.metadata.annotations, before?.metadata.annotations);
    deepEqual([after?.spec, after?.status], [before?.spec, before?.status]);
  });

  it("resume ends the waiting gate as argo resume does, with stage and ledger in the same write", async () => {
    const { task, name, bench } = await planned();
    await rightly(bench, "reset-stage");
    // What the main workflow's own step writes while the cancelled agent's node ends.
    await scenario.cluster.patchWorkflow(name, { metadata: { labels: { "current-stage": "waiting-pr-approved" } } });
    const before = await scenario.cluster.workflow(name);
    await rightly(bench, "resume");
    const after = await scenario.cluster.workflow(name);
    equal(after?.metadata.labels?.["current-stage"], "waiting-pr-created");
    equal(before?.metadata.annotations?.["rex-remediation/resumed"], "false");
    deepEqual(after?.metadata.annotations, { ...before.metadata.annotations, "rex-remediation/resumed": "true" });
    const { finishedAt, ...gate } = after?.status?.nodes?.gate ?? {};
    match(finishedAt ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    deepEqual(gate, {
      ...before?.status?.nodes?.gate,
      phase: "Succeeded",
      message: `resumed by rex-remediation-${task}-bbbbbbbbbbbb-aaaaaaaa`,
    });
    deepEqual(after?.status?.nodes?.agent, before?.status?.nodes?.agent);
    deepEqual(after?.spec, before?.spec);
  });

  it("both can be run again after any end, and write once", async () => {
    const { name, bench } = await planned();
    await rightly(bench, "reset-stage");
    const reset = (await scenario.cluster.workflow(name))?.metadata.resourceVersion;
    await rightly(bench, "reset-stage");
    equal((await scenario.cluster.workflow(name))?.metadata.resourceVersion, reset);
    await rightly(bench, "resume");
    const resumed = (await scenario.cluster.workflow(name))?.metadata.resourceVersion;
    await rightly(bench, "resume");
    equal((await scenario.cluster.workflow(name))?.metadata.resourceVersion, resumed);
  });

  it("resume gives supplied outputs their default", async () => {
    const gate = workflowNode("gate", "Suspend", "Running", {
      outputs: { parameters: [{ name: "verdict", valueFrom: { supplied: {}, default: "go" } }] },
    });
    const { name, bench } = await planned([gate]);
    await rightly(bench, "reset-stage", "resume");
    deepEqual((await scenario.cluster.workflow(name))?.status?.nodes?.gate?.outputs, {
      parameters: [{ name: "verdict", value: "go" }],
    });
  });

  it("resume refuses a gate that asks a person, and says the way on", async () => {
    const gate = workflowNode("gate", "Suspend", "Running", {
      outputs: { parameters: [{ name: "verdict", valueFrom: { supplied: {} } }] },
    });
    const { task, name, bench } = await planned([gate]);
    await rightly(bench, "reset-stage");
    const result = await bench.run("resume");
    equal(result.exitCode, 1, result.log);
    const { namespace } = scenario.cluster;
    equal(
      result.lastWords,
      `resume: gate gate wants a value from a person (a supplied output without default): argo -n ${namespace} node set ${name} --output-parameter verdict=VALUE --node-field-selector displayName=gate, then: argo -n ${namespace} retry rex-remediation-${task}-bbbbbbbbbbbb-aaaaaaaa; a default spares that the next time`,
    );
    equal((await scenario.cluster.workflow(name))?.status?.nodes?.gate?.phase, "Running");
  });

  it("resume wakes a workflow that is suspended as a whole", async () => {
    const { name, bench } = await planned([], { spec: { suspend: true } });
    await rightly(bench, "reset-stage", "resume");
    deepEqual((await scenario.cluster.workflow(name))?.spec, { entrypoint: "play" });
  });

  it("resume waits for the gate behind the agent's node", async () => {
    const { name, bench } = await planned([workflowNode("agent", "Pod", "Running")]);
    await rightly(bench, "reset-stage");
    const running = bench.run("resume");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await scenario.cluster.patchWorkflow(name, {
      metadata: { labels: { "current-stage": "waiting-pr-approved" } },
      status: {
        nodes: { agent: workflowNode("agent", "Pod", "Failed"), gate: workflowNode("gate", "Suspend", "Running") },
      },
    });
    const result = await running;
    equal(result.exitCode, 0, result.log);
    const after = await scenario.cluster.workflow(name);
    equal(after?.status?.nodes?.gate?.phase, "Succeeded");
    equal(after?.metadata.labels?.["current-stage"], "waiting-pr-created");
  });

  it("resume fails where no gate comes, naming what is at work", async () => {
    const { name, bench } = await planned([workflowNode("slow", "Pod", "Running")]);
    await rightly(bench, "reset-stage");
    const result = await bench.run("resume");
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      new RegExp(`^resume: main workflow ${name} waits at no gate after 3 s; still at work: slow; its stage is reset`),
    );
  });

  it("resume plans again where no gate comes because a listed agent was started meanwhile", async () => {
    const { task, bench } = await planned([workflowNode("slow", "Pod", "Running")]);
    await rightly(bench, "reset-stage");
    await scenario.cluster.create(codeRun(`tess-${task}`, "tess", task, ours));
    const result = await bench.run("resume");
    equal(result.exitCode, 75, result.log);
    match(result.lastWords, new RegExp(`^resume: meanwhile started: tess-${task}; planning again$`));
  });

  it("resume does not guess between two gates", async () => {
    const { name, bench } = await planned([
      workflowNode("one", "Suspend", "Running"),
      workflowNode("two", "Suspend", "Running"),
    ]);
    await rightly(bench, "reset-stage");
    const result = await bench.run("resume");
    equal(result.exitCode, 1, result.log);
    match(result.lastWords, /waits at more than one gate: one, two; open the right one/);
    deepEqual(
      Object.values((await scenario.cluster.workflow(name))?.status?.nodes ?? {}).map(({ phase }) => phase),
      ["Running", "Running"],
    );
  });

  it("reset sends the run back to plan when a listed agent was started meanwhile", async () => {
    const { task, bench } = await planned();
    await scenario.cluster.create(codeRun(`cleo-${task}`, "cleo", task, ours));
    const result = await bench.run("reset-stage");
    equal(result.exitCode, 75, result.log);
    match(result.lastWords, new RegExp(`^reset-stage: meanwhile started: cleo-${task}; planning again$`));
    const again = await bench.run("plan");
    equal(again.exitCode, 0, again.log);
    deepEqual(
      (await bench.plan()).targets?.map(({ name }) => name),
      [`cleo-${task}`],
    );
  });

  it("reset takes the ready label off again when a dying agent has put it back", async () => {
    const { task, bench } = await planned();
    await scenario.pullRequest(task, Number(task), ["ready-for-qa"]);
    await rightly(bench, "reset-stage");
    deepEqual(await scenario.labels(Number(task)), []);
  });

  it("reset does not take an answer that is no list of labels for a label that is gone", async () => {
    const { task, bench } = await planned();
    await scenario.github.addFault({ method: "GET", pathPattern: `/issues/${task}/labels`, status: 200, body: {} });
    const result = await bench.run("reset-stage");
    await scenario.github.clearFaults();
    equal(result.exitCode, 1, result.log);
    match(result.lastWords, /^reset-stage: GitHub's answer to a question for labels is no list of labels$/);
  });

  it("both win against another writer that changes the workflow all the time", async () => {
    const { name, bench } = await planned();
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i += 1) {
        await scenario.cluster.patchWorkflow(name, { metadata: { annotations: { noise: String(i) } } });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    await rightly(bench, "reset-stage", "resume");
    writing = false;
    await writer;
    const after = await scenario.cluster.workflow(name);
    equal(after?.status?.nodes?.gate?.phase, "Succeeded");
    ok(after?.metadata.annotations?.noise);
  });

  it("both say so when the main workflow has ended meanwhile", async () => {
    for (const step of ["reset-stage", "resume"] as const) {
      const { task, name, bench } = await planned();
      await scenario.cluster.patchWorkflow(name, { status: { phase: "Failed" } });
      const result = await bench.run(step);
      equal(result.exitCode, 1, result.log);
      match(
        result.lastWords,
        new RegExp(
          `^${step}: main workflow ${name} ended \\(Failed\\) before it could be resumed; start a new main workflow for task ${task}`,
        ),
      );
    }
  });

  it("both plan again when the main workflow was replaced by another of its name", async () => {
    for (const step of ["reset-stage", "resume"] as const) {
      const { task, name, bench } = await planned();
      await scenario.cluster.deleteWorkflow(name);
      await scenario.cluster.create(mainWorkflow(name, task, "waiting-ready-for-qa", [], { labels: ours }));
      const result = await bench.run(step);
      equal(result.exitCode, 75, result.log);
      match(result.lastWords, /was replaced by another of the same name; planning again$/);
    }
  });

  it("both yield to another run in the ledger", async () => {
    for (const step of ["reset-stage", "resume"] as const) {
      const { name, bench } = await planned();
      await scenario.cluster.patchWorkflow(name, {
        metadata: { annotations: { "rex-remediation/run": "another-run", "rex-remediation/head": sha("c") } },
      });
      const result = await bench.run(step);
      equal(result.exitCode, 75, result.log);
      match(result.lastWords, new RegExp(`^${step}: another run took over main workflow ${name}; planning again$`));
      const after = await scenario.cluster.workflow(name);
      equal(after?.metadata.labels?.["current-stage"], "waiting-ready-for-qa");
      equal(after?.status?.nodes?.gate?.phase, "Running");
    }
  });

  it("both fail when the main workflow is gone", async () => {
    for (const step of ["reset-stage", "resume"] as const) {
      const { task, name, bench } = await planned();
      await scenario.cluster.deleteWorkflow(name);
      const result = await bench.run(step);
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `${step}: main workflow ${name} is gone; start a new main workflow for task ${task}: it begins on the present head`,
      );
    }
  });
});
