import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { DownCall } from "../down.ts";
import { type Consent, type ExitCode, exitCodes } from "../lib/call.ts";
import { confirm } from "../lib/terminal.ts";
import type { UpCall } from "../up.ts";

/** Runs scripts/up and scripts/down. */

const scripts = resolve(import.meta.dirname, "../../scripts");

export async function up({ on, more, ...consent }: UpCall): Promise<ExitCode> {
  if (on !== undefined) {
    const intention = `run pulumi up for stack ${on.stack} on the cluster of context ${on.context}`;
    return handOver(intention, consent, "up", ["--context", on.context, "--stack", on.stack, ...more], true);
  }
  const intention =
    "build and start a one-node Kubernetes with Argo on this machine (about half an hour the first time), bring the dev stack up on it, and demonstrate a remediation";
  return handOver(intention, consent, "up", [], false);
}

export async function down({ on, ...consent }: DownCall): Promise<ExitCode> {
  if (on !== undefined) {
    const intention = `run pulumi destroy for stack ${on.stack} on the cluster of context ${on.context}, and so delete everything that the stack created there`;
    return handOver(intention, consent, "down", ["--context", on.context, "--stack", on.stack], true);
  }
  return handOver("stop this checkout's one-node cluster and remove its data", consent, "down", [], false);
}

/** @param previews whether the script has its own --dry-run */
async function handOver(
  intention: string,
  { dryRun, yes }: Consent,
  script: "up" | "down",
  args: string[],
  previews: boolean,
): Promise<ExitCode> {
  console.error(`${dryRun ? "would " : ""}${intention}`);
  if (dryRun && !previews) return exitCodes.well;
  if (!dryRun && !yes) await confirm("Go on?");
  const child = spawn(resolve(scripts, script), dryRun ? [...args, "--dry-run"] : args, { stdio: "inherit" });
  // The terminal sends SIGINT to the script too. This process ignores it, and waits until the script has cleaned up.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const [exitCode] = await once(child, "close");
  return exitCode === 0 ? exitCodes.well : exitCodes.failed;
}
