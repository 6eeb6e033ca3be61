import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

/**
 * scripts/up and scripts/down in a clone of this checkout, beside whatever node is up already. What this
 * does not show: a machine without the built binaries, which takes half an hour.
 */
describe("scripts/up and scripts/down", function () {
  this.timeout(45 * 60_000);
  let folder: string;
  let clone: string;

  before(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "rex-clone-")));
    clone = join(folder, "checkout");
    await run("git", ["clone", "--quiet", root, clone], { timeout: 60_000 });
    deepEqual(await traces(clone), []);
  });
  after(async () => {
    await run(join(clone, "scripts/down"), { timeout: 120_000 }).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  });

  it("up, killed after each line of progress that it prints and run again, ends with the table and exit code 0", async () => {
    let line = 0;
    let last: UpResult;
    do {
      line += 1;
      last = await up(clone, line);
    } while (last.killed);
    equal(last.exitCode, 0, last.output);
    match(last.output, /\n\s+what\s+expected\s+seen\n/);
    match(last.output, /\nThe stack's outputs:\n\{\n/);
    console.log(`    killed after each of ${line - 1} lines`);
  });

  it("up leaves the checkout clean in git [up-leaves-checkout-clean]", async () => {
    equal((await run("git", ["-C", clone, "status", "--porcelain"])).stdout, "");
  });

  it("down leaves no process, mount, network link or cgroup behind", async () => {
    ok((await traces(clone)).length > 20, "a node that is up has traces, or they are not looked for rightly");
    await run(join(clone, "scripts/down"), { timeout: 120_000 });
    deepEqual(await traces(clone), []);
  });

  it("down can be run again where nothing is up", async () => {
    await run(join(clone, "scripts/down"), { timeout: 60_000 });
  });
});

interface UpResult {
  exitCode: number | null;
  killed: boolean;
  output: string;
}

/** Runs scripts/up, and kills it and its children once it has printed so many lines of progress. */
async function up(checkout: string, lines: number): Promise<UpResult> {
  const child = spawn(join(checkout, "scripts/up"), [], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let seen = 0;
  let killed = false;
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    output += `${line}\n`;
    if (!/^\[ *\d+s\] /.test(line)) return;
    seen += 1;
    if (seen === lines && child.exitCode === null && child.pid !== undefined) {
      killed = true;
      process.kill(-child.pid, "SIGKILL");
    }
  });
  const exitCode = await new Promise<number | null>((done) => child.on("close", done));
  return { exitCode, killed: killed && exitCode !== 0, output };
}

/** What of a checkout's node is on the machine. All processes of a node are in cgroups of its own. */
async function traces(checkout: string): Promise<string[]> {
  const id = createHash("sha256").update(checkout).digest("hex").slice(0, 8);
  const lines = async (command: string, ...args: string[]) =>
    (await run(command, args)).stdout.split("\n").filter((line) => line.includes(id) || line.includes(checkout));
  return [
    ...(await lines("ps", "-eo", "args=")).map((line) => `process ${line}`),
    ...(await lines("cat", "/proc/self/mounts")).map((line) => `mount ${line}`),
    ...(await lines("ip", "netns", "list")).map((line) => `network namespace ${line}`),
    ...(await lines("ip", "-brief", "link")).map((line) => `link ${line}`),
    ...(await lines("find", "/sys/fs/cgroup", "-maxdepth", "3", "-type", "d")).map((line) => `cgroup ${line}`),
    ...(await lines("find", "/run", "-maxdepth", "1")).map((line) => `folder ${line}`),
  ];
}
