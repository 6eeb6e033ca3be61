import { deepEqual } from "node:assert/strict";
import { guards } from "../../mutations/guards.ts";
import { documents } from "../../support/documents.ts";
import { missingTests, namedTests, testsWithIds } from "../../support/namedTests.ts";

/** It does not show that a named test proves the claim beside its name. */
describe("ids of tests", () => {
  it("are unique", () => {
    const ids = testsWithIds().map(({ id }) => id);
    deepEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
    );
  });

  it("exist if a document names them, and documents name tests by id", () => {
    for (const { file, text } of documents()) {
      deepEqual(missingTests(namedTests(text)), [], file);
      deepEqual(text.match(/^ *- (?:tried: )?`test\/[^`]+\.spec\.ts`(?! \[\S+\]$).*$/gm), null, file);
    }
  });

  it("exist if test/mutations/guards.yaml names them", () => {
    deepEqual(missingTests(guards.map(({ spec, test }) => ({ file: spec, id: test }))), []);
  });
});
