import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { Refusal } from "./installation.ts";

/** A stack's configuration as it stands in the project's files, without what only Pulumi can read. */

const root = resolve(import.meta.dirname, "../..");

/** The configuration of a stack: key, without the project's name, to value. */
export interface StackValues {
  values: Record<string, unknown>;
  /** Keys that stand encrypted in the stack's file; none of them is among the values. */
  encrypted: string[];
}

interface Project {
  name: string;
  config: Record<string, { default: unknown }>;
}

/** Pulumi.yaml. */
export const project: Project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8"));

/** @returns the defaults in Pulumi.yaml, and over them what the stack's file says */
export function stackValues(file: { path: string; option: string } | undefined): StackValues {
  const defaults = Object.entries(project.config).map(([key, { default: value }]) => [key, value] as const);
  const own = file === undefined ? [] : ownEntries(readStackFile(file));
  const encrypted = own.filter(([, value]) => isEncrypted(value)).map(([key]) => key);
  return {
    values: Object.fromEntries([...defaults, ...own.filter(([key]) => !encrypted.includes(key))]),
    encrypted,
  };
}

/** Path of a stack's file. */
export function stackFile(stack: string): string {
  return join(root, `Pulumi.${stack}.yaml`);
}

function readStackFile({ path, option }: { path: string; option: string }): Record<string, unknown> {
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
  if (environment !== undefined) {
    throw new Refusal(
      `${option}: ${path} takes values from a Pulumi ESC environment, which only Pulumi can read`,
      `write those that the program needs into the file, or give them with --config KEY=VALUE`,
    );
  }
  return config ?? {};
}

/** Those of this project; others are meant for providers. */
function ownEntries(config: Record<string, unknown>): [string, unknown][] {
  return Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
    const [first = "", second] = key.split(":");
    if (second === undefined) return [[first, value]];
    return first === project.name ? [[second, value]] : [];
  });
}

/** Whether a value, or a part of it, stands encrypted in the file. */
function isEncrypted(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "secure" in value || Object.values(value).some(isEncrypted);
}
