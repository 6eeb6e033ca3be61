import { deepEqual, equal } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { guards, root } from "./guards.ts";

/** The list itself; mutations.spec.ts takes the guards away. */
describe("guards.yaml", () => {
  it("names each guard once", () => {
    const named = guards.map(({ guard, file }) => `${guard} ${file}`);
    deepEqual(
      named.filter((name, index) => named.indexOf(name) !== index),
      [],
    );
  });

  for (const { guard, file, from } of guards) {
    it(`${guard}: stands in ${file}, once`, () => {
      equal(readFileSync(join(root, file), "utf8").split(from).length, 2, `"${from}"`);
    });
  }
});
