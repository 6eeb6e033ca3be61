import { ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";

/**
 * Runs a jq program and returns its single output. `args` become variables: a text with --arg, anything else with --argjson. `env` is the
 * environment; default: this process's.
 */
export function jq(
  program: string,
  input: unknown,
  args: Record<string, unknown> = {},
  env?: Record<string, string>,
): unknown {
  const options = Object.entries(args).flatMap(([name, value]) =>
    typeof value === "string" ? ["--arg", name, value] : ["--argjson", name, JSON.stringify(value)],
  );
  const { status, stdout, stderr } = spawnSync("jq", [...options, program], {
    input: JSON.stringify(input),
    env: env ?? process.env,
    encoding: "utf8",
  });
  ok(status === 0, stderr);
  return JSON.parse(stdout);
}
