import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Changes } from "../support/changes.ts";
import { until } from "../support/cluster.ts";
import { codeRun } from "../support/codeRuns.ts";
import type { StepBench } from "../support/step.ts";
import {
  mainWorkflow,
  type Workflow,
  type WorkflowNode,
  workflowNode,
  workflowResource,
} from "../support/workflows.ts";
import { runNameOf, Scenario, sha } from "./scenario.ts";

const ours = { repository: "acme-shop" };

describe("restart-qa", function () {
  this.timeout(120_000);
  let scenario: Scenario;
  let nextTask = 0;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  /** A planned task at the ready-for-qa gate, as the step finds it. */
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

  async function restarts(bench: StepBench): Promise<void> {
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 0, result.log);
  }

  /** Watches the main workflow from now on and lists its stage, gate and ledger after each change. */
  async function changesOf(name: string): Promise<{ seen: string[]; close(): void }> {
    const seen: string[] = [];
    const watch = await Changes.open<Workflow>(
      scenario.cluster,
      workflowResource,
      ({ object: { metadata, status } }) => {
        if (metadata.name !== name) return;
        const { "current-stage": stage } = metadata.labels ?? {};
        const { "rex-remediation/resumed": resumed } = metadata.annotations ?? {};
        seen.push([stage, status?.nodes?.gate?.phase ?? "no gate", resumed].join(", "));
      },
      "workflow-type=play-orchestration",
    );
    return { seen, close: () => watch.close() };
  }

  it("resets the stage and opens a waiting gate in one write, never visible apart [stage-and-gate-in-one-write]", async () => {
    const { name, bench } = await planned();
    const { seen, close } = await changesOf(name);
    await restarts(bench);
    await until("the change is seen", 5000, async () => seen.length > 0);
    close();
    deepEqual(seen, ["waiting-pr-created, Succeeded, true"]);
  });

  it("ends the waiting gate as argo resume does, and changes nothing else [gate-ended-as-argo-does]", async () => {
    const { task, name, bench } = await planned();
    const before = await scenario.cluster.workflow(name);
    await restarts(bench);
    const after = await scenario.cluster.workflow(name);
    deepEqual(after?.metadata.labels, { ...before?.metadata.labels, "current-stage": "waiting-pr-created" });
    equal(before?.metadata.annotations?.["rex-remediation/resumed"], "false");
    deepEqual(after?.metadata.annotations, { ...before.metadata.annotations, "rex-remediation/resumed": "true" });
    const { finishedAt, ...gate } = after?.status?.nodes?.gate ?? {};
    match(finishedAt ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    deepEqual(gate, {
      ...before?.status?.nodes?.gate,
      phase: "Succeeded",
      message: `resumed by ${runNameOf(task)}`,
    });
    deepEqual(after?.status?.nodes?.agent, before?.status?.nodes?.agent);
    deepEqual(after?.spec, before?.spec);
  });

  it("can run again after any ending, and writes only once [restart-qa-again]", async () => {
    const { name, bench } = await planned();
    await restarts(bench);
    const resumed = (await scenario.cluster.workflow(name))?.metadata.resourceVersion;
    await restarts(bench);
    equal((await scenario.cluster.workflow(name))?.metadata.resourceVersion, resumed);
  });

  it("does not open a gate that needs input from a person, but resets the stage and says how to go on", async () => {
    const gate = workflowNode("gate", "Suspend", "Running", {
      outputs: { parameters: [{ name: "verdict", valueFrom: { supplied: {} } }] },
    });
    const { task, name, bench } = await planned([gate]);
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 1, result.log);
    const { namespace } = scenario.cluster;
    equal(
      result.lastWords,
      `restart-qa: gate gate needs a value from a person (a supplied output without default): argo -n ${namespace} node set ${name} --output-parameter verdict=VALUE --node-field-selector displayName=gate, then: argo -n ${namespace} retry ${runNameOf(task)}; with a default value the gate would not wait for a person`,
    );
    deepEqual(result.ending, {
      step: "restart-qa",
      object: `main workflow ${name}`,
      cause: "gate-wants-value",
      passes: false,
      command: "retry",
    });
    const after = await scenario.cluster.workflow(name);
    equal(after?.status?.nodes?.gate?.phase, "Running");
    equal(after?.metadata.labels?.["current-stage"], "waiting-pr-created");
  });

  describe("if the workflow is suspended as a whole,", () => {
    const suspended = { spec: { suspend: true } };

    it("wakes it, waits for its gate, and records it as resumed only when the gate opens", async () => {
      const { name, bench } = await planned([workflowNode("agent", "Pod", "Failed")], suspended);
      const { seen, close } = await changesOf(name);
      const running = bench.run("restart-qa");
      await until("the stage is set back", 10_000, async () => seen.length > 0);
      deepEqual((await scenario.cluster.workflow(name))?.spec, { entrypoint: "play" });
      await scenario.cluster.patchWorkflow(name, {
        status: { nodes: { gate: workflowNode("gate", "Suspend", "Running") } },
      });
      const result = await running;
      equal(result.exitCode, 0, result.log);
      await until("the open gate is seen", 5000, async () => seen.at(-1)?.includes("Succeeded"));
      close();
      deepEqual(seen, [
        "waiting-pr-created, no gate, false",
        "waiting-pr-created, Running, false",
        "waiting-pr-created, Succeeded, true",
      ]);
    });

    it("wakes it and opens its gate in one write if one is already waiting [suspended-woken-with-gate]", async () => {
      const { name, bench } = await planned(undefined, suspended);
      const { seen, close } = await changesOf(name);
      await restarts(bench);
      await until("the change is seen", 5000, async () => seen.length > 0);
      close();
      deepEqual(seen, ["waiting-pr-created, Succeeded, true"]);
      deepEqual((await scenario.cluster.workflow(name))?.spec, { entrypoint: "play" });
    });

    it("fails if no gate follows, and says what was done and how to go on [suspended-comes-to-no-gate]", async () => {
      const { task, name, bench } = await planned([], suspended);
      const result = await bench.run("restart-qa");
      equal(result.exitCode, 1, result.log);
      equal(
        result.lastWords,
        `restart-qa: main workflow ${name} has no waiting gate after 3 s; its stage is already reset to waiting-pr-created, and it is no longer suspended: once a gate waits, argo -n ${scenario.cluster.namespace} retry ${runNameOf(task)}`,
      );
      const after = await scenario.cluster.workflow(name);
      deepEqual(after?.spec, { entrypoint: "play" });
      equal(after?.metadata.labels?.["current-stage"], "waiting-pr-created");
      equal(after?.metadata.annotations?.["rex-remediation/resumed"], "false");
    });

    it("wakes it before it asks a person to open one of two gates, because argo resume of one gate does not wake it", async () => {
      const { name, bench } = await planned(
        [workflowNode("one", "Suspend", "Running"), workflowNode("two", "Suspend", "Running")],
        suspended,
      );
      const result = await bench.run("restart-qa");
      equal(result.exitCode, 1, result.log);
      match(result.lastWords, /: one, two; .*: its stage is already reset, and it is no longer suspended$/);
      deepEqual((await scenario.cluster.workflow(name))?.spec, { entrypoint: "play" });
    });
  });

  it("waits for a gate while the workflow pauses, and names the pause if no gate comes [pause-is-no-gate]", async () => {
    const templates = [{ name: "pause", suspend: { duration: "20" } }];
    const pause = workflowNode("pause", "Suspend", "Running", { templateName: "pause", templateScope: "local/play" });
    const { task, name, bench } = await planned([pause], { spec: { templates } });
    const before = (await scenario.cluster.workflow(name))?.status?.nodes;
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 1, result.log);
    equal(
      result.lastWords,
      `restart-qa: main workflow ${name} has no waiting gate after 3 s; still at work: pause (a pause); its stage is already reset to waiting-pr-created: once a gate waits, argo -n ${scenario.cluster.namespace} retry ${runNameOf(task)}`,
    );
    const after = await scenario.cluster.workflow(name);
    deepEqual(after?.status?.nodes, before);
    equal(after?.metadata.annotations?.["rex-remediation/resumed"], "false");
  });

  it("resets the stage at once, and waits for the gate after the agent's node [stage-first-then-gate]", async () => {
    const { name, bench } = await planned([workflowNode("agent", "Pod", "Running")]);
    const { seen, close } = await changesOf(name);
    const running = bench.run("restart-qa");
    await until("the stage is set back", 10_000, async () => seen.length > 0);
    // The main workflow's own step writes this while the cancelled agent's node ends.
    await scenario.cluster.patchWorkflow(name, {
      metadata: { labels: { "current-stage": "waiting-pr-approved" } },
      status: {
        nodes: { agent: workflowNode("agent", "Pod", "Failed"), gate: workflowNode("gate", "Suspend", "Running") },
      },
    });
    const result = await running;
    equal(result.exitCode, 0, result.log);
    await until("the open gate is seen", 5000, async () => seen.at(-1)?.includes("Succeeded"));
    close();
    equal(seen[0], "waiting-pr-created, no gate, false");
    // If the other write came before the step had read its own write back, the step wrote the stage once more.
    deepEqual(
      seen.slice(1).filter((one) => one !== "waiting-pr-created, Running, false"),
      ["waiting-pr-approved, Running, false", "waiting-pr-created, Succeeded, true"],
    );
  });

  it("fails if no gate comes, and names the nodes that are still running", async () => {
    const { name, bench } = await planned([workflowNode("slow", "Pod", "Running")]);
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      new RegExp(
        `^restart-qa: main workflow ${name} has no waiting gate after 3 s; still at work: slow; its stage is already reset`,
      ),
    );
  });

  it("plans again, and opens nothing, if a listed agent starts while it waits for the gate", async () => {
    const { task, name, bench } = await planned([workflowNode("slow", "Pod", "Running")]);
    const { seen, close } = await changesOf(name);
    const running = bench.run("restart-qa");
    await until("the stage is set back", 10_000, async () => seen.length > 0);
    close();
    await scenario.cluster.create(codeRun(`tess-${task}`, "5DLabs-Tess", task, ours));
    await scenario.cluster.patchWorkflow(name, {
      status: { nodes: { gate: workflowNode("gate", "Suspend", "Running") } },
    });
    const result = await running;
    equal(result.exitCode, 75, result.log);
    equal((await scenario.cluster.workflow(name))?.status?.nodes?.gate?.phase, "Running");
    match(result.lastWords, new RegExp(`^restart-qa: agents started meanwhile: tess-${task}; planning again$`));
  });

  it("does not choose between two gates [two-gates]", async () => {
    const { name, bench } = await planned([
      workflowNode("one", "Suspend", "Running"),
      workflowNode("two", "Suspend", "Running"),
    ]);
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 1, result.log);
    match(
      result.lastWords,
      /waits at more than one gate: one, two; open the right one .*: its stage is already reset$/,
    );
    const after = await scenario.cluster.workflow(name);
    deepEqual(
      Object.values(after?.status?.nodes ?? {}).map(({ phase }) => phase),
      ["Running", "Running"],
    );
    equal(after?.metadata.labels?.["current-stage"], "waiting-pr-created");
  });

  it("sends the run back to plan if a listed agent has started since, and touches nothing [agent-started-meanwhile]", async () => {
    const { task, name, bench } = await planned();
    await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
    const before = (await scenario.cluster.workflow(name))?.metadata.resourceVersion;
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 75, result.log);
    equal((await scenario.cluster.workflow(name))?.metadata.resourceVersion, before);
    match(result.lastWords, new RegExp(`^restart-qa: agents started meanwhile: cleo-${task}; planning again$`));
    const again = await bench.run("plan");
    equal(again.exitCode, 0, again.log);
    deepEqual(
      (await bench.plan()).targets?.map(({ name }) => name),
      [`cleo-${task}`],
    );
  });

  it("does the same for an agent whose name differs from a listed one only in spelling [near-miss-started-meanwhile]", async () => {
    const { task, name, bench } = await planned();
    await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs_cleo", task, ours));
    const before = (await scenario.cluster.workflow(name))?.metadata.resourceVersion;
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 75, result.log);
    equal((await scenario.cluster.workflow(name))?.metadata.resourceVersion, before);
    equal(result.lastWords, `restart-qa: agents started meanwhile: cleo-${task}; planning again`);
    const again = await bench.run("plan");
    equal(again.exitCode, 1, again.log);
    match(
      again.lastWords,
      /^plan: agents of some coderuns of task \d+ differ from listed agents only in spelling: cleo-/,
    );
  });

  it("succeeds even if another writer changes the workflow all the time [wins-against-writer]", async () => {
    const { name, bench } = await planned();
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i += 1) {
        await scenario.cluster.patchWorkflow(name, { metadata: { annotations: { noise: String(i) } } });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    await restarts(bench);
    writing = false;
    await writer;
    const after = await scenario.cluster.workflow(name);
    equal(after?.status?.nodes?.gate?.phase, "Succeeded");
    ok(after?.metadata.annotations?.noise);
  });

  it("says so, and opens nothing, if the main workflow was told to stop in the meantime [ended-meanwhile]", async () => {
    const { task, name, bench } = await planned();
    await scenario.cluster.patchWorkflow(name, { spec: { shutdown: "Stop" } });
    const before = await scenario.cluster.workflow(name);
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 1, result.log);
    equal(
      result.lastWords,
      `restart-qa: main workflow ${name} was told to stop (spec.shutdown: Stop) before it could be resumed; start a new main workflow for task ${task}: it begins on the current head`,
    );
    deepEqual(await scenario.cluster.workflow(name), before);
  });

  it("says so if the main workflow is told to stop while it waits for the gate", async () => {
    const { name, bench } = await planned([workflowNode("slow", "Pod", "Running")]);
    const { seen, close } = await changesOf(name);
    const running = bench.run("restart-qa");
    await until("the stage is set back", 10_000, async () => seen.length > 0);
    close();
    await scenario.cluster.patchWorkflow(name, {
      spec: { shutdown: "Stop" },
      status: {
        nodes: { gate: workflowNode("gate", "Suspend", "Running", { name: `${name}.onExit` }) },
      },
    });
    const result = await running;
    equal(result.exitCode, 1, result.log);
    match(result.lastWords, /was told to stop \(spec\.shutdown: Stop\) before it could be resumed/);
    equal((await scenario.cluster.workflow(name))?.status?.nodes?.gate?.phase, "Running");
  });

  it("plans again if the main workflow was replaced by another with the same name [main-workflow-replaced]", async () => {
    const { task, name, bench } = await planned();
    await scenario.cluster.deleteWorkflow(name);
    await scenario.cluster.create(mainWorkflow(name, task, "waiting-ready-for-qa", [], { labels: ours }));
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 75, result.log);
    match(result.lastWords, /was replaced by another of the same name; planning again$/);
  });

  it("plans again if another run has taken over the ledger [yields-to-other-run]", async () => {
    const { name, bench } = await planned();
    await scenario.cluster.patchWorkflow(name, {
      metadata: { annotations: { "rex-remediation/run": "another-run", "rex-remediation/head": sha("c") } },
    });
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 75, result.log);
    match(result.lastWords, new RegExp(`^restart-qa: another run took over main workflow ${name}; planning again$`));
    const after = await scenario.cluster.workflow(name);
    equal(after?.metadata.labels?.["current-stage"], "waiting-ready-for-qa");
    equal(after?.status?.nodes?.gate?.phase, "Running");
  });

  it("fails if the main workflow is gone", async () => {
    const { task, name, bench } = await planned();
    await scenario.cluster.deleteWorkflow(name);
    const result = await bench.run("restart-qa");
    equal(result.exitCode, 1, result.log);
    equal(
      result.lastWords,
      `restart-qa: main workflow ${name} is gone; start a new main workflow for task ${task}: it begins on the current head`,
    );
  });
});
