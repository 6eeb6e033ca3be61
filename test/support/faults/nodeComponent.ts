import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const script = fileURLToPath(new URL("../../../scripts/cluster/component", import.meta.url));

/** Does something to a process of the embedded node; scripts/cluster/component says what each verb means. */
export async function nodeComponent(verb: "start" | "stop" | "restart" | "crash", name: string): Promise<void> {
  await promisify(execFile)(script, [verb, name], { timeout: 120_000 });
}
