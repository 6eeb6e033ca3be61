import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { GitHubDoubleClient } from "../../support/github/index.ts";

const script = new URL("../../support/github/server.ts", import.meta.url).pathname;

describe("GitHub double: command line", () => {
  let started: ChildProcess | undefined;
  afterEach(() => started?.kill("SIGKILL"));

  function run(...args: string[]) {
    const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    started = child;
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      output.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output.stderr += chunk;
    });
    return { child, output };
  }

  it("prints one line of JSON when ready, serves, and ends on SIGTERM", async () => {
    const { child, output } = run("--listen", "127.0.0.1:0");
    await once(child.stdout, "data");
    match(output.stdout, /^\{"url":"http:\/\/127\.0\.0\.1:\d+"\}\n$/);
    const { url } = JSON.parse(output.stdout) as { url: string };
    deepEqual((await new GitHubDoubleClient(url).state()).repositories, []);
    child.kill("SIGTERM");
    deepEqual(await once(child, "exit"), [0, null]);
    equal(output.stderr, "");
  });

  it("explains itself", async () => {
    const { child, output } = run("--help");
    deepEqual(await once(child, "close"), [0, null]);
    for (const option of ["--listen", "--state", "--check", "--help"]) ok(output.stdout.includes(option), option);
  });

  for (const args of [
    ["--lisen", "x"],
    ["--listen", "8080"],
    ["--listen", "127.0.0.1:http"],
  ])
    it(`refuses ${args.join(" ")} in one readable message`, async () => {
      const { child, output } = run(...args);
      deepEqual(await once(child, "close"), [2, null]);
      match(output.stderr, /^[^\n]+\nTry --help\.\n$/);
    });
});
