import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** A test that a document or a list refers to by its file and the id at the end of its title. */
export interface NamedTest {
  file: string;
  id: string;
}

/**
 * The tests that have an id: words joined by hyphens, in brackets at the end of the title. The rest of a title can be reworded freely.
 * Tests made in a loop share an id, or have a template in it, such as `bad-value-${key}`.
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

/** The tests that the lists of a text name, each as `file` [id], optionally with "tried:" in front. */
export function namedTests(text: string): NamedTest[] {
  return [...text.matchAll(/^ *- (?:tried: )?`(test\/[^`]+\.spec\.ts)` \[(\S+)\]$/gm)].map(
    ([, file = "", id = ""]) => ({ file, id }),
  );
}

/** The named tests that do not exist. */
export function missingTests(named: NamedTest[]): NamedTest[] {
  const known = testsWithIds();
  return named.filter(
    ({ file, id }) =>
      !known.some((test) => test.file === file && new RegExp(`^${test.id.replace(/\$\{\w+\}/, "\\w+")}$`).test(id)),
  );
}

/** The id at the end of a test's title, or the title itself if it has none. */
export function idOf(title: string): string {
  return / \[(\S+)\]$/.exec(title)?.[1] ?? title;
}
