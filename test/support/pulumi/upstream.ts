import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/** Path of a tool on PATH or from the node's build; undefined if there is none. */
export function tool(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), join(cacheDirectory(), "bin")];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Path of a file in a Go module that the node's build downloaded; undefined if there is none. */
export function moduleFile(module: string, version: string, file: string): string | undefined {
  const cache =
    process.env.GOMODCACHE ?? join(process.env.GOPATH?.split(delimiter)[0] ?? join(homedir(), "go"), "pkg/mod");
  const path = join(cache, `${module}@${version}`, file);
  return existsSync(path) ? path : undefined;
}

/** The version of a Go module that the node is built from. */
export function moduleVersion(folder: string, module: string): string {
  const { stdout } = spawnSync(
    "grep",
    ["-E", `^\\s*(require )?${module} v`, join(root, "dev/cluster/modules", folder, "go.mod")],
    {
      encoding: "utf8",
    },
  );
  return /v\S+/.exec(stdout.slice(stdout.indexOf(" v")))?.[0] ?? "";
}

function cacheDirectory(): string {
  const { stdout } = spawnSync("bash", ["-c", "source scripts/lib.sh && cache_dir"], { cwd: root, encoding: "utf8" });
  return stdout.trim();
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
