import { deepEqual } from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
const rooms = ["config", "lib", "components", "cli", "dev", "test"];
const files = ["index.ts", ...rooms.flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: root }))];

/** The files that one imports or exports from, types among them. */
const imports = new Map(
  files.map((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const found = text.matchAll(/^(?:import|export)\b[^;]*?from "(?<path>\.[^"]+)"/gm);
    return [file, [...found].map(({ groups }) => join(dirname(file), groups?.path ?? ""))];
  }),
);

describe("imports", () => {
  it("make no circle", () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      else if (!done.has(file)) for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    deepEqual(circles, []);
  });

  it("of what users run are none of what tests or developers run", () => {
    const product = ([file]: [string, string[]]) => !/^(test|dev)\//.test(file);
    const wrong = [...imports]
      .filter(product)
      .flatMap(([file, others]) =>
        others.filter((other) => /^(test|dev)\//.test(other)).map((one) => `${file}: ${one}`),
      );
    deepEqual(wrong, []);
  });
});
