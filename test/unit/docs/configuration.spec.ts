import { deepEqual, match } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { project } from "../../support/pulumi/stackConfig.ts";
import { runTool } from "../../support/tool.ts";

const document = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");

/** That what the program says it expects is what it expects, test/engine/config.spec.ts tries with a bad value for each key. */
describe("docs/configuration.md", function () {
  this.timeout(30_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-reference-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const reference = (...args: string[]) => runTool("configuration-reference.ts", args);

  it("is what npm run reference prints [configuration-reference]", async () => {
    deepEqual(await reference(), { exitCode: 0, stdout: document, stderr: "" });
  });

  it("has each key of Pulumi.yaml once, marked as its description says", () => {
    const rows = [...document.matchAll(/^\| `(\w+)`((?: \*\*\w+\*\*)*) \|/gm)].map(([, key, marks = ""]) => ({
      key,
      marks: [...marks.matchAll(/\w+/g)].map(String),
    }));
    const keys = Object.entries(project.config).map(([key, { description }]) => ({
      key,
      // A key that is needed only beside another one has no mark.
      marks: ["required", "secret"].filter((mark) =>
        new RegExp(`(^| )(${mark}\\.|${mark} unless) `, "i").test(`${description} `),
      ),
    }));
    deepEqual(rows, keys);
  });

  it("is checked by npm run reference, which says how a wrong one is mended", async () => {
    const file = join(folder, "configuration.md");
    deepEqual(await reference("--check"), { exitCode: 0, stdout: "", stderr: "" });
    writeFileSync(file, document.replace("`5DLabs-Cleo,5DLabs-Tess`", "`5DLabs-Cleo`"));
    const { exitCode, stderr } = await reference("--check", "--file", file);
    deepEqual(exitCode, 1);
    match(stderr, /^\S+configuration\.md is not .*; write it anew: npm run reference -- --write\n$/);
  });

  it("is not written by a call that is wrong", async () => {
    for (const args of [["--write", "--check"], ["--what"], ["text"]]) {
      const { exitCode, stdout, stderr } = await reference(...args);
      deepEqual([exitCode, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], stderr);
    }
  });
});
