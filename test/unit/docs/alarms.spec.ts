import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { alarms } from "../../../components/monitoring/alarmRules.ts";
import { anchors } from "../../support/documents.ts";

/** Each alarm leads to a paragraph that exists, and docs/troubleshooting.md lists them all. */
describe("alarms in docs/troubleshooting.md", () => {
  const document = readFileSync(new URL("../../../docs/troubleshooting.md", import.meta.url), "utf8");
  const all = alarms("rex-remediation", {
    namespace: "agent-platform",
    eventSourceName: "rex-remediation",
    sensorName: "rex-remediation",
    sweepSchedule: "*/5 * * * *",
    maxRounds: 5,
    slowSeconds: 120,
  });

  it("lead to a heading that exists", () => {
    const headings = anchors(document);
    deepEqual(
      all.filter(({ paragraph }) => !headings.includes(paragraph)).map(({ alert }) => alert),
      [],
    );
  });

  it("are listed there, each with how bad it is and its paragraph", () => {
    const rows = [...document.matchAll(/^\| `(RexRemediation\w+)` \| (\w+) \| .*\[.+\]\(#([\w-]+)\) \|$/gm)];
    deepEqual(
      rows.map(([, ...cells]) => cells),
      all.map(({ alert, severity, paragraph }) => [alert, severity, paragraph]),
    );
  });
});
