import { execFile } from "node:child_process";
import { getPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("../../../dev/cluster/component", import.meta.url));

/**
 * Does something to a process of the embedded node; dev/cluster/component says what each verb means.
 *
 * @param environment of what is started, beside what it always has
 */
export async function nodeComponent(
  verb: "start" | "stop" | "restart" | "crash",
  name: string,
  environment: Record<string, string> = {},
): Promise<void> {
  // What is started outlives the test, and is not to keep its priority (heldStep.ts).
  await promisify(execFile)("nice", ["-n", `${-getPriority()}`, script, verb, name], {
    timeout: 120_000,
    env: { ...process.env, ...environment },
  });
}
