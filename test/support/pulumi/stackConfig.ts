import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { setAt } from "../../../config/paths.ts";

/** A value as in a stack's file; undefined leaves the key out. */
export type ConfigValue = string | number | boolean | string[] | Record<string, unknown> | undefined;

/** Values by the paths of their keys, such as steps.image. */
export type ConfigChanges = Record<string, ConfigValue>;

interface Project {
  name: string;
  config: Record<string, { description: string; default: ConfigValue; secret?: boolean }>;
}

/** Pulumi.yaml. */
export const project: Project = parse(readFileSync(join(import.meta.dirname, "../../../Pulumi.yaml"), "utf8"));

/** A GitHub App's private key in the form that GitHub issues: PKCS #1, 2048 bits. */
export const privateKey = rsaKey(2048);

export function rsaKey(modulusLength: number): string {
  return generateKeyPairSync("rsa", {
    modulusLength,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  }).privateKey;
}

export const secretKeys = ["githubAppPrivateKey", "webhookSecret"];

/** The minimum that the program needs to run. */
export const leastConfig: ConfigChanges = {
  repositories: ["5dlabs/platform"],
  "githubApp.id": "1234",
  githubAppPrivateKey: privateKey,
  webhookSecret: "0123456789abcdef0123456789abcdef",
  "steps.image": "registry.example.com/steps:1",
};

/**
 * Sets the configuration as the CLI would: the stack's values override the defaults in Pulumi.yaml.
 *
 * @param changes are added to {@link leastConfig}
 * @param secrets keys that are encrypted in the stack's file
 */
export function setStackConfig(changes: ConfigChanges = {}, secrets: string[] = secretKeys): void {
  const own = Object.entries(engineTexts(changes)).map(([key, text]) => [`${project.name}:${key}`, text]);
  pulumi.runtime.setAllConfig(
    {
      // Mocks have no cluster, so this machine's kubeconfig must not matter.
      "kubernetes:kubeconfig": JSON.stringify({ apiVersion: "v1", kind: "Config" }),
      ...Object.fromEntries(own),
    },
    secrets.map((key) => `${project.name}:${key}`),
  );
}

/** The stack's values and the defaults in Pulumi.yaml, as the engine passes them on: each value as a string. */
export function engineTexts(changes: ConfigChanges): Record<string, string> {
  const defaults = Object.entries(project.config).map(([key, { default: value }]) => [key, value] as const);
  const values: Record<string, unknown> = Object.fromEntries(defaults);
  for (const [path, value] of Object.entries({ ...leastConfig, ...changes })) setAt(values, path, value);
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([key, value]) => [key, typeof value === "object" ? JSON.stringify(value) : `${value}`]),
  );
}
