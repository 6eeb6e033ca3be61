import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** A test that a document or a list names: by its file and by the id at the end of its title. */
export interface NamedTest {
  file: string;
  id: string;
}

/**
 * The tests that have an id: words joined by hyphens, in brackets at the end of a title. Whatever else a title says may be reworded.
 * Tests that a loop makes share an id, or have a template in it, as `bad-value-${key}`.
 */
export function testsWithIds(): NamedTest[] {
  return globSync("test/**/*.spec.ts", { cwd: root })
    .sort()
    .flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").matchAll(/ \[(\w+(?:-(?:\w+|\$\{\w+\}))+)\](?=["'`])/g)].map(
        ([, id = ""]) => ({ file, id }),
      ),
    );
}

/** The tests that a text names in its lists, each as `file` [id], with or without a word in front. */
export function namedTests(text: string): NamedTest[] {
  return [...text.matchAll(/^ *- (?:tried: )?`(test\/[^`]+\.spec\.ts)` \[(\S+)\]$/gm)].map(
    ([, file = "", id = ""]) => ({ file, id }),
  );
}

/** Those that do not exist: a name that no test has is a promise that nobody keeps. */
export function missingTests(named: NamedTest[]): NamedTest[] {
  const known = testsWithIds();
  return named.filter(
    ({ file, id }) =>
      !known.some((test) => test.file === file && new RegExp(`^${test.id.replace(/\$\{\w+\}/, "\\w+")}$`).test(id)),
  );
}

/** The id at the end of a test's title; the title itself where it has none. */
export function idOf(title: string): string {
  return / \[(\S+)\]$/.exec(title)?.[1] ?? title;
}
