import { deepEqual, match } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { schema, values } from "../../../config/schema.ts";
import { aboutOf } from "../../../config/values.ts";
import { project } from "../../support/pulumi/stackConfig.ts";
import { runScript } from "../../support/tool.ts";

const document = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8");

/** Compares the document with the schema. test/unit/components/config.spec.ts tries bad values for each key. */
describe("docs/configuration.md", function () {
  this.timeout(120_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-reference-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const reference = (...args: string[]) => runScript("dev/configuration-reference.ts", args);

  it("matches the output of npm run reference [configuration-reference]", async () => {
    deepEqual(await reference(), { exitCode: 0, stdout: document, stderr: "" });
  });

  it("has each key of the schema once, marked as in the schema", () => {
    const rows = [...document.matchAll(/^\| `([\w.]+)`((?: \*\*\w+\*\*)*) \|/gm)].map(([, key = "", marks = ""]) => ({
      key,
      marks: [...marks.matchAll(/\w+/g)].map(String),
    }));
    const keys = [...values].map(([key, value]) => ({
      key,
      marks: [aboutOf(value).required && "required", aboutOf(value).secret && "secret"].filter(Boolean),
    }));
    const byKey = (one: { key: string }, other: { key: string }) => (one.key < other.key ? -1 : 1);
    deepEqual(rows.sort(byKey), keys.sort(byKey));
  });

  it("has the same keys as Pulumi.yaml, which sets no default inside an object, because the engine would drop it", () => {
    deepEqual(
      Object.entries(project.config).map(([key, { default: preset }]) => [key, preset]),
      Object.entries(schema.shape).map(([key, value]) => [key, values.has(key) ? (aboutOf(value).default ?? "") : {}]),
    );
  });

  it("is checked by npm run reference, which says how to correct it", async () => {
    const file = join(folder, "configuration.md");
    deepEqual(await reference("--check"), { exitCode: 0, stdout: "", stderr: "" });
    writeFileSync(file, document.replace("`5DLabs-Cleo,5DLabs-Tess`", "`5DLabs-Cleo`"));
    const { exitCode, stderr } = await reference("--check", "--file", file);
    deepEqual(exitCode, 1);
    match(stderr, /^\S+configuration\.md does not match .*; update it with: npm run reference -- --write\n$/);
  });

  it("is not written if the call is wrong", async () => {
    for (const args of [["--write", "--check"], ["--what"], ["text"]]) {
      const { exitCode, stdout, stderr } = await reference(...args);
      deepEqual([exitCode, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], stderr);
    }
  });
});
