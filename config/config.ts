import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type { RexRemediationArgs } from "../components/rexRemediation.ts";
import { ConfigError, nearest, type Problem, removal } from "./problems.ts";
import { rules } from "./rules.ts";
import { type Config, schema, secretKeys, values } from "./schema.ts";
import { aboutOf, isObject, unfolded } from "./values.ts";

/** The stack's configuration as arguments of the component. */
export interface RexRemediationConfig extends RexRemediationArgs {
  /** Prefix of every object's name. */
  name: string;
}

/** A stack's raw configuration. Keys are without the project's name. */
export interface Given {
  /** Key to value: texts, as the engine passes them, or the values of a stack's file. */
  values: Record<string, unknown>;
  /** Keys whose values are encrypted; undefined: not known. */
  encrypted?: readonly string[];
  /** Keys, or fields of objects such as steps.image, whose values cannot be decrypted here. They count as valid. */
  unreadable?: readonly string[];
}

/**
 * Reads and checks the stack's configuration.
 *
 * @throws ConfigError listing every bad key with what is expected and the command that sets it, before anything is registered
 */
export function readConfig(): RexRemediationConfig {
  const prefix = `${new pulumi.Config().name}:`;
  const own = Object.entries(pulumi.runtime.allConfig()).filter(([fullKey]) => fullKey.startsWith(prefix));
  const values = Object.fromEntries(own.map(([fullKey, value]) => [fullKey.slice(prefix.length), value]));
  return toArgs(goodConfig({ values, encrypted: Object.keys(values).filter((key) => isSecret(prefix + key)) }));
}

/** @throws ConfigError as {@link readConfig} */
export function goodConfig(given: Given): Config {
  const { config, problems } = understand(given);
  if (problems.length > 0) {
    const count = problems.length === 1 ? "One value of" : `${problems.length} values of`;
    throw new ConfigError(
      `${count} the stack's configuration cannot be used. docs/configuration.md describes every key.`,
      problems,
    );
  }
  return config;
}

/** Returns the configuration, in which defaults replace bad values, and its problems. A bad value without a default is undefined. */
export function understand(given: Given): { config: Config; problems: Problem[] } {
  const read = { ...given, problems: [] as Problem[] };
  const config = Object.fromEntries(
    Object.entries(schema.shape).map(([key, value]) => [
      key,
      value instanceof z.ZodObject ? group(read, key, value) : single(read, key, value, given.values[key]),
    ]),
  ) as Config;
  const bad = new Set(read.problems.map(({ key }) => key));
  // If a group is not an object, all its values are unknown.
  const isBad = (path: string) => bad.has(path) || bad.has(path.split(".")[0] ?? "") || isHidden(given, path);
  const broken = rules.filter(({ reads }) => !reads.some(isBad)).flatMap((rule) => rule.problems(config));
  const unknown = Object.keys(given.values)
    .filter((key) => !(key in schema.shape))
    .map(unknownKey);
  return { config, problems: [...read.problems, ...broken, ...unknown] };
}

/** The configuration as arguments of the component, without the parts that the stack does not use. */
export function toArgs(config: Config): RexRemediationConfig {
  const { existingEventSource, ingress, gateway, sweep, alarms, dashboard, ...rest } = config;
  return {
    ...rest,
    githubAppPrivateKey: secretly(config.githubAppPrivateKey),
    webhookSecret: secretly(config.webhookSecret),
    existingEventSource: withAll(existingEventSource, "name", "event"),
    ingress: withAll(ingress, "host"),
    gateway: withAll(gateway, "host", "name"),
    sweep: withAll(sweep, "schedule"),
    alarms: alarms.enabled ? alarms : undefined,
    dashboard: dashboard.enabled ? dashboard : undefined,
  };
}

interface Reading extends Given {
  problems: Problem[];
}

function group(read: Reading, key: string, { shape }: z.ZodObject): Record<string, unknown> {
  const given = unfolded(read.values[key] ?? {});
  const fields: Record<string, unknown> = isObject(given) ? given : {};
  if (!isObject(given) && given !== "") {
    const expected = `an object of ${Object.keys(shape).join(", ")}`;
    read.problems.push({ key, expected, got: JSON.stringify(given), ...removal(key) });
  }
  const problems = Object.keys(fields).filter((name) => !(name in shape));
  read.problems.push(...problems.map((name) => unknownKey(`${key}.${name}`)));
  const isReadable = isObject(given) || given === "";
  return Object.fromEntries(
    Object.entries(shape).map(([name, field]) => {
      const own = isReadable ? read : { ...read, problems: [] };
      return [name, single(own, `${key}.${name}`, field as z.ZodType, fields[name])];
    }),
  );
}

function single(read: Reading, key: string, value: z.ZodType, given: unknown): unknown {
  const about = aboutOf(value);
  if (isHidden(read, key)) return about.default;
  if (read.unreadable?.includes(key)) return unreadable;
  const result = value.safeParse(given);
  const { expected, default: preset } = about;
  if (!result.success) {
    read.problems.push({ key, expected, got: about.got(given), command: about.command(key, given) });
    return preset;
  }
  if (about.secret && result.data !== undefined && read.encrypted?.includes(key) === false) {
    const command = about.command(key, given);
    read.problems.push({ key, expected: `${expected}, encrypted`, got: "plain text", command });
  }
  return result.data;
}

/** Placeholder for a secret that is set but cannot be decrypted here. */
const unreadable = "[unreadable]";

/** Whether the value is unknown. Secrets count as known, because it is enough to know that they are set. */
function isHidden({ unreadable = [] }: Given, path: string): boolean {
  const holds = (hidden: string) => hidden === path || path.startsWith(`${hidden}.`);
  return !secretKeys.includes(path) && unreadable.some(holds);
}

/** Pulumi itself would silently ignore a misspelt key. */
function unknownKey(key: string): Problem {
  const letters = (path: string) => path.toLowerCase().replaceAll(".", "");
  const candidates = [...Object.keys(schema.shape), ...values.keys()];
  const meant = candidates.find((path) => letters(path) === letters(key)) ?? nearestKey(key, candidates);
  const { command, advice } = removal(key);
  return {
    key,
    expected: "a key of this program",
    got: "an unknown key",
    command,
    advice: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
  };
}

/** Compares names without the object they are in, because that part is the same for all candidates. */
function nearestKey(key: string, candidates: string[]): string | undefined {
  const group = key.slice(0, key.indexOf(".") + 1);
  const names = candidates.filter((path) => path.startsWith(group)).map((path) => path.slice(group.length));
  const name = nearest(key.slice(group.length), names);
  return name && group + name;
}

function secretly(value: string | undefined): pulumi.Output<string> | undefined {
  return value === undefined ? undefined : pulumi.secret(value);
}

/** The object if all these fields are set; otherwise undefined. */
function withAll<T extends object, K extends keyof T>(
  object: T,
  ...names: K[]
): (T & { [name in K]-?: NonNullable<T[name]> }) | undefined {
  return names.every((name) => object[name] !== undefined)
    ? (object as T & { [name in K]-?: NonNullable<T[name]> })
    : undefined;
}

/** Whether the value is encrypted in the stack's file. Pulumi has no public function for this. */
function isSecret(fullKey: string): boolean {
  const runtime = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return runtime.isConfigSecret(fullKey);
}
