/**
 * For what a spec does after its cases: all of it in this order, also where one of it fails, so that nothing is left on the node for the specs
 * that come after.
 *
 * @throws Error the first one, in the end
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
