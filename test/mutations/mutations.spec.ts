import { deepEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { say } from "../support/figures.ts";
import { guards, root } from "./guards.ts";

const copied = [
  "components",
  "config",
  "config.ts",
  "index.ts",
  "Pulumi.yaml",
  "README.md",
  "package.json",
  ".mocharc.json",
  "test",
  "examples",
];

/** How a spec ended: whole titles of what passed and of what failed. */
interface Report {
  passed: string[];
  failed: string[];
}

/**
 * Each guard of the program is taken away in a copy, and the test that is named for it has to turn red there: itself, not what comes
 * before it. What this does not show: guards that guards.yaml does not name.
 */
describe("without a guard, a test turns red:", function () {
  this.timeout(120_000);

  let copy: string;
  let caught = 0;
  let made = 0;

  before(() => {
    copy = mkdtempSync(join(tmpdir(), "rex-mutations-"));
    for (const name of copied) cpSync(join(root, name), join(copy, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  });
  after(() => {
    rmSync(copy, { recursive: true, force: true });
    say(`mutations: ${made} made, ${caught} caught`);
  });

  const specs = [...new Set(guards.map(({ spec }) => spec))];
  for (const spec of specs) {
    describe(spec, () => {
      const own = guards.filter((one) => one.spec === spec);

      it("is green with all guards in place", async () => {
        const tests = [...new Set(own.map(({ test }) => test))].sort();
        const { passed, failed } = await run(spec, tests);
        deepEqual({ passed: passed.sort(), failed }, { passed: tests, failed: [] });
      });

      for (const { guard, file, from, to, test } of own) {
        it(guard, async () => {
          made += 1;
          const path = join(copy, file);
          const whole = readFileSync(path, "utf8");
          writeFileSync(
            path,
            whole.replace(from, () => to),
          );
          try {
            const { failed } = await run(spec, [test]);
            deepEqual(failed, [test], "the test did not turn red, or something before it did");
            caught += 1;
          } finally {
            writeFileSync(path, whole);
          }
        });
      }
    });
  }

  async function run(spec: string, tests: string[]): Promise<Report> {
    const report = join(copy, "report.json");
    rmSync(report, { force: true });
    const escaped = tests.map((test) => test.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const child = spawn(
      process.execPath,
      [
        "node_modules/mocha/bin/mocha.js",
        ...["--reporter", "test/support/reporter.ts", "--reporter-option", `file=${report}`],
        ...["--grep", `^(${escaped.join("|")})$`, spec],
      ],
      { cwd: copy, env: { ...process.env, REX_FIGURES: "" }, stdio: "ignore", timeout: 100_000 },
    );
    await new Promise((done, failed) => {
      child.on("error", failed);
      child.on("close", done);
    });
    return JSON.parse(readFileSync(report, "utf8"));
  }
});
