import { deepEqual, match } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readMatrix } from "../../support/faults/matrix.ts";

/** Compares the document with the matrix. test/faults/report.ts writes the measured figures. */
describe("docs/reliability.md", () => {
  const document = readFileSync(new URL("../../../docs/reliability.md", import.meta.url), "utf8");
  const { cases, notTried } = readMatrix();

  it("lists the untested cases as the matrix does", () => {
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

  it("has the table between its markers", () => {
    match(document, /<!-- measured: begin -->\n.*\| ending \| fault \| step \|.*\n<!-- measured: end -->/s);
  });
});
