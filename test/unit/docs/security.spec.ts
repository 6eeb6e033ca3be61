import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { guards } from "../../mutations/guards.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

/** How many attempts, events or guards this file has. */
function counted(file: string): number {
  if (file.endsWith("guards.yaml")) return guards.length;
  if (file.endsWith(".spec.ts")) return [...read(file).matchAll(/^ +what: |\{ what: /gm)].length;
  const data = parse(read(file));
  return Object.values(data)
    .filter((list) => Array.isArray(list))
    .flat().length;
}

/** Compares the numbers in the document with the test data. The tests themselves show the results. */
describe("docs/security.md", () => {
  it("says how many attempts, events and guards are tested", () => {
    const rows = [...read("docs/security.md").matchAll(/^\| .* \| `(test\/[^`]+)` \| (\d+) \| .* \|$/gm)];
    const documented = rows.map(([, file = "", number]) => [file, Number(number)]);
    deepEqual(
      documented,
      [
        "test/policies/remediation.spec.ts",
        "test/policies/sensor.spec.ts",
        "test/policies/sweep.spec.ts",
        "test/policies/reviews.yaml",
        "test/corpus/events.yaml",
        "test/mutations/guards.yaml",
      ].map((file) => [file, counted(file)]),
    );
  });
});
