import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idOf } from "../support/namedTests.ts";

/** How a spec ended: the ids of the tests that passed and failed, each once. A failed hook has no id and is listed by its whole title. */
export interface Report {
  passed: string[];
  failed: string[];
}

/** How long one run of a spec may take, in milliseconds. */
const limit = 100_000;

/** A copy of a checkout, in which files can be changed and specs run. */
export class CopiedCheckout {
  readonly folder = mkdtempSync(join(tmpdir(), "rex-mutations-"));

  /** @param root the checkout. Copies every file that git tracks or does not ignore. A hand-written list would miss new imports. */
  constructor(root: string) {
    const known = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
    for (const name of new Set(`${known}`.split("\0"))) {
      if (name !== "" && existsSync(join(root, name))) cpSync(join(root, name), join(this.folder, name));
    }
    rmSync(join(this.folder, "node_modules"), { force: true });
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a program with one text of a file replaced, then restores the file. `from` must occur exactly once. */
  async with<T>(file: string, from: string, to: string, program: () => Promise<T>): Promise<T> {
    const path = join(this.folder, file);
    const whole = readFileSync(path, "utf8");
    // In a replacement string, `$&` and the like would have a special meaning.
    const changed = whole.replace(from, () => to);
    writeFileSync(path, changed);
    try {
      return await program();
    } finally {
      writeFileSync(path, whole);
    }
  }

  /**
   * Runs the tests of a spec that have these ids.
   *
   * @throws Error with the end of the spec's output if it wrote no report
   */
  async run(spec: string, ids: string[]): Promise<Report> {
    const report = join(this.folder, "report.json");
    rmSync(report, { force: true });
    const child = spawn(
      process.execPath,
      [
        "node_modules/mocha/bin/mocha.js",
        ...["--reporter", "test/support/reporter.ts", "--reporter-option", `file=${report}`],
        ...["--grep", `\\[(${ids.join("|")})\\]$`, spec],
      ],
      {
        cwd: this.folder,
        env: { ...process.env, REX_FIGURES: "" },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: limit,
      },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(-4000);
      });
    }
    const ended = await new Promise<string>((done, failed) => {
      child.on("error", failed);
      child.on("close", (code, signal) => done(signal ?? `exit code ${code}`));
    });
    if (!existsSync(report))
      throw new Error(`${spec} wrote no report (${ended}); the end of its output: ${output.trim()}`);
    const { passed, failed }: Report = JSON.parse(readFileSync(report, "utf8"));
    return { passed: [...new Set(passed.map(idOf))], failed: [...new Set(failed.map(idOf))] };
  }
}
