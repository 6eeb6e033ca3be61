import { equal } from "node:assert/strict";
import { devPlatform } from "../support/devPlatform.ts";
import { FaultRuns } from "../support/faults/faultRuns.ts";
import { nodeKinds } from "../support/faults/kinds.ts";
import { type FaultCase, readMatrix } from "../support/faults/matrix.ts";
import { type Result, sayResults } from "../support/faults/results.ts";
import { type Job, oneByOne, Round, sideBySide } from "../support/faults/schedule.ts";
import { nodeStrikes } from "../support/faults/strikes.ts";
import type { Task } from "../support/platform.ts";

/** Which cases: a regular expression for their titles. Default: the default ones. */
const wanted = process.env.REX_FAULTS;
/** Runs at a time where they do not disturb one another, for two cores. */
const width = 5;

/**
 * Faults, injected for real into remediations on the node, as test/faults/faults.yaml has them: its default cases, or those
 * whose titles REX_FAULTS matches. Each case has a task of its own, but for the
 * default ones that share one, and its run is made as the Sensor makes it, but for those
 * that strike the way in. A step is held at its first moment while it is struck. Faults of GitHub come from a double of the case's
 * own: its run has the deployed WorkflowTemplate but for GitHub's address, and the time limits that faults.yaml names.
 * What this does not show: what faults.yaml lists as not tried.
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
    it(`${one.id}: ends as one clean run, without a person [transient-fault]`, () => rightEnding(one));
  }
  for (const one of cases.filter(({ ending }) => ending === "final")) {
    it(`${one.id}: ends failed, says step, object and the way on; and that works [final-fault]`, () =>
      rightEnding(one));
  }

  it("touch nothing of a neighbour task", async () => {
    await Promise.all([...results.values()].map(({ promise }) => promise));
    equal(JSON.stringify(await dev.stateOf(neighbour.task)), JSON.stringify(neighbour.state));
  });

  after(() => sayResults(ended));

  /** What strikes the whole node goes one after the other and alone, but for the default cases, which have little time. */
  async function runAll(runs: FaultRuns): Promise<void> {
    const sets = wanted === undefined ? together(cases) : cases.map((one) => [one]);
    const detection = sets.filter((set) => set.some(({ step }) => step === "detection"));
    const onNode = sets.filter((set) => set.some(({ fault }) => nodeKinds.includes(fault)));
    const others = sets.filter((set) => !detection.includes(set) && !onNode.includes(set));
    const struck = wanted === undefined ? oneByOne(onNode.map((set) => job(runs, set))) : oneByOne(rounds(runs));
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

  /** Each kind strikes once, and all of its cases. */
  function rounds(runs: FaultRuns): Job[] {
    return nodeKinds.map((kind) => async () => {
      const struck = cases.filter(({ fault }) => fault === kind);
      const round = new Round(struck.length, nodeStrikes[kind] ?? (async () => undefined));
      await Promise.all(struck.map((one) => job(runs, [one], round)()));
    });
  }

  function job(runs: FaultRuns, set: FaultCase[], round?: Round): Job {
    return async () => {
      const result = await runs.run(set, round).then(
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

/** The cases that strike one run, set by set. */
function together(cases: FaultCase[]): FaultCase[][] {
  return [...Map.groupBy(cases, ({ id, together = id }) => together).values()];
}
