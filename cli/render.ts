#!/usr/bin/env node
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { privateKeyKey, webhookSecretKey } from "../components/githubAppSecrets.ts";
import { readCall } from "./lib/call.ts";
import { type ExitCode, exitCodes, Refusal, runTool } from "./lib/installation.ts";
import { type Manifest, type Rendered, render } from "./lib/manifests.ts";
import { type StackValues, stackFile, stackValues } from "./lib/stackFile.ts";

const help = `usage: npm run --silent render -- [OPTION...]

Writes the manifests that pulumi up would apply as YAML, for GitOps and for review: without secrets, and without a cluster, a Pulumi login
or the pulumi command. The same configuration gives the same text. kubectl apply -f - takes it.

It differs from what pulumi up makes in this:
  - Secrets are not in it: existingGithubAppSecret and existingWebhookSecret name those that you make.
  - Pulumi's annotations and the label app.kubernetes.io/managed-by are not in it.
  - Runs have no owner, because the WorkflowTemplate's identity is known to the cluster only: they stay for retentionDays after it is deleted.
  - The sweep is told with --installed-at since when pushes are its to handle, instead of the WorkflowTemplate's age.
  - Nothing waits until EventSource and Sensor are deployed: npm run status and kubectl get eventsource,sensor -o yaml say whether they are.

Options:
  --stack NAME          read Pulumi.NAME.yaml (default: only the defaults of Pulumi.yaml)
  --config-file FILE    read this file instead
  --config KEY=VALUE    a value over the file's; a list or an object as JSON
  --installed-at TIME   pushes from before are left alone by the sweep, as 2026-01-31T12:00:00Z: the time of your first apply, the same ever
                        after; not needed where sweepSchedule is empty
  --output DIR          write a file for each object, numbered in the order of their use; files of an earlier render that have no object any more go
  --outputs-to FILE     write what pulumi stack output --json would print: --outputs FILE of the other tools, or REX_OUTPUTS
  --json                print one object: manifests and outputs
  --help                this text

Exit codes:
  0  the manifests are written
  2  nothing was written: the call or the configuration is wrong`;

interface Options {
  file?: { path: string; option: string };
  config: Record<string, string>;
  installedAt?: string;
  output?: string;
  outputsTo?: string;
  json: boolean;
}

/** The secrets of the program, and the keys that name an existing Secret instead. */
const secrets = [
  { key: "githubAppPrivateKey", existing: "existingGithubAppSecret", holds: privateKeyKey },
  { key: "webhookSecret", existing: "existingWebhookSecret", holds: webhookSecretKey },
];

/** Tells a file of an earlier render from others. */
const mark = "# Written by npm run render.\n";

await runTool("render", main);

async function main(args: string[]): Promise<ExitCode> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(help);
    return exitCodes.well;
  }
  const values = configuration(options);
  const rendered = await renderOrRefuse(values, installedAt(options, values));
  write(rendered, options);
  tell(values, rendered);
  return exitCodes.well;
}

/** @returns undefined if help is asked for */
function readOptions(args: string[]): Options | undefined {
  const values = parsed(args);
  if (values.help === true) return undefined;
  const { stack, "config-file": path, output, "outputs-to": outputsTo, json = false } = values;
  if (stack !== undefined && path !== undefined) {
    throw new Refusal("--stack and --config-file both say which file is meant; give one of them");
  }
  if (json && output !== undefined) {
    throw new Refusal("--json and --output both say where the manifests go; give one of them");
  }
  return {
    file:
      stack !== undefined
        ? { path: stackFile(stack), option: "--stack" }
        : (path && { path, option: "--config-file" }) || undefined,
    config: Object.fromEntries((values.config ?? []).map(pair)),
    installedAt: values["installed-at"],
    output,
    outputsTo,
    json,
  };
}

function parsed(args: string[]) {
  return readCall({
    args,
    options: {
      stack: { type: "string" },
      "config-file": { type: "string" },
      config: { type: "string", multiple: true },
      "installed-at": { type: "string" },
      output: { type: "string" },
      "outputs-to": { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  }).values;
}

function pair(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new Refusal(`--config: expected KEY=VALUE; got ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function configuration({ file, config }: Options): Record<string, unknown> {
  for (const { key } of secrets) {
    if (key in config) {
      throw new Refusal(`--config ${key}: nothing secret is read or written here; leave it out, see --help`);
    }
  }
  const { values, encrypted } = stackValues(file);
  const given = { ...values, ...config };
  refuseUnreadable({ values: config, encrypted });
  // What Pulumi.NAME.yaml has of them is for pulumi up.
  const readable = Object.fromEntries(Object.entries(given).filter(([key]) => !secrets.some((one) => one.key === key)));
  refuseWithoutSecrets(readable);
  return readable;
}

function refuseUnreadable({ values, encrypted }: StackValues): void {
  const unreadable = encrypted.filter((key) => !secrets.some((one) => one.key === key) && !(key in values));
  if (unreadable.length > 0) {
    throw new Refusal(
      `${unreadable.join(", ")}: expected plain text; got what only Pulumi can read; give it with ${unreadable.map((key) => `--config ${key}=VALUE`).join(" ")}`,
    );
  }
}

function secretsOf(values: Record<string, unknown>) {
  const needed = isSet(values.existingEventSource) ? secrets.slice(0, 1) : secrets;
  return needed.map((secret) => ({ ...secret, name: `${values[secret.existing] ?? ""}` }));
}

function refuseWithoutSecrets(values: Record<string, unknown>): void {
  const unnamed = secretsOf(values).filter(({ name }) => name === "");
  if (unnamed.length > 0) {
    throw new Refusal(
      `no Secret is written, so name ${unnamed.length === 1 ? "the one" : "those"} that will be there: ${unnamed
        .map(({ key, existing, holds }) => `--config ${existing}=NAME, which holds ${key} under the key ${holds}`)
        .join("; ")}; a changed secret needs a Secret with another name, or a restart of what reads it`,
    );
  }
}

/** An object, as the file has it or as --config gives it. */
function isSet(value: unknown): boolean {
  return typeof value === "string"
    ? !["", "{}"].includes(value.trim())
    : Object.keys((value ?? {}) as object).length > 0;
}

function installedAt({ installedAt }: Options, values: Record<string, unknown>): string {
  const sweeps = `${values.sweepSchedule ?? ""}` !== "";
  if (installedAt === undefined && sweeps) {
    throw new Refusal(
      "--installed-at is missing: the sweep leaves pushes alone that were made before it, which a rendered sweep cannot read from the cluster; expected a time, as 2026-01-31T12:00:00Z, that stays the same; without a sweep, and so with pushes that nobody finds when they are lost: --config sweepSchedule=",
    );
  }
  const text = installedAt ?? "";
  if (
    installedAt !== undefined &&
    !(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text)))
  ) {
    throw new Refusal(`--installed-at: expected a time, as 2026-01-31T12:00:00Z; got ${JSON.stringify(text)}`);
  }
  return text;
}

async function renderOrRefuse(values: Record<string, unknown>, installedAt: string): Promise<Rendered> {
  try {
    return await render(values, installedAt);
  } catch (error) {
    if (pulumi.RunError.isInstance(error)) throw new Refusal(error.message);
    throw error;
  }
}

function write({ manifests, outputs }: Rendered, { output, outputsTo, json }: Options): void {
  if (outputsTo !== undefined) writeFileOrRefuse("--outputs-to", outputsTo, `${JSON.stringify(outputs, null, 2)}\n`);
  if (json) {
    console.log(JSON.stringify({ manifests, outputs }));
  } else if (output === undefined) {
    process.stdout.write(manifests.map(yaml).join("---\n"));
  } else {
    writeFiles(output, manifests);
  }
}

function yaml(manifest: Manifest): string {
  return stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false });
}

function writeFiles(folder: string, manifests: Manifest[]): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (/^\d\d-.*\.yaml$/.test(name) && readFileSync(path, "utf8").startsWith(mark)) rmSync(path);
    }
  } catch (error) {
    throw new Refusal(`--output: cannot use ${folder} (${(error as NodeJS.ErrnoException).code})`);
  }
  manifests.forEach((manifest, index) => {
    const { kind, metadata } = manifest;
    const name = `${`${index + 1}`.padStart(2, "0")}-${kind.toLowerCase()}-${metadata.name}.yaml`;
    writeFileOrRefuse("--output", join(folder, name), mark + yaml(manifest));
  });
}

function writeFileOrRefuse(option: string, path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Refusal(`${option}: cannot write ${path} (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** What has to be there beside the manifests; on standard error, because the manifests are on the other. */
function tell(values: Record<string, unknown>, { manifests, outputs }: Rendered): void {
  console.error(`${manifests.length} manifests; beside them have to be in namespace ${outputs.namespace}:`);
  for (const { name, holds, key } of secretsOf(values)) {
    console.error(`  Secret ${name} with ${key} under the key ${holds}`);
  }
  if (!manifests.some(({ kind }) => kind === "EventBus")) console.error(`  EventBus ${values.eventBusName}`);
}
