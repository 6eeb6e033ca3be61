import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { namedTests } from "../../support/namedTests.ts";

/** docs/acceptance.md names the tests that show each quality check; namedTests.spec.ts shows that they exist. */
describe("docs/acceptance.md", () => {
  it("names at least one test for every check", () => {
    const document = readFileSync(new URL("../../../docs/acceptance.md", import.meta.url), "utf8");
    const checks = document.split(/^- /m).slice(1);
    const bare = checks.filter((check) => namedTests(check).length === 0).map((check) => check.split("\n")[0]);
    deepEqual(bare, []);
  });
});
