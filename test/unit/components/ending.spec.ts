import { deepEqual } from "node:assert/strict";
import { endingIn, endingsIn, runEndingIn, sentence } from "../../../components/vocabulary/ending.ts";
import { jqVocabulary } from "../../../components/vocabulary/prelude.ts";
import { jq } from "../steps/jq.ts";

const line = JSON.stringify({ step: "plan", cause: "gone", passes: false, command: "retry", seconds: 2 });
const plan = { step: "plan", cause: "gone", passes: false, command: "retry", seconds: 2 };

describe("the ending in a message of Argo's", () => {
  const cases: [string, string | undefined, object | undefined][] = [
    ["none", undefined, undefined],
    ["an empty one", "", undefined],
    ["words alone", "Error (exit code 137)", undefined],
    ["other JSON", 'plan: x\n{"kind":"Status"}\n[1]\n"text"', undefined],
    ["a termination log", `plan: play-3 is gone\n${line}\n`, { ...plan, did: "play-3 is gone" }],
    ["a container's", `Error (exit code 1): plan: play-3 is gone\n${line}`, { ...plan, did: "play-3 is gone" }],
    ["a pod's", `main: Error (exit code 1): plan: a\nplan: b\n${line}`, { ...plan, did: "a\nplan: b" }],
    ["a killed container's", `OOMKilled (exit code 137): plan: x\n${line}`, { ...plan, did: "x" }],
    ["one with more lines below", `plan: x\n${line}\nand a stack trace`, { ...plan, did: "x" }],
    ["one without words", line, { ...plan, did: "" }],
  ];
  for (const [what, message, ending] of cases) {
    it(`is the same in TypeScript and in jq: ${what}`, () => {
      deepEqual(endingIn(message), ending);
      deepEqual(jq(`${jqVocabulary("ending_in")} ending_in`, message ?? null), ending ?? null);
    });
  }

  it("reads a report, and nothing from anything else", () => {
    deepEqual(endingsIn(`[${line}, 1, {}]`), [{ ...plan, did: "" }]);
    for (const text of ["", "plan: x (1 s)", "{}"]) deepEqual(endingsIn(text), []);
  });

  it("reads the exit handler's summary, and nothing from anything else", () => {
    deepEqual(runEndingIn('{"did":"x","command":"retry"}'), { did: "x", command: "retry" });
    for (const text of ["", "x", "[]", "{}", "null"]) deepEqual(runEndingIn(text), undefined);
  });

  it("becomes a sentence with the outcome in front", () => {
    deepEqual(sentence({ step: "plan", did: "why", cause: "held" }), "held: why");
    deepEqual(sentence({ step: "stop-qa", did: "cancelled cleo-1" }), "cancelled cleo-1");
  });
});
