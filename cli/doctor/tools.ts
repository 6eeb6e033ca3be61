import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { atLeast, majorOf } from "./versions.ts";

/** What has to be on the machine from which `pulumi up` is run. */

const root = resolve(import.meta.dirname, "../..");
const leastNode = "22.19.0";
const installPulumi = "install it: https://www.pulumi.com/docs/install/";

export const nodeCheck: Check<unknown> = { name: "Node.js", look: async () => node(process.versions.node) };
export const pulumiCommandCheck: Check<DoctorContext> = { name: "Pulumi command", look: pulumiCommand };
export const kubernetesPluginCheck: Check<unknown> = {
  name: "Pulumi's Kubernetes plugin",
  needs: [pulumiCommandCheck],
  look: kubernetesPlugin,
};

/** @param version of Node.js */
export function node(version: string): Finding {
  return atLeast(version, leastNode)
    ? pass(version)
    : fail(`${version}; expected >= ${leastNode}`, "install a newer one (https://nodejs.org), and run npm ci again");
}

async function pulumiCommand({ installs }: Pick<DoctorContext, "installs">): Promise<Finding> {
  const said = await ask("pulumi", ["version"]);
  if (typeof said === "string") return pulumi(said.trim(), pinned("@pulumi/pulumi"));
  const found = `cannot be run (${said.why})`;
  return installs ? fail(found, installPulumi) : warn(`${found}; pulumi up needs it`, installPulumi);
}

/** @param sdk version of the SDK that the program uses */
export function pulumi(version: string, sdk: string): Finding {
  if (majorOf(version) !== majorOf(sdk)) {
    return fail(`${version}; the program uses the SDK ${sdk}`, installPulumi);
  }
  return atLeast(version, sdk)
    ? pass(version)
    : warn(`${version} is older than the program's SDK ${sdk}`, installPulumi);
}

async function kubernetesPlugin(): Promise<Finding> {
  const wanted = pinned("@pulumi/kubernetes");
  const said = await ask("pulumi", ["plugin", "ls", "--json"]);
  return typeof said === "string"
    ? plugin(JSON.parse(said), wanted)
    : skip(`because the Pulumi command cannot list its plugins (${said.why})`);
}

/** @param plugins as `pulumi plugin ls --json` lists them */
export function plugin(plugins: { name: string; kind: string; version: string }[], wanted: string): Finding {
  const versions = plugins
    .filter(({ name, kind }) => name === "kubernetes" && kind === "resource")
    .map(({ version }) => version);
  if (versions.includes(wanted)) return pass(wanted);
  const there = versions.length === 0 ? "none is there" : `there is ${versions.join(", ")}`;
  return warn(
    `${there}; pulumi up downloads ${wanted}, which takes a way to the internet`,
    `pulumi plugin install resource kubernetes v${wanted}`,
  );
}

/** The version that package.json names. */
function pinned(dependency: string): string {
  const { dependencies } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8"));
  return dependencies[dependency];
}

async function ask(command: string, args: string[]): Promise<string | { why: string }> {
  try {
    return (await promisify(execFile)(command, args, { cwd: root, timeout: 30_000 })).stdout;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { why: code === "ENOENT" ? "there is no such command" : `${code}: ${message.split("\n")[0]}` };
  }
}
