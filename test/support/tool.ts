import { AsyncLocalStorage } from "node:async_hooks";
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { rex } from "../../cli/commands.ts";

const root = resolve(import.meta.dirname, "../..");

/** The result of a scripts/rex call. */
export interface ToolResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a scripts/rex command as a process, with these changes to the current environment; undefined removes a variable. */
export async function runTool(
  command: string,
  args: string[],
  environment: Record<string, string | undefined> = {},
): Promise<ToolResult> {
  return runScript("cli/rex.ts", [command, ...args], environment);
}

/** Runs a file of the project with the tests' Node.js, in the project's folder. */
export async function runScript(
  file: string,
  args: string[],
  environment: Record<string, string | undefined> = {},
): Promise<ToolResult> {
  const child = spawn(process.execPath, [resolve(root, file), ...args], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 200_000,
  });
  return ended(child);
}

/** @param typed its input, if any. The input stays open until the process has ended, as on a terminal */
async function ended(child: ChildProcess, typed?: string): Promise<ToolResult> {
  const result: ToolResult = { exitCode: null, stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    result.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    result.stderr += chunk;
  });
  if (typed !== undefined) child.stdin?.write(typed);
  result.exitCode = await new Promise<number | null>((done, reject) => {
    child.on("error", reject);
    child.on("close", done);
  });
  return result;
}

/**
 * The variables by which Node.js decides about colours. A person's terminal has none of them, but continuous integration sets some.
 * @see https://nodejs.org/api/tty.html#writestreamgetcolordepthenv
 */
const colourVariables = [
  "CI",
  "COLORTERM",
  "FORCE_COLOR",
  "NODE_DISABLE_COLORS",
  "NO_COLOR",
  "TEAMCITY_VERSION",
  "TF_BUILD",
  "TMUX",
];

/**
 * Runs a scripts/rex command on its own terminal, which shows colours, and types this text there. The standard output is everything on the
 * terminal.
 */
export async function runOnTerminal(
  command: string,
  args: string[],
  typed: string,
  environment: Record<string, string | undefined> = {},
): Promise<ToolResult> {
  const words = [process.execPath, resolve(root, "cli/rex.ts"), command, ...args].map((word) => `'${word}'`);
  const script = ["--quiet", "--return", "--flush", "--command", words.join(" "), "/dev/null"];
  const ofTerminal = {
    ...Object.fromEntries(colourVariables.map((name) => [name, undefined])),
    TERM: "xterm-256color",
  };
  const env = { ...process.env, ...ofTerminal, ...environment };
  return ended(spawn("script", script, { env, timeout: 200_000 }), typed);
}

/**
 * Calls a scripts/rex command in this process, which makes repeated calls fast. Several calls can run side by side if they have the same
 * environment. What this does not show: that a real process ends, and with this exit code.
 */
export async function callTool(
  command: string,
  args: string[],
  environment: Record<string, string | undefined> = {},
): Promise<ToolResult> {
  const before = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]));
  const output = { stdout: "", stderr: "" };
  setEnvironment(environment);
  try {
    const exitCode = await captured.run(output, () => rex([command, ...args]));
    return { exitCode, ...output };
  } finally {
    setEnvironment(before);
  }
}

function setEnvironment(values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** The output of the call that is running; undefined outside of calls. */
const captured = new AsyncLocalStorage<{ stdout: string; stderr: string }>();

for (const [method, stream] of [
  ["log", "stdout"],
  ["error", "stderr"],
] as const) {
  const original = console[method];
  console[method] = (...texts: unknown[]) => {
    const output = captured.getStore();
    if (output === undefined) original(...texts);
    else output[stream] += `${texts.join(" ")}\n`;
  };
}
