#!/usr/bin/env node
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CommandError, LocalWorkspace, type Stack } from "@pulumi/pulumi/automation/index.js";
import { parse, stringify } from "yaml";
import { setAt } from "../config/paths.ts";

const help = `usage: dev/stack.ts COMMAND --dir DIR [OPTION...]

Runs a stack of this project with the Pulumi engine, without writing to the checkout and without Pulumi's language host. pulumi has to be
on PATH. On a machine with a normal Pulumi installation you usually use the pulumi command instead, which does the same.

Commands:
  preview          show what up would do
  up               create or update the stack's objects in the cluster
  refresh          update the state from the cluster
  preview-destroy  show what destroy would do
  destroy          remove everything
  output           print the stack's outputs as JSON

Options:
  --dir DIR               folder for the working copies of Pulumi.yaml and the stack's file. The stack's state and the passphrase for
                          its secrets go there too, unless PULUMI_BACKEND_URL and PULUMI_CONFIG_PASSPHRASE(_FILE) are set
  --stack NAME            the stack (default: dev); Pulumi.NAME.yaml is read if it exists
  --config KEY=VALUE      a value that overrides the stack's file, such as steps.image=IMAGE; a list or an object as JSON; KEY may be
                          kubernetes:KEY
  --secret KEY@FILE       the same for a secret: the contents of FILE
  --context NAME          context of the kubeconfig (default: the current context)
  --provider real|double|any
                          real: Pulumi's own Kubernetes provider (default; the engine installs it). double: the stand-in in
                          test/support. any: the stand-in only if the real one is not installed. The stand-in is for the embedded
                          node only; never use it on your own cluster
  --expect-no-changes     fail if preview or up changes anything
  --diff                  show every changed property
  --json                  print the outputs as JSON on standard output after up
  --help                  print this text

For a KEY without dots, the variables REX_CONFIG_KEY and REX_SECRET_KEY do the same as --config and --secret. The engine's progress goes
to standard error.`;

const commands = ["preview", "up", "refresh", "preview-destroy", "destroy", "output"] as const;
type Command = (typeof commands)[number];

const providers = ["real", "double", "any"] as const;
type Provider = (typeof providers)[number];

interface Options {
  command: Command;
  directory: string;
  stackName: string;
  config: Record<string, string>;
  secrets: Record<string, string>;
  context?: string;
  provider: Provider;
  expectNoChanges: boolean;
  diff: boolean;
  json: boolean;
}

const root = resolve(import.meta.dirname, "..");
const doubleDirectory = join(root, "test/support/pulumi/kubernetesProvider");

/** An error in the call or on the machine, shown without a stack trace. */
class Refusal extends Error {}

/** Whether the engine's own output has been shown. */
let outputShown = false;

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`stack.ts: ${error instanceof CommandError ? engineMessage(error) : (error as Error).message}`);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    console.log(help);
    return;
  }
  const options = readOptions(args);
  if (options.provider === "double" || (options.provider === "any" && !realProviderIsInstalled())) {
    useDouble(options);
  }
  const stack = await select(options);
  await run(stack, options);
}

/** If the engine fails before it begins with the stack, it prints nothing, and only the error has its message. */
function engineMessage({ message }: CommandError): string {
  if (outputShown) return "the engine failed; see above";
  const [, text = message] = /stderr: (?:error: )?(.*?)\n *err\?:/s.exec(message) ?? [];
  const advice = /passphrase/.test(text)
    ? "; the stack's file has secrets: set PULUMI_CONFIG_PASSPHRASE to the passphrase that encrypted them"
    : "";
  return `the engine failed: ${text.trim().replaceAll(/\s+/g, " ")}${advice}`;
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parsed(args);
  const [command, ...more] = positionals;
  if (command === undefined || more.length > 0 || !(commands as readonly string[]).includes(command)) {
    throw new Refusal(`expected one command of ${commands.join(", ")}; see --help`);
  }
  if (values.dir === undefined) {
    throw new Refusal("--dir DIR is missing; see --help");
  }
  const provider = providers.find((name) => name === (values.provider ?? "real"));
  if (provider === undefined) {
    throw new Refusal(`--provider: expected one of ${providers.join(", ")}; got ${values.provider}`);
  }
  const files = pairs(values.secret ?? [], "@", "--secret KEY@FILE");
  const secrets = Object.entries(files).map(([key, file]) => [key, readFileSync(file, "utf8")] as const);
  return {
    command: command as Command,
    directory: resolve(values.dir),
    stackName: values.stack ?? "dev",
    config: { ...fromEnvironment("REX_CONFIG_"), ...pairs(values.config ?? [], "=", "--config KEY=VALUE") },
    secrets: { ...fromEnvironment("REX_SECRET_"), ...Object.fromEntries(secrets) },
    context: values.context,
    provider,
    expectNoChanges: values["expect-no-changes"] ?? false,
    diff: values.diff ?? false,
    json: values.json ?? false,
  };
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        dir: { type: "string" },
        stack: { type: "string" },
        config: { type: "string", multiple: true },
        secret: { type: "string", multiple: true },
        context: { type: "string" },
        provider: { type: "string" },
        "expect-no-changes": { type: "boolean" },
        diff: { type: "boolean" },
        json: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new Refusal(`${(error as Error).message}; see --help`);
  }
}

function pairs(texts: string[], separator: string, form: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const index = text.indexOf(separator);
      if (index < 1) {
        throw new Refusal(`${form}: got ${text}`);
      }
      return [text.slice(0, index), text.slice(index + 1)];
    }),
  );
}

function fromEnvironment(prefix: string): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value ?? ""]));
}

function realProviderIsInstalled(): boolean {
  const plugins = join(process.env.PULUMI_HOME ?? join(process.env.HOME ?? "/", ".pulumi"), "plugins");
  const cached = existsSync(plugins) && readdirSync(plugins).some((name) => name.startsWith("resource-kubernetes-v"));
  return (
    cached ||
    (process.env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, "pulumi-resource-kubernetes")))
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Sets the environment so that the engine finds the stand-in and looks for no other plugin. */
function useDouble(options: Options): void {
  console.error(
    "stack.ts: using the stand-in for Pulumi's Kubernetes provider (test/support/pulumi/kubernetesProvider)",
  );
  process.env.PATH = `${doubleDirectory}${delimiter}${process.env.PATH}`;
  process.env.PULUMI_HOME = join(options.directory, "home");
  process.env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION = "true";
  // The engine warns about every plugin that it takes from PATH. Here that is intended.
  process.env.NODE_NO_WARNINGS = "1";
}

/** Selects the stack, with the configuration of this call. Creates it if it does not exist. */
async function select(options: Options): Promise<Stack> {
  const backend = join(options.directory, "state");
  const workDir = join(options.directory, "work");
  for (const folder of [options.directory, backend, workDir]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const envVars = {
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_BACKEND_URL: process.env.PULUMI_BACKEND_URL ?? `file://${backend}`,
    ...passphrase(options.directory),
  };
  copyFileSync(join(root, "Pulumi.yaml"), join(workDir, "Pulumi.yaml"));
  writeStackFile(workDir, options, {});
  await untilUnlocked(backend);

  const stack = await LocalWorkspace.createOrSelectStack(
    // The Automation API runs the program in this process.
    { stackName: options.stackName, projectName: "rex-remediation", program },
    { workDir, envVars },
  );
  if (options.command === "preview" || options.command === "up") {
    for (const [key, value] of Object.entries(options.secrets)) {
      setSecret(namespaced(key), value, options.stackName, workDir, envVars);
    }
    await adoptLeftovers(stack, workDir, options);
  }
  return stack;
}

/** Uses standard input. The Automation API would put the secret on a command line, which every user of the machine can read. */
function setSecret(key: string, value: string, stackName: string, cwd: string, envVars: Record<string, string>): void {
  const args = ["config", "set", "--secret", key, "--stack", stackName, "--non-interactive"];
  const { status, stderr } = spawnSync("pulumi", args, {
    cwd,
    env: { ...process.env, ...envVars },
    input: value,
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new Refusal(`cannot store the secret ${key}: ${stderr.trim()}`);
  }
}

async function program(): Promise<Record<string, unknown>> {
  return { ...(await import("../index.ts")) };
}

function passphrase(directory: string): Record<string, string> {
  if (process.env.PULUMI_CONFIG_PASSPHRASE !== undefined || process.env.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined) {
    return {};
  }
  const file = join(directory, "passphrase");
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(24).toString("base64url"), { mode: 0o600 });
  }
  return { PULUMI_CONFIG_PASSPHRASE_FILE: file };
}

interface StackFile {
  encryptionsalt?: string;
  config?: Record<string, unknown>;
  [key: string]: unknown;
}

/** Writes the stack's file: the checkout's, overridden by this call's values, with the salt and the encrypted values of earlier calls. */
function writeStackFile(workDir: string, options: Options, more: Record<string, unknown>): void {
  const name = `Pulumi.${options.stackName}.yaml`;
  const read = (file: string): StackFile => (existsSync(file) ? (parse(readFileSync(file, "utf8")) ?? {}) : {});
  const source = read(join(root, name));
  const earlier = read(join(workDir, name));
  const secretKeys = Object.keys(options.secrets).map(namespaced);
  const encrypted = Object.entries(earlier.config ?? {}).filter(([key]) => secretKeys.includes(key));
  const config: Record<string, unknown> = { ...source.config, ...Object.fromEntries(encrypted) };
  for (const [key, value] of Object.entries(options.config)) setAt(config, namespaced(key), structured(value));
  if (options.context !== undefined) config["kubernetes:context"] = options.context;
  Object.assign(config, more);
  const salt = source.encryptionsalt ?? earlier.encryptionsalt;
  writeFileSync(
    join(workDir, name),
    stringify({ ...source, ...(salt !== undefined && { encryptionsalt: salt }), config }),
  );
}

function namespaced(key: string): string {
  return key.includes(":") ? key : `rex-remediation:${key}`;
}

function structured(value: string): unknown {
  try {
    return /^[[{]/.test(value) ? JSON.parse(value) : value;
  } catch {
    return value;
  }
}

/**
 * A killed run leaves objects that its state lacks. After such a run, this adopts existing objects. Otherwise they are an error.
 */
async function adoptLeftovers(stack: Stack, workDir: string, options: Options): Promise<void> {
  const { deployment } = await stack.exportStack();
  if ((deployment?.pending_operations ?? []).length > 0) {
    console.error("stack.ts: an earlier run was interrupted; adopting the objects that it left in the cluster");
    writeStackFile(workDir, options, { "kubernetes:upsertExistingObjects": "true" });
  }
}

/** Removes the locks that killed runs left behind, and waits for a run whose process is still alive; at most two minutes. */
async function untilUnlocked(backend: string): Promise<void> {
  const folder = join(backend, ".pulumi/locks");
  for (const deadline = Date.now() + 120_000; existsSync(folder); await sleep(500)) {
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
    const held = files.map((name) => join(folder, name)).filter((file) => !isStale(file));
    if (held.length === 0 || Date.now() > deadline) {
      return;
    }
    console.error("stack.ts: waiting for another run on this stack to end");
  }
}

function isStale(file: string): boolean {
  try {
    const { pid, hostname: host } = JSON.parse(readFileSync(file, "utf8"));
    if (host !== hostname() || isAlive(pid)) {
      return false;
    }
    rmSync(file, { force: true });
    return true;
  } catch {
    return !existsSync(file);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function run(stack: Stack, options: Options): Promise<void> {
  const onOutput = (text: string) => {
    outputShown = true;
    process.stderr.write(text);
  };
  const color = process.stderr.isTTY ? "always" : "never";
  const shared = { onOutput, color, suppressProgress: !process.stderr.isTTY } as const;
  const changing = { ...shared, diff: options.diff, expectNoChanges: options.expectNoChanges };
  switch (options.command) {
    case "preview":
      await stack.preview(changing);
      break;
    case "up":
      await stack.up(changing);
      break;
    case "refresh":
      await stack.refresh(shared);
      break;
    case "preview-destroy":
      await stack.previewDestroy(shared);
      break;
    case "destroy":
      await stack.destroy(shared);
      break;
    case "output":
      break;
  }
  if (options.command === "output" || (options.command === "up" && options.json)) {
    const outputs = Object.entries(await stack.outputs()).map(([name, { value, secret }]) => [
      name,
      secret ? "[secret]" : value,
    ]);
    console.log(JSON.stringify(Object.fromEntries(outputs), null, 2));
  }
}
