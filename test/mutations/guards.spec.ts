import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { guards, root } from "./guards.ts";

/** The list itself; mutations.spec.ts takes the guards away. */
describe("guards.yaml", () => {
  it("names at least 20 guards, each once, of every kind", () => {
    ok(guards.length >= 20);
    equal(new Set(guards.map(({ guard, file }) => `${guard} ${file}`)).size, guards.length);
    const kinds = [/steps\//, /taskPush/, /Access/, /Rules/, /config/];
    deepEqual(
      kinds.map((kind) => guards.some(({ file }) => kind.test(file))),
      kinds.map(() => true),
    );
  });

  for (const { guard, file, from, spec } of guards) {
    it(`${guard}: stands in ${file}, once`, () => {
      equal(readFileSync(join(root, file), "utf8").split(from).length, 2, `"${from}"`);
      ok(readFileSync(join(root, spec), "utf8").includes("describe("));
    });
  }
});
