// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are bash
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stepScript, untouchedByKubelet } from "../../../components/stepScripts.ts";
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

  it("includes each file that a step sources once, without comments", () => {
    write({
      "lib.sh": "# shellcheck shell=bash\nset -eu\n",
      "github.sh": '# shellcheck source=components/steps/lib.sh\nsource "${BASH_SOURCE%/*}/lib.sh"\ngithub() { :; }\n',
      "plan.sh":
        '  # a comment\nsource "${BASH_SOURCE%/*}/lib.sh"\nsource "${BASH_SOURCE%/*}/github.sh"\n\ngithub # not this one\n',
    });
    assert.equal(stepScript("plan", folder), "set -eu\ngithub() { :; }\ngithub # not this one\n");
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
