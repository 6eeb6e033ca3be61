import { type Cluster, until } from "../cluster.ts";
import { type HeldStep, StepWentBy } from "./heldStep.ts";

/** How the call of jq begins that makes a step's patch from the main workflow as it was read; components/steps/main-workflow.sh has it. */
const makesPatch = ["jq", "--arg", "stage_label"];
/** A step that tests no more than it has to is through with the first of its patches. */
const atMost = 5;

/**
 * Somebody else who changes an annotation of their own on the main workflow each time that the step has read it and is about to
 * write it.
 *
 * @throws StepWentBy if that moment was not met
 * @throws Error if the step begins again and again, as it would if it wanted the object as it was read
 */
export async function writeBeforeStep(held: HeldStep, cluster: Cluster, workflow: string): Promise<void> {
  let writes = 0;
  while (await held.holdAtChild(makesPatch)) {
    writes += 1;
    if (writes > atMost)
      throw new Error(`the step has not written although nobody touched what it reads: ${atMost} times`);
    const metadata = { annotations: { "tests.example/other-writer": String(writes) } };
    await until("the other writer has written", 60_000, async () => {
      await cluster.patchWorkflow(workflow, { metadata });
      return true;
    });
  }
  if (writes === 0)
    throw new StepWentBy(`nothing was written between what the step reads and what it writes of ${workflow}`);
}
