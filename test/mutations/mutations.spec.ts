import { deepEqual } from "node:assert/strict";
import { say } from "../support/figures.ts";
import { CopiedCheckout } from "./copiedCheckout.ts";
import { guards, root } from "./guards.ts";

/**
 * Removes each guard from a copy of the program, and expects the test named for it to fail: the test itself, not a hook before it. What
 * this does not show: guards that guards.yaml does not name.
 */
describe("a test fails without the guard:", function () {
  this.timeout(120_000);

  let copy: CopiedCheckout;
  let caught = 0;
  let made = 0;

  before(() => {
    copy = new CopiedCheckout(root);
  });
  after(() => {
    copy?.remove();
    say(`mutations: ${made} made, ${caught} caught`);
  });

  const specs = [...new Set(guards.map(({ spec }) => spec))];
  for (const spec of specs) {
    describe(spec, () => {
      const own = guards.filter((one) => one.spec === spec);

      it("all tests pass with every guard in place [green-with-all-guards]", async () => {
        const tests = [...new Set(own.map(({ test }) => test))].sort();
        const { passed, failed } = await copy.run(spec, tests);
        deepEqual({ passed: passed.sort(), failed }, { passed: tests, failed: [] });
      });

      for (const { guard, file, from, to, test } of own) {
        it(guard, async () => {
          made += 1;
          const { failed } = await copy.with(file, from, to, () => copy.run(spec, [test]));
          deepEqual(failed, [test], "the test passed, or something before it failed");
          caught += 1;
        });
      }
    });
  }
});
