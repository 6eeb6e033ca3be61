import { spawn } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** So that the many calls do not compile the same packages again: each takes half the time. */
const compileCache = resolve(root, "node_modules/.cache/node-compile-cache");

/** What a tool of cli/ left behind. */
export interface ToolResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one as a person would, with this environment over the present one; undefined takes a variable away. */
export async function runTool(
  tool: string,
  args: string[],
  environment: Record<string, string | undefined> = {},
): Promise<ToolResult> {
  const child = spawn(process.execPath, [resolve(root, "cli", tool), ...args], {
    cwd: root,
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 200_000,
  });
  const result: ToolResult = { exitCode: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    result.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    result.stderr += chunk;
  });
  result.exitCode = await new Promise<number | null>((done, reject) => {
    child.on("error", reject);
    child.on("close", done);
  });
  return result;
}
