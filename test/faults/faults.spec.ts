import { equal } from "node:assert/strict";
import { devPlatform } from "../support/devPlatform.ts";
import { FaultRuns } from "../support/faults/faultRuns.ts";
import { nodeKinds } from "../support/faults/kinds.ts";
import { type FaultCase, readMatrix } from "../support/faults/matrix.ts";
import { type Result, sayResults } from "../support/faults/results.ts";
import { type Job, oneByOne, SharedFault, sideBySide } from "../support/faults/schedule.ts";
import { nodeStrikes } from "../support/faults/strikes.ts";
import type { Task } from "../support/platform.ts";

/** A regular expression for the ids of the cases to run. Unset: the default cases. */
const wanted = process.env.REX_FAULTS;
/** How many independent runs run at the same time; chosen for two cores. */
const width = 5;

/**
 * Injects real faults into remediations on the node: the default cases of test/faults/faults.yaml, or those that REX_FAULTS matches. Each
 * case has its own task, except that some default cases share one. The spec creates the run as the Sensor would, except in cases whose
 * fault strikes between GitHub and the Sensor. A step is held at its beginning while the fault strikes. Faults of GitHub come from a
 * separate double for the case: its run uses the deployed WorkflowTemplate with that double's address and the time limits in faults.yaml.
 * What this does not show: the cases that faults.yaml lists as not tried.
 */
describe("remediation under faults", function () {
  this.timeout(45 * 60_000);
  const dev = devPlatform();
  const cases = readMatrix().cases.filter(({ id, isDefault }) =>
    wanted === undefined ? isDefault : new RegExp(wanted).test(id),
  );
  const results = new Map(cases.map(({ id }) => [id, Promise.withResolvers<Result>()]));
  let neighbour: { task: Task; state: object };

  before(async () => {
    const task = await dev.platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa"] });
    neighbour = { task, state: await dev.stateOf(task) };
    runAll(new FaultRuns(dev.platform)).catch((error) => {
      for (const { reject } of results.values()) reject(error);
    });
  });

  const ended: Result[] = [];
  async function rightEnding({ id }: FaultCase): Promise<void> {
    const result = await results.get(id)?.promise;
    if (result === undefined) throw new Error(`${id} was not run`);
    ended.push(result);
    if (result.error !== undefined) throw new Error(result.error);
  }

  for (const one of cases.filter(({ ending }) => ending === "transient")) {
    it(`${one.id}: ends as one clean run without help from a person [transient-fault]`, () => rightEnding(one));
  }
  for (const one of cases.filter(({ ending }) => ending === "final")) {
    it(`${one.id}: fails, names step, object and a command, and the command works [final-fault]`, () =>
      rightEnding(one));
  }

  it("touches nothing of another task", async () => {
    await Promise.all([...results.values()].map(({ promise }) => promise));
    equal(JSON.stringify(await dev.stateOf(neighbour.task)), JSON.stringify(neighbour.state));
  });

  after(() => sayResults(ended));

  /** Cases of faults that strike the whole node run alone, one kind after the other. The default cases do not, to save time. */
  async function runAll(runs: FaultRuns): Promise<void> {
    const sets = wanted === undefined ? together(cases) : cases.map((one) => [one]);
    const detection = sets.filter((set) => set.some(({ step }) => step === "detection"));
    const onNode = sets.filter((set) => set.some(({ fault }) => nodeKinds.includes(fault)));
    const others = sets.filter((set) => !detection.includes(set) && !onNode.includes(set));
    const struck = runs
      .cleanRunHasEnded()
      .then(() => oneByOne(wanted === undefined ? onNode.map((set) => job(runs, set)) : sharedFaults(runs)));
    if (wanted !== undefined) await struck;
    await Promise.all([
      struck,
      oneByOne(detection.map((set) => job(runs, set))),
      sideBySide(
        others.map((set) => job(runs, set)),
        width,
      ),
    ]);
  }

  /** A job for each kind of fault that strikes the whole node. The fault strikes once, in all cases of its kind. */
  function sharedFaults(runs: FaultRuns): Job[] {
    return nodeKinds.map((kind) => async () => {
      const struck = cases.filter(({ fault }) => fault === kind);
      const sharedFault = new SharedFault(struck.length, nodeStrikes[kind] ?? (async () => undefined));
      await Promise.all(struck.map((one) => job(runs, [one], sharedFault)()));
    });
  }

  function job(runs: FaultRuns, set: FaultCase[], sharedFault?: SharedFault): Job {
    return async () => {
      const result = await runs.run(set, sharedFault).then(
        (seconds) => ({ right: true, seconds }),
        (error: Error) => ({ right: false, error: error.message }),
      );
      for (const { id, fault, step, ending } of set) {
        if ("error" in result) console.log(`    ${id}: ${result.error}`);
        results.get(id)?.resolve({ id, fault, step, ending, ...result });
      }
    };
  }
});

/** Groups the cases that share a run. */
function together(cases: FaultCase[]): FaultCase[][] {
  return [...Map.groupBy(cases, ({ id, together = id }) => together).values()];
}
