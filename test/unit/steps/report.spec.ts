import { deepEqual, equal, ok } from "node:assert/strict";
import { jqProgram } from "../../../components/stepScripts.ts";
import { jq } from "./jq.ts";

type Report = { step: string; did: string; head?: string; planned?: string[] }[];

const endings = [
  { step: "plan", did: "why", cause: "remediate", seconds: 1.5 },
  { step: "record", did: "QA begins again", cause: "remediated", seconds: 0.5 },
];

function report(all: object[], plan: object, planned: string): Report {
  return jq(`${jqProgram("report.jq")} report($plan; $planned)`, all, { plan, planned }) as Report;
}

const bytes = (value: object) => Buffer.byteLength(JSON.stringify(value));

describe("the report of a run", () => {
  it("has the ending of each step, and what plan found", () => {
    deepEqual(report(endings, { head: "b".repeat(40) }, "task 3\ncancel cleo-1\n"), [
      { ...endings[0], head: "b".repeat(40), planned: ["task 3", "cancel cleo-1"] },
      endings[1],
    ]);
    deepEqual(report(endings, { head: null }, ""), [{ ...endings[0], planned: [] }, endings[1]]);
  });

  it("has a line in the log for each step", () => {
    deepEqual(jq(`${jqProgram("report.jq")} [report_lines]`, [...endings, { step: "stop-qa", did: "x", seconds: 2 }]), [
      "plan: remediate: why (1.5 s)",
      "record: remediated: QA begins again (0.5 s)",
      "stop-qa: x (2 s)",
    ]);
  });

  it("takes at most 8000 bytes, and says how many lines it leaves out", () => {
    const lines = Array.from({ length: 400 }, (_, index) => `leave tess-${index}: "éé" is not in the cancel list`);
    const [plan = { step: "", did: "" }, ...rest] = report(endings, {}, lines.join("\n"));
    const { planned = [] } = plan;
    const kept = planned.length - 1;
    deepEqual(planned, [...lines.slice(0, kept), `… and ${400 - kept} more`]);
    const size = bytes([plan, ...rest]);
    ok(size > 7600 && size <= 8000, `${size} bytes`);
  });

  it("shortens long words, so that the endings fit", () => {
    const long = ["plan", "stop-qa", "restart-qa", "record"].map((step) => ({
      step,
      did: 'é"'.repeat(3000),
      seconds: 1,
    }));
    const made = report(long, { head: "b".repeat(40) }, "one\ntwo");
    equal(bytes(made) <= 8000, true, `${bytes(made)} bytes`);
    deepEqual(
      made.map(({ did }) => did.length),
      [600, 600, 600, 600],
    );
  });
});
