import { type Cluster, until } from "../cluster.ts";
import { type HeldStep, StepMissed } from "./heldStep.ts";

/** Whether this is the jq call that turns the main workflow, as just read, into a patch. Each such program includes guarded-patch.jq. */
const makesPatch = ([command, ...rest]: string[]) =>
  command === "jq" && rest.some((text) => text.includes("def as_read:"));
/** How often the step may be interrupted. If it tests no more than necessary, it succeeds with its first patch. */
const atMost = 5;

/**
 * Acts as another writer: changes its own annotation on the main workflow each time the step has read it and is about to write it.
 *
 * @throws StepMissed if that moment never came
 * @throws Error if the step starts over every time, as it would if it required the whole object to be unchanged
 */
export async function writeBeforeStep(held: HeldStep, cluster: Cluster, workflow: string): Promise<void> {
  let writes = 0;
  while (await held.holdAtChild(makesPatch)) {
    writes += 1;
    if (writes > atMost)
      throw new Error(`the step did not write in ${atMost} tries, although nobody changed what it reads`);
    const metadata = { annotations: { "tests.example/other-writer": String(writes) } };
    await until("the other writer has written", 60_000, async () => {
      await cluster.patchWorkflow(workflow, { metadata });
      return true;
    });
  }
  if (writes === 0) throw new StepMissed(`the step was never stopped between reading and writing ${workflow}`);
}
