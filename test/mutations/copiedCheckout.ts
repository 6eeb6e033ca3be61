import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idOf } from "../support/namedTests.ts";

/** How a spec ended: ids of what passed and of what failed, each once; whole titles of what has none, as of a failed hook. */
export interface Report {
  passed: string[];
  failed: string[];
}

/** Milliseconds for one run of a spec. */
const limit = 100_000;

/** A copy of a checkout, in which a file may be changed and specs are run. */
export class CopiedCheckout {
  readonly folder = mkdtempSync(join(tmpdir(), "rex-mutations-"));

  /** @param root the checkout: all files that git knows there or would take, because a list by hand would lack what a spec imports tomorrow */
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

  /** Runs something while a text of a file, which stands there once, is another. */
  async with<T>(file: string, from: string, to: string, program: () => Promise<T>): Promise<T> {
    const path = join(this.folder, file);
    const whole = readFileSync(path, "utf8");
    // A text would be read as a pattern with `$&` and the like.
    const changed = whole.replace(from, () => to);
    writeFileSync(path, changed);
    try {
      return await program();
    } finally {
      writeFileSync(path, whole);
    }
  }

  /**
   * Runs tests of a spec, by their ids.
   *
   * @throws Error with the spec's last words if it wrote no report
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
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-4000);
      });
    }
    const ended = await new Promise<string>((done, failed) => {
      child.on("error", failed);
      child.on("close", (code, signal) => done(signal ?? `exit code ${code}`));
    });
    if (!existsSync(report)) throw new Error(`${spec} wrote no report (${ended}); its last words: ${said.trim()}`);
    const { passed, failed }: Report = JSON.parse(readFileSync(report, "utf8"));
    return { passed: [...new Set(passed.map(idOf))], failed: [...new Set(failed.map(idOf))] };
  }
}
