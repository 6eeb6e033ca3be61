import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { gates, type Task } from "../../support/platform.ts";

/**
 * The whole chain as `pulumi up` deployed it, on main workflows on which a remediation has to fail. The failed run writes commands on the
 * main workflow. The test runs them literally, and then the remediation succeeds. What this does not show: ways out that need another
 * configuration, which test/steps covers.
 */
describe("remediation that fails because of its main workflow", function () {
  this.timeout(420_000);
  const dev = devPlatform();
  const namespace = "agent-platform";
  let cases: Record<"twice" | "asking" | "unknownStage" | "packed", Promise<void>>;

  interface Failed {
    task: Task;
    run: string;
    /** The message on the main workflow. */
    message: string;
  }

  // A run fails only after three attempts, so all cases run at the same time.
  before(() => {
    cases = { twice: twice(), asking: asking(), unknownStage: unknownStage(), packed: packed() };
    for (const each of Object.values(cases)) each.catch(() => undefined);
  });

  it("two main workflows: after one is stopped, argo retry succeeds [way-out-of-two-main-workflows]", () =>
    cases.twice);
  it("a gate that asks a person: after argo node set answers it, argo retry succeeds [way-out-of-asking-gate]", () =>
    cases.asking);
  it("an unknown stage: after the label is corrected, argo retry succeeds [way-out-of-unknown-stage]", () =>
    cases.unknownStage);
  it("packed nodes: a person sets stage and gate by hand [way-out-of-packed-nodes]", () => cases.packed);

  async function failed(
    spoil: (task: Task) => Promise<void>,
    more: Parameters<typeof dev.platform.startTask>[1] = {},
  ): Promise<Failed> {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"], ...more });
    await spoil(task);
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run, 350_000), "failed");
    equal((await dev.platform.ended(run)).status?.phase, "Failed");
    const workflow = await dev.platform.cluster.workflow(task.workflow);
    return { task, run, message: workflow?.metadata.annotations?.["rex-remediation/message"] ?? "" };
  }

  /** Runs a command as if a person had pasted it. */
  async function paste(command: string): Promise<void> {
    const [program = "", ...words] = command.trim().split(" ");
    await promisify(execFile)(program, words, { timeout: 30_000 });
  }

  async function resumed({ task }: Failed): Promise<void> {
    await until(`task ${task.id} is resumed`, 90_000, async () => {
      const workflow = await dev.platform.cluster.workflow(task.workflow);
      return workflow?.metadata.annotations?.["rex-remediation/resumed"] === "true";
    });
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
    equal(
      (await dev.platform.cluster.workflow(task.workflow))?.metadata.labels?.["current-stage"],
      "waiting-pr-created",
    );
  }

  async function twice(): Promise<void> {
    const { cluster } = dev.platform;
    const of = await failed(async (task) => {
      const { metadata, spec } = (await cluster.workflow(task.workflow)) ?? { metadata: {}, spec: {} };
      const { "workflow-type": type = "", "task-id": id = "", repository = "" } = metadata.labels ?? {};
      const labels = { "workflow-type": type, "task-id": id, repository, "current-stage": "waiting-ready-for-qa" };
      await cluster.create({
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Workflow",
        metadata: { name: `${task.workflow}-again`, labels },
        spec,
      });
    });
    const { task, run, message } = of;
    const retry = `argo -n ${namespace} retry ${run}`;
    equal(
      message,
      `${run}: plan: task ${task.id} has more than one main workflow: ${task.workflow}, ${task.workflow}-again; stop all but one (argo -n ${namespace} stop NAME), then: ${retry} | once that is fixed: ${retry}`,
    );
    await paste(`argo -n ${namespace} stop ${task.workflow}-again`);
    await dev.platform.ended(`${task.workflow}-again`, 60_000);
    await paste(retry);
    await resumed(of);
  }

  async function asking(): Promise<void> {
    const supplied = { parameters: [{ name: "verdict", valueFrom: { supplied: {} } }] };
    const of = await failed(async () => undefined, { gateOutputs: supplied });
    const { task, run, message } = of;
    const [, set = "", retry = ""] =
      /without default\): (argo .*), then: (argo -n \S+ retry \S+); /.exec(message) ?? [];
    equal(
      set,
      `argo -n ${namespace} node set ${task.workflow} --output-parameter verdict=VALUE --node-field-selector displayName=gate-1`,
    );
    equal(retry, `argo -n ${namespace} retry ${run}`);
    await paste(set.replace("VALUE", "go"));
    await paste(retry);
    await resumed(of);
    const [gate] = gates(await dev.platform.cluster.workflow(task.workflow)).filter(
      ({ displayName }) => displayName === "gate-1",
    );
    deepEqual(gate?.outputs, { parameters: [{ name: "verdict", value: "go" }] });
  }

  async function unknownStage(): Promise<void> {
    const { cluster } = dev.platform;
    const of = await failed((task) =>
      cluster.patchWorkflow(task.workflow, { metadata: { labels: { "current-stage": "lunch" } } }),
    );
    const { task, run, message } = of;
    const retry = `argo -n ${namespace} retry ${run}`;
    const resubmit = `argo -n ${namespace} resubmit ${run}`;
    match(
      message,
      new RegExp(
        `is at stage lunch, .*: add it to mainWorkflow.stages \\(pulumi up\\), then: ${resubmit}; or correct the label current-stage, then: ${retry} \\| once that is fixed: ${resubmit}$`,
      ),
    );
    await paste(
      `kubectl -n ${namespace} label --overwrite workflow ${task.workflow} current-stage=waiting-ready-for-qa`,
    );
    await paste(retry);
    await resumed(of);
  }

  async function packed(): Promise<void> {
    const { cluster } = dev.platform;
    const { task, message } = await failed(async (task) => {
      const { nodes } = (await cluster.workflow(task.workflow))?.status ?? {};
      const compressedNodes = gzipSync(JSON.stringify(nodes)).toString("base64");
      await cluster.patchWorkflow(task.workflow, { status: { nodes: null, compressedNodes } });
    });
    const [, label = "", resume = ""] = /then: (kubectl .*); (argo .*) \(through the Argo server/.exec(message) ?? [];
    equal(
      label,
      `kubectl -n ${namespace} label --overwrite workflow ${task.workflow} current-stage=waiting-pr-created`,
    );
    equal(resume, `argo -n ${namespace} resume ${task.workflow}`);
    await paste(label);
    await paste(resume);
    await until("the next gate waits", 30_000, async () => {
      return (await dev.platform.waitingGate(task))?.displayName === "gate-2";
    });
  }
});
