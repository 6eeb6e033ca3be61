/**
 * Runs the clean-up steps of a spec, in order. One failure does not stop the others, so that nothing is left on the node for later specs.
 *
 * @throws Error the first failure, after all steps have run
 */
export async function afterwards(...steps: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
