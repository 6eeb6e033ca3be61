import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const script = resolve(import.meta.dirname, "../../../cli/rendered-diff");

/**
 * cli/rendered-diff on invented checkouts. A stand-in for `scripts/rex render` prints each stack's file, and fails if the file tells it to.
 * The real output is not tested here.
 */
describe("cli/rendered-diff", function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-rendered-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Creates a checkout with these stacks; the values are the texts of their files. */
  function checkout(name: string, stacks: Record<string, string>): string {
    const path = join(folder, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(join(path, "scripts"), { recursive: true });
    const render = "#!/bin/sh\ncat Pulumi.$3.yaml; ! grep refused Pulumi.$3.yaml >&2\n";
    writeFileSync(join(path, "scripts/rex"), render, { mode: 0o755 });
    writeFileSync(join(path, "Pulumi.yaml"), "");
    for (const [stack, text] of Object.entries(stacks)) writeFileSync(join(path, `Pulumi.${stack}.yaml`), text);
    return path;
  }

  function diff(base: Record<string, string>, head: Record<string, string>) {
    const { status, stdout, stderr } = spawnSync(script, [checkout("base", base), checkout("head", head)], {
      encoding: "utf8",
      timeout: 60_000,
    });
    return { status, sections: stdout.split("\n### ").slice(1), stderr };
  }

  it("shows the difference of each stack, and says which stacks do not change", () => {
    const { status, sections } = diff({ dev: "a: 1\n", prod: "a: 1\nb: 2\n" }, { dev: "a: 1\n", prod: "a: 1\nb: 3\n" });
    equal(status, 0);
    deepEqual(sections, [
      "dev\n\nNothing changes.\n",
      "prod\n\n\n~~~~~~~~~~~~diff\n--- base\n+++ head\n@@ -1,2 +1,2 @@\n a: 1\n-b: 2\n+b: 3\n~~~~~~~~~~~~\n",
    ]);
  });

  it("shows all of a new stack, and says if a stack is gone", () => {
    const { status, sections } = diff({ old: "a: 1\n" }, { new: "b: 2\n" });
    equal(status, 0);
    match(sections[0] ?? "", /^new\n\n.*\n@@ -0,0 \+1 @@\n\+b: 2\n/s);
    match(sections[1] ?? "", /^old\n\n`Pulumi\.old\.yaml` was removed\./);
  });

  it("fails if a stack that could be rendered, or is new, is refused; shows the reason, and the other stacks", () => {
    const bases: Record<string, string>[] = [{ prod: "a: 1\n", z: "z: 1\n" }, { z: "z: 1\n" }];
    for (const base of bases) {
      const { status, sections } = diff(base, { prod: "refused: steps.image\n", z: "z: 1\n" });
      equal(status, 1);
      match(sections[0] ?? "", /^prod\n\nThe configuration is refused:\n\n~+text\nrefused: steps\.image\n~+\n/);
      equal(sections[1], "z\n\nNothing changes.\n");
    }
  });

  it("does not fail if a stack was refused before, and shows all of it once it can be rendered", () => {
    const refused = { dev: "refused: steps.image\n" };
    equal(diff(refused, refused).status, 0);
    const { status, sections } = diff(refused, { dev: "a: 1\n" });
    equal(status, 0);
    match(sections[0] ?? "", /^dev\n\nThe base cannot be rendered.*\n\+a: 1\n/s);
  });

  it("names a folder that is not a checkout", () => {
    const { status, stderr } = spawnSync(script, [folder], { encoding: "utf8" });
    equal(status, 1);
    match(stderr, /error:.*\/rex-rendered-\w+ is not a checkout of this project/);
  });
});
