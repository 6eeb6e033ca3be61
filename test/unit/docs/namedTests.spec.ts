import { deepEqual } from "node:assert/strict";
import { guards } from "../../mutations/guards.ts";
import { documents } from "../../support/documents.ts";
import { missingTests, namedTests, testsWithIds } from "../../support/namedTests.ts";

/** What this does not show: that a named test proves what the line beside it says. */
describe("ids of tests", () => {
  it("stand at one test each", () => {
    const ids = testsWithIds().map(({ id }) => id);
    deepEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
    );
  });

  it("are known wherever documents name a test, and each test by its id", () => {
    for (const { file, text } of documents()) {
      deepEqual(missingTests(namedTests(text)), [], file);
      deepEqual(text.match(/^ *- (?:tried: )?`test\/[^`]+\.spec\.ts`(?! \[\S+\]$).*$/gm), null, file);
    }
  });

  it("are known to test/mutations/guards.yaml", () => {
    deepEqual(missingTests(guards.map(({ spec, test }) => ({ file: spec, id: test }))), []);
  });
});
