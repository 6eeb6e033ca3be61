import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { setAt } from "../../config/paths.ts";
import { isObject } from "../../config/values.ts";
import { Refusal } from "./installation.ts";

/** A stack's configuration as it stands in the project's files, without what only Pulumi can read. */

const root = resolve(import.meta.dirname, "../..");

/** The configuration of a stack: key, without the project's name, to value. */
export interface StackValues {
  values: Record<string, unknown>;
  /** Keys, and fields of objects such as steps.image, that stand encrypted in the stack's file; none is among the values. */
  encrypted: string[];
  /** The kubeconfig's context that the stack names for Pulumi's provider. */
  context?: string;
}

export interface StackFile {
  path: string;
  /** The option that named it, for messages. */
  option: string;
  /** Whether to do without the values of a Pulumi ESC environment, instead of refusing the file. */
  withoutEnvironment?: boolean;
}

/** The project's name in Pulumi.yaml, which stands before its keys. */
const projectName = "rex-remediation";

/** @returns what the stack's file says, without the program's defaults */
export function stackValues(file: StackFile | undefined): StackValues {
  const { config = {} } = file === undefined ? {} : readStackFile(file);
  const own = ownEntries(config);
  const encrypted = own.flatMap(([key, value]) => encryptedPaths(key, value));
  const context = config["kubernetes:context"];
  const values = Object.fromEntries(own);
  for (const path of encrypted) setAt(values, path, undefined);
  return {
    values,
    encrypted,
    ...(typeof context === "string" && { context }),
  };
}

/** Path of a stack's file. */
export function stackFile(stack: string, folder = root): string {
  return join(folder, `Pulumi.${stack}.yaml`);
}

function readStackFile({ path, option, withoutEnvironment = false }: StackFile): { config?: Record<string, unknown> } {
  let content: unknown;
  try {
    content = parse(readFileSync(path, "utf8")) ?? {};
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Refusal(
      `${option}: cannot read ${path} (${code ?? message.split("\n")[0]})`,
      `expected a stack's file as pulumi config set writes it`,
    );
  }
  const { config = {}, environment } = content as { config?: Record<string, unknown>; environment?: unknown };
  if (environment !== undefined && !withoutEnvironment) {
    throw new Refusal(
      `${option}: ${path} takes values from a Pulumi ESC environment, which only Pulumi can read`,
      `write those that the program needs into the file, or give them with --config KEY=VALUE`,
    );
  }
  return { config: config ?? {} };
}

/** Those of this project; others are meant for providers. */
function ownEntries(config: Record<string, unknown>): [string, unknown][] {
  return Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
    const [first = "", second] = key.split(":");
    if (second === undefined) return [[first, value]];
    return first === projectName ? [[second, value]] : [];
  });
}

/** The key, or the fields of its object, that stand encrypted in the file. */
function encryptedPaths(key: string, value: unknown): string[] {
  if (!isEncrypted(value)) return [];
  if (!isObject(value) || "secure" in value) return [key];
  const fields = Object.keys(value).filter((name) => isEncrypted(value[name]));
  return fields.map((name) => `${key}.${name}`);
}

/** Whether a value, or a part of it, stands encrypted in the file. */
function isEncrypted(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "secure" in value || Object.values(value).some(isEncrypted);
}
