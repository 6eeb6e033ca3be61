import { deepEqual, match } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readMatrix } from "../../support/faults/matrix.ts";

/** The document against the matrix. That its figures are those that were measured, test/faults/report.ts sees to. */
describe("docs/reliability.md", () => {
  const document = readFileSync(new URL("../../../docs/reliability.md", import.meta.url), "utf8");
  const { cases, notTried } = readMatrix();

  it("lists what is not tried as the matrix has it", () => {
    const section = document.split(/^## /m).find((part) => part.startsWith("What is not tried")) ?? "";
    deepEqual(
      [...section.matchAll(/^- \*\*(.+)\*\*: (.+)\.$/gm)].map(([, what, why]) => ({ case: what, why })),
      notTried,
    );
  });

  it("says how many cases there are", () => {
    const finals = cases.filter(({ ending }) => ending === "final").length;
    match(document, new RegExp(`\\b${cases.length} cases, ${cases.length - finals} transient and ${finals} final\\b`));
  });

  it("has the table between its marks", () => {
    match(document, /<!-- measured: begin -->\n.*\| ending \| fault \| step \|.*\n<!-- measured: end -->/s);
  });
});
