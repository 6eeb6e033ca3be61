import { deepEqual } from "node:assert/strict";
import { instanceIdLabel } from "../../components/argoInstance.ts";
import type { Caller } from "../support/caller.ts";
import { Guarded } from "../support/guarded.ts";
import { runOf } from "../support/runs.ts";

/** The policies where Argo's controller has an instance ID: a run without it nobody would look at, and one of another's another would. */
describe("with argoInstanceId", function () {
  this.timeout(120_000);

  let guarded: Guarded;
  before(async () => {
    guarded = await Guarded.open({ config: { "argo.instanceId": "prod" } });
  });
  after(() => guarded?.close());

  /** The API server's code for the runs of three tasks: with that ID, with another, with none. */
  async function codes(caller: Caller, swept: boolean): Promise<number[]> {
    const answers: number[] = [];
    for (const [task, id] of [
      ["3", "prod"],
      ["4", "other"],
      ["5", undefined],
    ] as const) {
      const run = runOf(guarded.name, task);
      if (swept) run.metadata.name += "-sweep";
      if (id !== undefined) run.metadata.labels[instanceIdLabel] = id;
      const path = `/apis/argoproj.io/v1alpha1/namespaces/${guarded.cluster.namespace}/workflows`;
      answers.push((await caller.send({ method: "POST", path, body: run })).code);
    }
    return answers;
  }

  it("the Sensor's runs have to have it [sensor-needs-instance-id]", async () => {
    deepEqual(await codes(await guarded.as("sensor"), false), [201, 403, 403]);
  });

  it("and the sweep's", async () => {
    deepEqual(await codes(await guarded.as("sweep"), true), [201, 403, 403]);
  });
});
