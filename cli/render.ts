#!/usr/bin/env node
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { privateKeyKey, webhookSecretKey } from "../components/githubAppSecrets.ts";
import { goodConfig, understand } from "../config/config.ts";
import { setAt } from "../config/paths.ts";
import { ConfigError } from "../config/problems.ts";
import type { Config } from "../config/schema.ts";
import { readCall } from "./lib/call.ts";
import { type ExitCode, exitCodes, Refusal, runTool } from "./lib/installation.ts";
import { type Manifest, type Rendered, render } from "./lib/manifests.ts";
import { stackFile, stackValues } from "./lib/stackFile.ts";

const help = `usage: npm run --silent render -- [OPTION...]

Writes the manifests that pulumi up would apply as YAML, for GitOps and for review: without secrets, and without a cluster, a Pulumi login
or the pulumi command. The same configuration gives the same text. kubectl apply -f - takes it.

It differs from what pulumi up makes in this:
  - Secrets are not in it: githubApp.existingSecret and webhook.existingSecret name those that you make.
  - Pulumi's annotations and the label app.kubernetes.io/managed-by are not in it.
  - Runs have no owner, because the WorkflowTemplate's identity is known to the cluster only: they stay for argo.retentionDays after it is deleted.
  - The sweep is told with --installed-at since when pushes are its to handle, instead of the WorkflowTemplate's age.
  - Nothing waits until EventSource and Sensor are deployed: npm run status and kubectl get eventsource,sensor -o yaml say whether they are.

Options:
  --stack NAME          read Pulumi.NAME.yaml (default: only the defaults)
  --config-file FILE    read this file instead
  --config KEY=VALUE    a value over the file's, as steps.image=IMAGE; a list or an object as JSON, or a list as text with commas
  --installed-at TIME   pushes from before are left alone by the sweep, as 2026-01-31T12:00:00Z: the time of your first apply, the same ever
                        after; not needed where sweep.schedule is empty
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
  {
    key: "githubAppPrivateKey",
    existing: "githubApp.existingSecret",
    nameIn: ({ githubApp }: Config) => githubApp.existingSecret,
    holds: privateKeyKey,
  },
  {
    key: "webhookSecret",
    existing: "webhook.existingSecret",
    nameIn: ({ webhook }: Config) => webhook.existingSecret,
    holds: webhookSecretKey,
  },
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
  const config = configuration(options);
  const rendered = await render(config, options.installedAt ?? "");
  write(rendered, options);
  tell(config, rendered);
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

/** @throws Refusal if something that is needed is missing or bad */
function configuration({ file, config: given, installedAt }: Options): Config {
  for (const { key } of secrets) {
    if (key in given) {
      throw new Refusal(`--config ${key}: nothing secret is read or written here; leave it out, see --help`);
    }
  }
  const { values, encrypted } = stackValues(file);
  for (const [path, value] of Object.entries(given)) setAt(values, path, value);
  refuseUnreadable(encrypted.filter((path) => !(path in given)));
  // What Pulumi.NAME.yaml has of them is for pulumi up.
  for (const { key } of secrets) delete values[key];
  const { config } = understand({ values });
  refuseWithoutSecrets(config);
  refuseWithoutTime(config, installedAt);
  try {
    return goodConfig({ values });
  } catch (error) {
    if (error instanceof ConfigError) throw new Refusal(error.message);
    throw error;
  }
}

function refuseUnreadable(encrypted: string[]): void {
  const unreadable = encrypted.filter((path) => !secrets.some(({ key }) => key === path));
  if (unreadable.length > 0) {
    throw new Refusal(
      `${unreadable.join(", ")}: expected plain text; got what only Pulumi can read; give it with ${unreadable.map((key) => `--config ${key}=VALUE`).join(" ")}`,
    );
  }
}

function secretsOf(config: Config) {
  const needed = config.existingEventSource.name === undefined ? secrets : secrets.slice(0, 1);
  return needed.map(({ nameIn, ...secret }) => ({ ...secret, name: nameIn(config) }));
}

function refuseWithoutSecrets(config: Config): void {
  const unnamed = secretsOf(config).filter(({ name }) => name === undefined);
  if (unnamed.length > 0) {
    throw new Refusal(
      `no Secret is written, so name ${unnamed.length === 1 ? "the one" : "those"} that will be there: ${unnamed
        .map(({ key, existing, holds }) => `--config ${existing}=NAME, which holds ${key} under the key ${holds}`)
        .join("; ")}; a changed secret needs a Secret with another name, or a restart of what reads it`,
    );
  }
}

function refuseWithoutTime({ sweep }: Config, installedAt: string | undefined): void {
  if (installedAt === undefined && sweep.schedule !== undefined) {
    throw new Refusal(
      "--installed-at is missing: the sweep leaves pushes alone that were made before it, which a rendered sweep cannot read from the cluster; expected a time, as 2026-01-31T12:00:00Z, that stays the same; without a sweep, and so with pushes that nobody finds when they are lost: --config sweep.schedule=",
    );
  }
  if (
    installedAt !== undefined &&
    !(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(installedAt) && !Number.isNaN(Date.parse(installedAt)))
  ) {
    throw new Refusal(`--installed-at: expected a time, as 2026-01-31T12:00:00Z; got ${JSON.stringify(installedAt)}`);
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
function tell(config: Config, { manifests, outputs }: Rendered): void {
  console.error(`${manifests.length} manifests; beside them have to be in namespace ${outputs.namespace}:`);
  for (const { name, holds, key } of secretsOf(config)) {
    console.error(`  Secret ${name} with ${key} under the key ${holds}`);
  }
  if (!manifests.some(({ kind }) => kind === "EventBus")) console.error(`  EventBus ${config.eventBus.name}`);
}
