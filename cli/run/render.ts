import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { privateKeyKey, webhookSecretKey } from "../../components/githubAppSecrets.ts";
import { type ExitCode, exitCodes, Refusal } from "../lib/call.ts";
import { type Manifest, type Rendered, render as renderManifests } from "../lib/manifests.ts";
import { type StackValues, stackFile, stackValues } from "../lib/stackFile.ts";
import type { RenderCall } from "../render.ts";

/** The secrets of the program, and the keys that name an existing Secret instead. */
const secrets = [
  { key: "githubAppPrivateKey", existing: "existingGithubAppSecret", holds: privateKeyKey },
  { key: "webhookSecret", existing: "existingWebhookSecret", holds: webhookSecretKey },
];

/** Tells a file of an earlier render from others. */
const mark = "# Written by scripts/rex render.\n";

export async function render(call: RenderCall): Promise<ExitCode> {
  const values = configuration(call);
  const rendered = await renderOrRefuse(values, installedAt(call, values));
  write(rendered, call);
  tell(values, rendered);
  return exitCodes.well;
}

function configuration({ stack, configFile, config }: RenderCall): Record<string, unknown> {
  const file =
    stack !== undefined
      ? { path: stackFile(stack), option: "--stack" }
      : configFile !== undefined
        ? { path: configFile, option: "--config-file" }
        : undefined;
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

function installedAt({ installedAt }: RenderCall, values: Record<string, unknown>): string {
  const sweeps = `${values.sweepSchedule ?? ""}` !== "";
  if (installedAt === undefined && sweeps) {
    throw new Refusal(
      "--installed-at is missing: the sweep leaves pushes alone that were made before it, which a rendered sweep cannot read from the cluster; expected a time, as 2026-01-31T12:00:00Z, that stays the same; without a sweep, and so with pushes that nobody finds when they are lost: --config sweepSchedule=",
    );
  }
  return installedAt ?? "";
}

async function renderOrRefuse(values: Record<string, unknown>, installedAt: string): Promise<Rendered> {
  try {
    return await renderManifests(values, installedAt);
  } catch (error) {
    if (pulumi.RunError.isInstance(error)) throw new Refusal(error.message);
    throw error;
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
function tell(values: Record<string, unknown>, { manifests, outputs }: Rendered): void {
  console.error(`${manifests.length} manifests; beside them have to be in namespace ${outputs.namespace}:`);
  for (const { name, holds, key } of secretsOf(values)) {
    console.error(`  Secret ${name} with ${key} under the key ${holds}`);
  }
  if (!manifests.some(({ kind }) => kind === "EventBus")) console.error(`  EventBus ${values.eventBusName}`);
}
