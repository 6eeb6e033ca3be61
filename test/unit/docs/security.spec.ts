import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { guards } from "../../mutations/guards.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

/** How many there are of what the table counts, by the file that it names. */
function counted(file: string): number {
  if (file.endsWith("guards.yaml")) return guards.length;
  if (file.endsWith(".spec.ts")) return [...read(file).matchAll(/^ +what: |\{ what: /gm)].length;
  const data = parse(read(file));
  return Object.values(data)
    .filter((list) => Array.isArray(list))
    .flat().length;
}

/** The documents' figures are those of the data; whether none was wrong is what the tests themselves show. */
describe("docs/security.md", () => {
  it("says how many attempts, events and guards are tried", () => {
    const rows = [...read("docs/security.md").matchAll(/^\| .* \| `(test\/[^`]+)` \| (\d+) \| .* \|$/gm)];
    const said = rows.map(([, file = "", number]) => [file, Number(number)]);
    deepEqual(
      said,
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
