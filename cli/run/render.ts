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

/** The secrets in the program's configuration, and the keys that name an existing Secret instead. */
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

/** Marks files of an earlier render, so that no other files are deleted. */
const mark = "# Written by scripts/rex render.\n";

export async function render(call: RenderCall): Promise<ExitCode> {
  const config = configuration(call);
  const rendered = await renderManifests(config, call.installedAt ?? "");
  write(rendered, call);
  tell(config, rendered);
  return exitCodes.well;
}

/** @throws Refusal if a required value is missing or a value is bad */
function configuration({ stack, configFile, config: given, installedAt }: RenderCall): Config {
  const file =
    stack !== undefined
      ? { path: stackFile(stack), option: "--stack" }
      : configFile !== undefined
        ? { path: configFile, option: "--config-file" }
        : undefined;
  for (const { key } of secrets) {
    if (key in given) {
      throw new Refusal(`--config ${key}: render neither reads nor writes secrets; leave it out, see --help`);
    }
  }
  const { values, encrypted } = stackValues(file);
  for (const [path, value] of Object.entries(given)) setAt(values, path, value);
  refuseUnreadable(encrypted.filter((path) => !(path in given)));
  // Secrets in Pulumi.NAME.yaml are only for pulumi up.
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
      `${unreadable.join(", ")}: expected plain text; got an encrypted value, which only Pulumi can read; give it with ${unreadable.map((key) => `--config ${key}=VALUE`).join(" ")}`,
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
      `render writes no Secrets, so name the ${unnamed.length === 1 ? "one" : "ones"} that you create yourself: ${unnamed
        .map(({ key, existing, holds }) => `--config ${existing}=NAME, which holds ${key} under the key ${holds}`)
        .join("; ")}; to change a secret later, use a Secret with a new name, or restart the pods that read it`,
    );
  }
}

function refuseWithoutTime({ sweep }: Config, installedAt: string | undefined): void {
  if (installedAt === undefined && sweep.schedule !== undefined) {
    throw new Refusal(
      "--installed-at is missing: the sweep ignores pushes from before the installation, and a rendered sweep cannot read its time from the cluster; expected a time such as 2026-01-31T12:00:00Z, the same in every render; or render without a sweep, which means that lost pushes are not found: --config sweep.schedule=",
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

/** Lists the objects that you have to create yourself; on standard error, because standard output may have the manifests. */
function tell(config: Config, { manifests, outputs }: Rendered): void {
  console.error(`${manifests.length} manifests; they also need these objects in namespace ${outputs.namespace}:`);
  for (const { name, holds, key } of secretsOf(config)) {
    console.error(`  Secret ${name} with ${key} under the key ${holds}`);
  }
  if (!manifests.some(({ kind }) => kind === "EventBus")) console.error(`  EventBus ${config.eventBus.name}`);
}
