import { deepEqual, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { missingTests, namedTests } from "../../support/namedTests.ts";

const root = resolve(import.meta.dirname, "../../..");

/**
 * docs/acceptance.md names, for each quality check, the tests that show it. A name that no test has is a
 * promise that nobody keeps. What this does not show: that the named test proves what the line says.
 */
describe("docs/acceptance.md", () => {
  const document = readFileSync(join(root, "docs/acceptance.md"), "utf8");
  const named = namedTests(document);

  it("names tests", () => {
    ok(named.length >= 20, `${named.length} tests are named`);
  });

  it("names only tests that exist", () => {
    deepEqual(missingTests(named), []);
  });

  it("shows every check by at least one test", () => {
    const checks = document.split(/^- /m).slice(1);
    const bare = checks.filter((check) => !/^ {2}- `test\//m.test(check)).map((check) => check.split("\n")[0]);
    deepEqual(bare, []);
  });
});
