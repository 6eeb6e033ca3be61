import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** A test that a document names. */
export interface NamedTest {
  file: string;
  title: string;
}

/** The tests that a text names in its lists, each as `file`: title, with or without a word in front. */
export function namedTests(text: string): NamedTest[] {
  return [...text.matchAll(/^ *- (?:tried: )?`(test\/[^`]+\.spec\.ts)`: (.+)$/gm)].map(([, file = "", title = ""]) => ({
    file,
    title,
  }));
}

/** Those that do not exist: a name that no test has is a promise that nobody keeps. */
export function missingTests(named: NamedTest[]): NamedTest[] {
  const folders = readdirSync(join(root, "test"));
  return named.filter(
    ({ file, title }) => !folders.includes(file.split("/")[1] ?? "") || !titles(file).includes(title),
  );
}

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
