import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type { RexRemediationArgs } from "../components/rexRemediation.ts";
import { ConfigError, nearest, type Problem, removal } from "./problems.ts";
import { rules } from "./rules.ts";
import { type Config, schema, secretKeys, values } from "./schema.ts";
import { aboutOf, isObject, unfolded } from "./values.ts";

/** What the stack's configuration says, in the words of {@link RexRemediationArgs}. */
export interface RexRemediationConfig extends RexRemediationArgs {
  /** Prefix of every object's name. */
  name: string;
}

/** A stack's configuration as it is given: key, without the project's name, to value. */
export interface Given {
  /** Texts as the engine hands them over, or what a stack's file has. */
  values: Record<string, unknown>;
  /** Keys that stand encrypted; undefined: nobody knows. */
  encrypted?: readonly string[];
  /** Those of them, or fields of objects such as steps.image, that cannot be read here. They count as right. */
  unreadable?: readonly string[];
}

/**
 * Reads and checks the stack's configuration.
 *
 * @throws ConfigError listing every bad key with what is expected and the command that sets it. Nothing is registered before.
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

/** What a configuration says, with the default in the place of what is bad, if there is one; and what is wrong with it. */
export function understand(given: Given): { config: Config; problems: Problem[] } {
  const read = { ...given, problems: [] as Problem[] };
  const config = Object.fromEntries(
    Object.entries(schema.shape).map(([key, value]) => [
      key,
      value instanceof z.ZodObject ? group(read, key, value) : single(read, key, value, given.values[key]),
    ]),
  ) as Config;
  const bad = new Set(read.problems.map(({ key }) => key));
  // Of a group that is no object, none of the values is known.
  const isBad = (path: string) => bad.has(path) || bad.has(path.split(".")[0] ?? "") || isHidden(given, path);
  const broken = rules.filter(({ reads }) => !reads.some(isBad)).flatMap((rule) => rule.problems(config));
  const unknown = Object.keys(given.values)
    .filter((key) => !(key in schema.shape))
    .map(unknownKey);
  return { config, problems: [...read.problems, ...broken, ...unknown] };
}

/** In the words of the component: what is not wanted is not there. */
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

/** In the place of a secret that is there, which is all that anybody can say. */
const unreadable = "[unreadable]";

/** Whether nobody knows the value. Of a secret it is enough to know that it is there. */
function isHidden({ unreadable = [] }: Given, path: string): boolean {
  const holds = (hidden: string) => hidden === path || path.startsWith(`${hidden}.`);
  return !secretKeys.includes(path) && unreadable.some(holds);
}

/** A misspelt key would otherwise be ignored without a word. */
function unknownKey(key: string): Problem {
  const letters = (path: string) => path.toLowerCase().replaceAll(".", "");
  const candidates = [...Object.keys(schema.shape), ...values.keys()];
  const meant = candidates.find((path) => letters(path) === letters(key)) ?? nearestKey(key, candidates);
  const { command, advice } = removal(key);
  return {
    key,
    expected: "a key of this program",
    got: "one that it does not know",
    command,
    advice: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
  };
}

/** Inside an object, the name alone counts: that of the object is the same for all. */
function nearestKey(key: string, candidates: string[]): string | undefined {
  const group = key.slice(0, key.indexOf(".") + 1);
  const names = candidates.filter((path) => path.startsWith(group)).map((path) => path.slice(group.length));
  const name = nearest(key.slice(group.length), names);
  return name && group + name;
}

function secretly(value: string | undefined): pulumi.Output<string> | undefined {
  return value === undefined ? undefined : pulumi.secret(value);
}

/** The object, if it has all of these; else undefined. */
function withAll<T extends object, K extends keyof T>(
  object: T,
  ...names: K[]
): (T & { [name in K]-?: NonNullable<T[name]> }) | undefined {
  return names.every((name) => object[name] !== undefined)
    ? (object as T & { [name in K]-?: NonNullable<T[name]> })
    : undefined;
}

/** Whether the value stands encrypted in the stack's file; there is no public function that tells. */
function isSecret(fullKey: string): boolean {
  const runtime = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return runtime.isConfigSecret(fullKey);
}
