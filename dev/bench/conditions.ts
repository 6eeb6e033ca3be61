import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** The conditions of a measurement. Under others the figures would differ. */
export interface Conditions {
  machine: {
    cpu: string;
    cores: number;
    memoryGiB: number;
    kernel: string;
  };
  versions: Record<"Kubernetes" | "Argo Events" | "Argo Workflows" | "Pulumi" | "Node.js", string>;
  /** Settings of Argo's controllers. The embedded node uses the defaults. */
  controllers: "default";
}

/** This machine, and the versions in the embedded node. */
export function conditions(): Conditions {
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
    },
    versions: versions(),
    controllers: "default",
  };
}

function versions(): Conditions["versions"] {
  const file = readFileSync(resolve(root, "dev/cluster/versions.sh"), "utf8");
  const pinned = (name: string): string => {
    const [, version] = new RegExp(`^readonly ${name}_VERSION=v(\\S+)$`, "m").exec(file) ?? [];
    if (version === undefined) throw new Error(`dev/cluster/versions.sh has no ${name}_VERSION`);
    return version;
  };
  return {
    Kubernetes: pinned("KUBERNETES"),
    "Argo Events": pinned("ARGO_EVENTS"),
    "Argo Workflows": pinned("ARGO_WORKFLOWS"),
    Pulumi: pinned("PULUMI"),
    "Node.js": process.versions.node,
  };
}

/** The checkout's commit. A note follows if something other than the bench's own output has uncommitted changes. */
export function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", root, ...args], { encoding: "utf8", timeout: 20_000 }).trim();
  const changed = git("status", "--porcelain", "--", ".", ":!docs/performance") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${changed ? " with changes" : ""}`;
}
