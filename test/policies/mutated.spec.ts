import { deepEqual, equal, match } from "node:assert/strict";
import type { ApiRequest, Caller } from "../support/caller.ts";
import { until } from "../support/cluster.ts";
import { say } from "../support/figures.ts";
import { Guarded } from "../support/guarded.ts";
import { Mutation } from "../support/mutation.ts";
import { type Run, runOf } from "../support/runs.ts";
import { mainWorkflow, workflowNode, workflowResource } from "../support/workflows.ts";

/**
 * The policies if somebody else changes every incoming Workflow, tested with real mutating admission policies on the API server: one for
 * creations, one for updates. If the server has none, the other specs here send what such a policy would produce.
 */
describe("if somebody else labels all Workflows", function () {
  this.timeout(120_000);

  let guarded: Guarded;
  const mutations: Mutation[] = [];
  let sensor: Caller;
  let sweep: Caller;
  let pod: Caller;
  let templateUid: string;

  before(async function () {
    guarded = await Guarded.open();
    const missing = await Mutation.unserved(guarded.cluster);
    if (missing !== undefined) {
      say(`not tried: ${missing}`);
      this.skip();
    }
    sensor = await guarded.as("sensor");
    sweep = await guarded.as("sweep");
    const podName = `${guarded.runName("3")}-remediate-123`;
    await guarded.startPod(podName, "remediation");
    pod = await guarded.as("remediation", podName);
    const gate = [workflowNode("waiting", "Suspend", "Running")];
    await guarded.cluster.create(
      mainWorkflow("main-3", 3, "waiting-ready-for-qa", gate, { labels: { repository: "acme-shop" } }),
    );
    const template = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "WorkflowTemplate",
      metadata: { name: guarded.name },
      spec: {},
    };
    const made = await guarded.cluster.custom.createNamespacedCustomObject({
      ...workflowResource,
      plural: "workflowtemplates",
      namespace: guarded.cluster.namespace,
      body: template,
    });
    templateUid = made.metadata.uid;
    await mutate("created", ["CREATE"], "42");
    await mutate("updated", ["UPDATE"], "43");
  });
  after(async () => {
    for (const mutation of mutations) await mutation.end();
    await guarded?.close();
  });

  async function mutate(what: string, operations: ("CREATE" | "UPDATE")[], value: string): Promise<void> {
    const name = `${guarded.name}-${what}.${guarded.cluster.namespace}`;
    const label = { key: "cost-center", value };
    const annotation = { key: "example.com/seen", value };
    mutations.push(await Mutation.make(guarded.cluster, { name, operations, label, annotation }));
    await until(`${name} is in force`, 30_000, async () => {
      const probe = `probe-${what}`;
      await guarded.cluster.create(mainWorkflow(probe, "0", undefined));
      await guarded.cluster.patchWorkflow(probe, { metadata: { labels: { probe: "1" } } });
      const seen = await guarded.cluster.workflow(probe);
      await guarded.cluster.deleteWorkflow(probe);
      return seen?.metadata.labels?.["cost-center"] === value;
    });
  }

  const path = (name = "") => {
    const all = `/apis/argoproj.io/v1alpha1/namespaces/${guarded.cluster.namespace}/workflows`;
    return name === "" ? all : `${all}/${name}`;
  };
  const merge = (name: string, body: object): ApiRequest => ({
    method: "PATCH",
    form: "merge",
    path: path(name),
    body,
  });
  const foreign = async (name: string) => {
    const { labels, annotations } = (await guarded.cluster.workflow(name))?.metadata ?? {};
    return [labels?.["cost-center"], annotations];
  };

  /** A run whose owner exists; the garbage collector would remove any other. */
  function ownedRun(task: string): Run {
    const run = runOf(guarded.name, task);
    run.metadata.ownerReferences = run.metadata.ownerReferences.map((owner) => ({ ...owner, uid: templateUid }));
    return run;
  }

  it("a push gets its run, and the same push does no harm when it comes again", async () => {
    const run = ownedRun("5");
    const made = await sensor.send({ method: "POST", path: path(), body: run });
    equal(made.code, 201, made.message);
    deepEqual(await foreign(run.metadata.name), ["42", { "example.com/seen": "42" }]);
    const again = await sensor.send(merge(run.metadata.name, run));
    equal(again.code, 200, again.message);
    deepEqual(await foreign(run.metadata.name), ["43", { "example.com/seen": "43" }]);
  });

  it("a lost push gets its run", async () => {
    const run = ownedRun("6");
    run.metadata.name += "-sweep";
    run.metadata.labels["rex-remediation/swept"] = "490896";
    const { code, message } = await sweep.send({ method: "POST", path: path(), body: run });
    equal(code, 201, message);
    deepEqual(await foreign(run.metadata.name), ["42", { "example.com/seen": "42" }]);
  });

  it("a remediation writes stage, ledger and gate", async () => {
    const { code, message } = await pod.send(
      merge("main-3", {
        metadata: {
          labels: { "current-stage": "waiting-pr-created" },
          annotations: { "rex-remediation/head": "b" },
        },
        status: { nodes: { waiting: { phase: "Succeeded" } } },
      }),
    );
    equal(code, 200, message);
    deepEqual(await foreign("main-3"), ["43", { "example.com/seen": "43", "rex-remediation/head": "b" }]);
  });

  it("a remediation is refused the same things as before", async () => {
    const { code, message } = await pod.send(merge("main-3", { metadata: { labels: { "task-id": "4" } } }));
    equal(code, 403);
    match(message, /workflow main-3 must keep its labels/);
  });
});
