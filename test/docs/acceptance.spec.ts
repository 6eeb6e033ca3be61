import { deepEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/**
 * docs/acceptance.md names, for each quality check, the tests that show it. A name that no test has is a
 * promise that nobody keeps. What this does not show: that the named test proves what the line says.
 */
describe("docs/acceptance.md", () => {
  const document = readFileSync(join(root, "docs/acceptance.md"), "utf8");
  const named = [...document.matchAll(/^ {2}- `(test\/[^`]+\.spec\.ts)`: (.+)$/gm)].map(
    ([, file = "", title = ""]) => ({
      file,
      title,
    }),
  );

  it("names tests", () => {
    ok(named.length >= 20, `${named.length} tests are named`);
  });

  it("names only tests that exist", () => {
    const missing = named.filter(({ file, title }) => !titles(file).includes(title));
    deepEqual(missing, []);
  });

  it("shows every check by at least one test", () => {
    const checks = document.split(/^- /m).slice(1);
    const bare = checks.filter((check) => !/^ {2}- `test\//m.test(check)).map((check) => check.split("\n")[0]);
    deepEqual(bare, []);
  });

  it("is about files that exist", () => {
    const folders = readdirSync(join(root, "test"));
    deepEqual(
      named.filter(({ file }) => !folders.includes(file.split("/")[1] ?? "")),
      [],
    );
  });
});

const cache = new Map<string, string[]>();

/** The titles of a spec file's tests, as they stand in its text; a title that is put together counts by its template. */
function titles(file: string): string[] {
  const known = cache.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(join(root, file), "utf8");
  const found = [...text.matchAll(/\bit\(\s*(["'`])((?:\\.|(?!\1).)+)\1/gs)].map(([, , title = ""]) =>
    title.replaceAll(/\\(.)/g, "$1"),
  );
  cache.set(file, found);
  return found;
}
