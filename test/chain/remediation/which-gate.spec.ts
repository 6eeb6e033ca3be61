import { deepEqual, equal, match } from "node:assert/strict";
import { until } from "../../support/cluster.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { gates, type Task } from "../../support/platform.ts";
import { restartTimes } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` deployed it, on main workflows in which no gate of the round waits, or something else waits as well. Argo
 * itself writes their nodes. So this shows that the steps read them correctly, which test/steps cannot show. What this does not show:
 * GitHub itself.
 */
describe("remediation opens only the gate of a round:", function () {
  this.timeout(300_000);
  const dev = devPlatform();

  /** The suspend nodes of a task's main workflow and their phases. */
  async function waiting(task: Task): Promise<string[]> {
    return gates(await dev.platform.cluster.workflow(task.workflow))
      .map(({ displayName, phase }) => `${displayName} ${phase}`)
      .sort();
  }

  it("a main workflow that is suspended as a whole while Cleo works is resumed, and a new Cleo works on the new head", async () => {
    const task = await dev.platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa"] });
    const [before] = await dev.agents(task);
    await dev.platform.cluster.patchWorkflow(task.workflow, { spec: { suspend: true } });
    const { run, pushedAt } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "remediated");
    await restartTimes(dev.platform, task, run, pushedAt);
    const agents = await dev.platform.agents(task.id);
    deepEqual(
      agents.map(({ metadata }) => [metadata.labels?.["github-app"], metadata.name === before]),
      [["5DLabs-Cleo", false]],
    );
    const [cleo] = agents;
    await until("the new Cleo is at work", 60_000, async () => {
      const { items } = await dev.platform.cluster.core.listNamespacedPod({
        namespace: dev.platform.cluster.namespace,
      });
      return items.some(
        ({ metadata, status }) => metadata?.name === cleo?.metadata.name && status?.phase === "Running",
      );
    });
    const workflow = await dev.platform.cluster.workflow(task.workflow);
    equal(workflow?.spec.suspend, undefined);
    equal(workflow?.metadata.labels?.["current-stage"], "waiting-pr-created");
    deepEqual(
      gates(workflow).map(({ displayName, message }) => [displayName, message]),
      [["ready-for-qa", `resumed by ${run}`]],
    );
  });

  it("a stopped main workflow keeps waiting at the gate of its exit handler: no-workflow [chain-exit-handlers-gate]", async () => {
    const task = await dev.platform.startTask("at-bare-gate", {
      pullLabels: ["ready-for-qa"],
      spec: { onExit: "gate" },
    });
    await dev.platform.cluster.patchWorkflow(task.workflow, { spec: { shutdown: "Stop" } });
    const atItsExit = ["gate-1 Failed", `${task.workflow}.onExit Running`].sort();
    await until("its exit handler waits", 60_000, async () => (await waiting(task)).join() === atItsExit.join());
    const before = await dev.stateOf(task);
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "no-workflow");
    deepEqual(await dev.stateOf(task), before);
    deepEqual(await waiting(task), atItsExit);
    equal((await dev.platform.cluster.workflow(task.workflow))?.status?.phase, "Running");
    const outputs = Object.values((await dev.platform.ended(run)).status?.nodes ?? {}).flatMap(
      ({ outputs }) => outputs?.parameters ?? [],
    );
    match(
      outputs.find(({ name }) => name === "report")?.value ?? "",
      new RegExp(`; ${task.workflow} was told to stop \\(spec\\.shutdown: Stop\\)`),
    );
  });

  it("a gate with a duration keeps waiting, and the gate without a duration beside it is opened", async () => {
    const task = await dev.platform.startTask("at-bare-gate", {
      pullLabels: ["ready-for-qa"],
      spec: {
        entrypoint: "side-by-side",
        templates: [
          {
            name: "side-by-side",
            steps: [
              [
                { name: "named", template: "pause", arguments: { parameters: [{ name: "wait", value: "1h" }] } },
                { name: "inline", inline: { suspend: { duration: "1h" } } },
                { name: "gate-1", template: "gate" },
              ],
              [{ name: "gate-2", template: "gate" }],
            ],
          },
          {
            name: "pause",
            inputs: { parameters: [{ name: "wait" }] },
            suspend: { duration: "{{inputs.parameters.wait}}" },
          },
          { name: "gate", suspend: {} },
        ],
      },
    });
    const all = (gate: string) => [`gate-1 ${gate}`, "inline Running", "named Running"];
    await until("all three wait", 30_000, async () => (await waiting(task)).join() === all("Running").join());
    const { run } = await dev.platform.push(task);
    equal(await dev.platform.outcome(run), "remediated");
    deepEqual(await waiting(task), all("Succeeded"));
  });
});
