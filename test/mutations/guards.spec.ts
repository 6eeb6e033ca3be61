import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { guards, root } from "./guards.ts";

/** Checks the list itself; mutations.spec.ts removes the guards. */
describe("guards.yaml", () => {
  it("names each guard once", () => {
    const named = guards.map(({ guard, file }) => `${guard} ${file}`);
    deepEqual(
      named.filter((name, index) => named.indexOf(name) !== index),
      [],
    );
  });

  for (const { guard, file, from } of guards) {
    it(`${guard}: occurs in ${file} exactly once`, () => {
      equal(readFileSync(join(root, file), "utf8").split(from).length, 2, `"${from}"`);
    });
  }
});
