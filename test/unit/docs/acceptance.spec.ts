import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { namedTests } from "../../support/namedTests.ts";

/** docs/acceptance.md names, for each quality check, the tests that show it; namedTests.spec.ts shows that they exist. */
describe("docs/acceptance.md", () => {
  it("shows every check by at least one test", () => {
    const document = readFileSync(new URL("../../../docs/acceptance.md", import.meta.url), "utf8");
    const checks = document.split(/^- /m).slice(1);
    const bare = checks.filter((check) => namedTests(check).length === 0).map((check) => check.split("\n")[0]);
    deepEqual(bare, []);
  });
});
