// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are bash
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jqProgram, stepScript, untouchedByKubelet } from "../../../components/stepScripts.ts";
import type { Step } from "../../../components/vocabulary/steps.ts";

const steps: Step[] = ["plan", "stop-qa", "restart-qa", "record", "failed", "sweep"];

/** Expands an argument as the kubelet does: k8s.io/kubernetes third_party/forked/golang/expansion. */
function expanded(text: string, variables: Record<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (whole, name?: string) =>
    name === undefined ? "$" : (variables[name] ?? whole),
  );
}

describe("stepScripts", () => {
  let folder: string;
  const write = (files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, name), text);
    }
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-steps-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("includes each file that a step sources once, without comments and indentation", () => {
    write({
      "lib.sh": "# shellcheck shell=bash\nset -eu\n",
      "github.sh":
        '# shellcheck source=components/steps/lib.sh\nsource "${BASH_SOURCE%/*}/lib.sh"\ngithub() {\n  :\n}\n',
      "plan.sh":
        '  # a comment\nsource "${BASH_SOURCE%/*}/lib.sh"\nsource "${BASH_SOURCE%/*}/github.sh"\n\ngithub # not this one\n',
    });
    assert.equal(stepScript("plan", folder), "set -eu\ngithub() {\n:\n}\ngithub # not this one\n");
  });

  it("leaves out functions that the step does not use, also those that only such functions use", () => {
    write({
      "lib.sh":
        "used() {\n  echo used\n}\nunused() {\n  if true; then\n    below\n  fi\n}\n# below: a comment is no use\nbelow() {\n  :\n}\n",
      "plan.sh": 'source "${BASH_SOURCE%/*}/lib.sh"\nmain() {\n  call used\n}\nmain\n',
    });
    assert.equal(stepScript("plan", folder), "used() {\necho used\n}\nmain() {\ncall used\n}\nmain\n");
  });

  it("refuses text that Argo would expand, and says where it is and what to write instead", () => {
    write({ "plan.sh": "true\necho '{{workflow.name}}'\n" });
    assert.throws(
      () => stepScript("plan", folder),
      /plan\.sh:2: Argo Workflows would expand "\{\{" here; write it as '\{''\{'/,
    );
  });

  it("refuses here-documents, because a line with # in them may be content", () => {
    write({ "plan.sh": "cat <<'END'\n# x\nEND\n" });
    assert.throws(() => stepScript("plan", folder), /plan\.sh:1: a here-document cannot be embedded/);
    write({ "plan.sh": 'read -r x <<<"$y"\n((z = 1 << 3))\n' });
    assert.doesNotThrow(() => stepScript("plan", folder));
  });

  it("passes through the kubelet unchanged", () => {
    const texts = [
      "$$",
      "$$$",
      "a$$b",
      "$(STEP)",
      "$$(STEP)",
      "$(date)",
      "$((1 + 1))",
      "${x}",
      "$x$",
      "$1$2",
      "$$$$(HOME)",
      "${x/$/\\$}",
    ];
    for (const text of texts) {
      assert.equal(expanded(untouchedByKubelet(text), { STEP: "plan", HOME: "/" }), text);
    }
  });

  it("includes each jq program, and each file that it includes once, without comments and indentation", () => {
    write({
      "rule.jq": '# a rule\ndef rule:\n  .a == "it\'s";\n',
      "one.jq": 'include "rule";\n# one\nrule\n',
      "two.jq": 'include "rule";\nrule | not\n',
      "plan.sh": 'ONE=$(<"${BASH_SOURCE%/*}/one.jq")\nTWO=$(<"${BASH_SOURCE%/*}/two.jq")\n',
    });
    assert.equal(
      stepScript("plan", folder),
      `JQ_RULE='def rule:\n.a == "it'\\''s";\n'\nJQ_ONE='rule\n'\nONE=$JQ_RULE$JQ_ONE\nJQ_TWO='rule | not\n'\nTWO=$JQ_RULE$JQ_TWO\n`,
    );
    assert.equal(jqProgram("two.jq", folder), 'def rule:\n.a == "it\'s";\nrule | not\n');
    write({ "one.jq": '"{{x}}"\n' });
    assert.throws(() => stepScript("plan", folder), /one\.jq:1: Argo Workflows would expand "\{\{" here/);
  });

  const stepsFolder = join(import.meta.dirname, "../../../components/steps");
  for (const file of readdirSync(stepsFolder).filter((name) => name.endsWith(".jq"))) {
    it(`${file} is a valid jq program without a line longer than 140 columns`, () => {
      const definitions = /;\s*$/.test(jqProgram(file)) || file === "config.jq";
      const arguments_ = ["--argjson", "plan", "[]", "--arg", "again", ""];
      const program = `empty | (${jqProgram(file)} ${definitions ? "." : ""})`;
      const { status, stderr } = spawnSync("jq", ["-n", ...arguments_, program], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      const lines = readFileSync(join(stepsFolder, file), "utf8").split("\n");
      assert.deepEqual(
        lines.filter((line) => line.length > 140),
        [],
      );
    });
  }

  for (const step of steps) {
    it(`embeds ${step} as valid bash that the kubelet does not change and that contains no path of the checkout`, () => {
      const script = stepScript(step);
      const { status, stderr } = spawnSync("bash", ["-n", "-c", expanded(script, { STEP: step, HOME: "/" })], {
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(script, /BASH_SOURCE|\{\{|^\s*#/m);
    });
  }
});
