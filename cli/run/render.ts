import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { privateKeyKey, webhookSecretKey } from "../../components/githubAppSecrets.ts";
import { goodConfig, understand } from "../../config/config.ts";
import { setAt } from "../../config/paths.ts";
import { ConfigError } from "../../config/problems.ts";
import type { Config } from "../../config/schema.ts";
import { type ExitCode, exitCodes, Refusal } from "../lib/call.ts";
import { type Manifest, type Rendered, render as renderManifests } from "../lib/manifests.ts";
import { stackFile, stackValues } from "../lib/stackFile.ts";
import type { RenderCall } from "../render.ts";

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
const mark = "# Written by scripts/rex render.\n";

export async function render(call: RenderCall): Promise<ExitCode> {
  const config = configuration(call);
  const rendered = await renderManifests(config, call.installedAt ?? "");
  write(rendered, call);
  tell(config, rendered);
  return exitCodes.well;
}

/** @throws Refusal if something that is needed is missing or bad */
function configuration({ stack, configFile, config: given, installedAt }: RenderCall): Config {
  const file =
    stack !== undefined
      ? { path: stackFile(stack), option: "--stack" }
      : configFile !== undefined
        ? { path: configFile, option: "--config-file" }
        : undefined;
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
}

function write({ manifests, outputs }: Rendered, { output, outputsTo, json }: RenderCall): void {
  if (outputsTo !== undefined) writeFileOrRefuse("--outputs-to", outputsTo, `${JSON.stringify(outputs, null, 2)}\n`);
  if (json) {
    console.log(JSON.stringify({ manifests, outputs }));
  } else if (output === undefined) {
    console.log(manifests.map(yaml).join("---\n").replace(/\n$/, ""));
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
