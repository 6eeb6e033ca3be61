import { execFile } from "node:child_process";
import { getPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("../../../dev/cluster/component", import.meta.url));

/**
 * Controls a process of the embedded node; dev/cluster/component explains the verbs.
 *
 * @param environment additional variables for the started process
 */
export async function nodeComponent(
  verb: "start" | "stop" | "restart" | "crash",
  name: string,
  environment: Record<string, string> = {},
): Promise<void> {
  // The started process outlives the test and must not inherit its raised priority (heldStep.ts).
  await promisify(execFile)("nice", ["-n", `${-getPriority()}`, script, verb, name], {
    timeout: 120_000,
    env: { ...process.env, ...environment },
  });
}
