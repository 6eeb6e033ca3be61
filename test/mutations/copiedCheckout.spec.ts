import { deepEqual, equal, rejects } from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CopiedCheckout } from "./copiedCheckout.ts";
import { root } from "./guards.ts";

/** Tests the helper of the mutations with specs written here, which need no node. */
describe("a copied checkout", function () {
  this.timeout(60_000);
  let copy: CopiedCheckout;

  before(() => {
    copy = new CopiedCheckout(root);
  });
  after(() => copy?.remove());

  function write(name: string, text: string): string {
    writeFileSync(join(copy.folder, name), text);
    return name;
  }

  it("has the packages and every file a spec may import, but nothing else that git ignores", () => {
    for (const file of ["cli/lib/settings.ts", "components/steps/plan.sh", "docs/operate.md", ".mocharc.json"]) {
      equal(readFileSync(join(copy.folder, file), "utf8"), readFileSync(join(root, file), "utf8"));
    }
    equal(existsSync(join(copy.folder, ".git")), false);
  });

  it("runs only the named tests and reports them by id, and failed hooks by title", async () => {
    const never = "never runs [never-runs]";
    const spec = write(
      "own.spec.ts",
      `describe("one", () => {
        it("is well [is-well]", () => {});
        for (const failing of [false, true, true]) it("is not always well [is-not-well]", () => { if (failing) throw new Error("no"); });
        it("is not asked for [is-well-too]", () => {});
        describe("two", () => { before(() => { throw new Error("no"); }); it("${never}", () => {}); });
      });`,
    );
    deepEqual(await copy.run(spec, ["is-well", "is-not-well", "never-runs"]), {
      passed: ["is-well", "is-not-well"],
      failed: ["is-not-well", `one two "before all" hook for "${never}"`],
    });
  });

  it("says why a spec wrote no report", async () => {
    const spec = write("lost.spec.ts", 'import "./not-there.ts";\n');
    await rejects(
      copy.run(spec, ["x"]),
      /^Error: lost\.spec\.ts wrote no report \(exit code 1\); .*Cannot find module.*not-there\.ts/s,
    );
  });

  it("restores a changed file afterwards, even after an error", async () => {
    const file = write("text", "one $& two");
    const read = async () => readFileSync(join(copy.folder, file), "utf8");
    equal(await copy.with(file, "$&", "$'", read), "one $' two");
    await rejects(
      copy.with(file, "one", "", () => Promise.reject(new Error("ended early"))),
      /ended early/,
    );
    equal(await read(), "one $& two");
  });
});
