import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const script = resolve(import.meta.dirname, "../../../cli/rendered-diff");

/**
 * cli/rendered-diff between checkouts that are made up: a stand-in prints each stack's file, and refuses one that says so. What
 * this does not show is what `scripts/rex render` itself prints.
 */
describe("cli/rendered-diff", function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-rendered-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A checkout with these stacks, by the text of their files. */
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

  it("shows each stack's difference, and says of the others that nothing changes", () => {
    const { status, sections } = diff({ dev: "a: 1\n", prod: "a: 1\nb: 2\n" }, { dev: "a: 1\n", prod: "a: 1\nb: 3\n" });
    equal(status, 0);
    deepEqual(sections, [
      "dev\n\nNothing changes.\n",
      "prod\n\n\n~~~~~~~~~~~~diff\n--- base\n+++ head\n@@ -1,2 +1,2 @@\n a: 1\n-b: 2\n+b: 3\n~~~~~~~~~~~~\n",
    ]);
  });

  it("shows all of a new stack, and says that one is gone", () => {
    const { status, sections } = diff({ old: "a: 1\n" }, { new: "b: 2\n" });
    equal(status, 0);
    match(sections[0] ?? "", /^new\n\n.*\n@@ -0,0 \+1 @@\n\+b: 2\n/s);
    match(sections[1] ?? "", /^old\n\n`Pulumi\.old\.yaml` is gone\./);
  });

  it("fails where a stack is refused that could be rendered or is new, and shows why, and all others", () => {
    const bases: Record<string, string>[] = [{ prod: "a: 1\n", z: "z: 1\n" }, { z: "z: 1\n" }];
    for (const base of bases) {
      const { status, sections } = diff(base, { prod: "refused: steps.image\n", z: "z: 1\n" });
      equal(status, 1);
      match(sections[0] ?? "", /^prod\n\nIt is refused:\n\n~+text\nrefused: steps\.image\n~+\n/);
      equal(sections[1], "z\n\nNothing changes.\n");
    }
  });

  it("does not fail for what was refused before, and shows all of what no longer is", () => {
    const refused = { dev: "refused: steps.image\n" };
    equal(diff(refused, refused).status, 0);
    const { status, sections } = diff(refused, { dev: "a: 1\n" });
    equal(status, 0);
    match(sections[0] ?? "", /^dev\n\nThe base cannot be rendered.*\n\+a: 1\n/s);
  });

  it("names what is no checkout", () => {
    const { status, stderr } = spawnSync(script, [folder], { encoding: "utf8" });
    equal(status, 1);
    match(stderr, /error:.*\/rex-rendered-\w+ is no checkout of this project/);
  });
});
