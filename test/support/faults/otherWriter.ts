import { type Cluster, until } from "../cluster.ts";
import { type HeldStep, StepWentBy } from "./heldStep.ts";

/** Whether this is the jq call that makes a patch from the main workflow just read. Each such program includes guarded-patch.jq. */
const makesPatch = ([command, ...rest]: string[]) =>
  command === "jq" && rest.some((text) => text.includes("def as_read:"));
/** How often the step may be interrupted. A step that tests no more than necessary succeeds with its first patch. */
const atMost = 5;

/**
 * Plays somebody else who changes their own annotation on the main workflow each time the step has read it and is about to write it.
 *
 * @throws StepWentBy if that moment never came
 * @throws Error if the step starts over again and again, as it would if it required the object to be unchanged
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
  if (writes === 0) throw new StepWentBy(`the step was not seen between reading and writing ${workflow}`);
}
