import { deepEqual, equal } from "node:assert/strict";
import { jqProgram } from "../../../components/stepScripts.ts";
import { jq } from "./jq.ts";

const run = "rex-remediation-3-abc";

/** An entry in Argo's list of failures. */
type Entry = { displayName?: string; message?: string; phase?: string };

/** What a step leaves in its termination log. */
function left(step: string, did: string, more: object = {}): string {
  return `${step}: ${did}\n${JSON.stringify({ step, cause: "x", passes: false, command: "retry", seconds: 1.5, ...more })}\n`;
}

/** A failed container as Argo lists it. */
function container(displayName: string, message: string): Entry {
  return { displayName, message: `Error (exit code 1): ${message}`, phase: "Failed" };
}

const pod: Entry = { displayName: `${run}(0)`, message: "main: Error (exit code 64)", phase: "Failed" };

function summary(failures: string): unknown {
  return jq(`${jqProgram("failed.jq")} why_failed($run; "Error")`, failures, { run });
}

/** As Argo passes the list on: as JSON in a JSON string. */
const of = (...entries: unknown[]) => summary(JSON.stringify(JSON.stringify([pod, ...entries])));

/** How `failed` summarizes Argo's list. It does not show that Argo's list looks like this; test/chain does. */
describe("failed", () => {
  it("takes object, cause and command from the ending of the step", () => {
    deepEqual(
      of(
        { displayName: "restart-qa", message: "Error (exit code 64)" },
        container("stop-qa", left("stop-qa", "GitHub refused\nDELETE", { object: "pull request #3" })),
      ),
      {
        step: "stop-qa",
        object: "pull request #3",
        cause: "x",
        did: "stop-qa: GitHub refused DELETE",
        passes: false,
        command: "retry",
      },
    );
  });

  it("gives the command of the ending, whatever its words say", () => {
    const command = (words: string, more: object) =>
      (of(container("plan", left("plan", words, more))) as { command: string }).command;
    equal(command("ValidatingAdmissionPolicy 'x' denied", {}), "retry");
    equal(command(`correct it, then: argo retry ${run}`, { command: "resubmit" }), "resubmit");
  });

  it("gives resubmit if any ending does, and says that the fault passes only if all endings do", () => {
    const two = (one: object, other: object) => {
      const { command, passes } = of(
        container("plan", left("plan", "no answer", one)),
        container("plan", left("plan", "refused", other)),
      ) as { command: string; passes: boolean };
      return { command, passes };
    };
    deepEqual(two({ passes: true }, { command: "resubmit" }), { command: "resubmit", passes: false });
    deepEqual(two({ passes: true }, { passes: true }), { command: "retry", passes: true });
  });

  it("gives the same words only once, however many tries had them, and lists the others", () => {
    deepEqual(
      of(
        ...["no answer", "no answer", "no token"].map((words, index) =>
          container("plan", left("plan", words, { seconds: index, passes: true })),
        ),
        { displayName: "restart-qa", message: "OOMKilled (exit code 137)" },
      ),
      {
        step: "plan",
        cause: "x",
        did: "plan: no answer; plan: no token; restart-qa: OOMKilled (exit code 137)",
        passes: false,
        command: "retry",
      },
    );
  });

  it("names the step that runs in container main", () => {
    deepEqual(of(container("main", left("record", "no answer"))), {
      step: "record",
      cause: "x",
      did: "record: no answer",
      passes: false,
      command: "retry",
    });
  });

  it("uses Argo's own words if a step left no ending", () => {
    deepEqual(of({ displayName: "plan", message: "Error (exit code 127)" }, { displayName: "stop-qa" }), {
      step: "plan",
      did: "plan: Error (exit code 127); stop-qa: ended without a message",
      passes: false,
      command: "retry",
    });
  });

  for (const [what, message, did] of [
    [
      "of Argo's container failed",
      "wait: Error (exit code 64): no bucket\nat s3.go",
      "Argo's container wait: no bucket",
    ],
    ["was lost", "pod deleted", "pod deleted"],
  ] as const) {
    it(`uses the first line of a pod's own words if something ${what}`, () => {
      deepEqual(of({ displayName: `${run}(1)`, message }), { did, passes: false, command: "retry" });
    });
  }

  for (const [what, failures] of [
    ["nothing", ""],
    ["no JSON", "not { json"],
    ["a list of other things", "[1, null, {}]"],
    ["only containers that ended because of others", JSON.stringify([pod])],
  ] as const) {
    it(`says that no step could say why if Argo passes on ${what}`, () => {
      deepEqual(summary(failures), {
        did: "the run ended as Error before a step could say why",
        passes: false,
        command: "retry",
      });
    });
  }

  it("keeps the words short and in one line", () => {
    const { did } = of(container("plan", left("plan", `a\tb\n${"x".repeat(2000)}`))) as { did: string };
    equal(did, `plan: a b ${"x".repeat(890)}`);
  });
});
