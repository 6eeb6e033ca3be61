import * as z from "zod";
import { type Kind, labelKey, labelValue } from "./kinds.ts";
import { setCommand } from "./problems.ts";

/** The types of configuration values. Each is a zod schema with an {@link About} in a registry. */

/** What messages and the reference say about a value. */
export interface About {
  /** What it is for. */
  means: string;
  /** What is accepted. */
  expected: string;
  /** Used if the key is not set; undefined: no default. */
  default?: unknown;
  /** Whether it must be set. True for secrets, although another key may replace them. */
  required: boolean;
  secret: boolean;
  /** Describes a bad value; undefined if there is no value. */
  got(given: unknown): string | undefined;
  /** The command that fixes a bad value: it sets the nearest valid value, or else the default, or else an example. */
  command(key: string, given: unknown): string;
}

export type Value<T> = z.ZodType<T>;

/** See {@link About}. */
export const abouts = z.registry<About>();

interface Meaning<T> {
  means: string;
  default?: T;
}

/** A text. It is required unless it has a default. */
export function text(kind: Kind, { means, default: preset }: Meaning<string>): Value<string> {
  const schema = z.preprocess(asText, textOf(kind));
  return described(preset === undefined ? schema : schema.prefault(preset), {
    ...aboutText(kind, preset),
    means,
    default: preset,
    required: preset === undefined,
  });
}

/** An optional text. An empty text means undefined, even if there is a default. */
export function optionalText(kind: Kind, { means, default: preset }: Meaning<string>): Value<string | undefined> {
  const schema = z.preprocess(asText, textOf(kind).optional());
  return described(preset === undefined ? schema : schema.prefault(preset), {
    ...aboutText(kind, preset),
    means,
    default: preset,
  });
}

/** A whole number from least to most. */
export function integer(least: number, most: number, { means, default: preset }: Required<Meaning<number>>) {
  const schema = z.preprocess(asNumber, z.int().min(least).max(most)).prefault(preset);
  return described(schema, {
    means,
    expected: `a whole number from ${least} to ${most}`,
    default: preset,
    command: (key, given) => {
      const number = Number.parseFloat(`${given}`);
      const near = Number.isNaN(number) ? preset : Math.min(most, Math.max(least, Math.round(number)));
      return setCommand(key, `${near}`);
    },
  });
}

export function flag({ means, default: preset }: Required<Meaning<boolean>>): Value<boolean> {
  const schema = z.preprocess(asBoolean, z.boolean()).prefault(preset);
  return described(schema, {
    means,
    expected: "true or false",
    default: preset,
    command: (key, given) => {
      const word = `${given}`.trim().toLowerCase();
      return setCommand(key, ["true", "false"].includes(word) ? word : `${preset}`);
    },
  });
}

/** A list of distinct texts. It may be given as one text with commas, and is required unless it has a default. */
export function list(kind: Kind, atLeast: number, { means, default: preset }: Meaning<string[]>): Value<string[]> {
  const schema = z.preprocess(
    asList,
    z
      .array(z.preprocess(asText, textOf(kind)))
      .min(atLeast)
      .refine(areDistinct),
  );
  const good = (given: unknown) => {
    const items = asList(given);
    const texts = Array.isArray(items) ? items.map(asText).filter((item) => typeof item === "string") : [];
    return distinct(texts.filter(kind.accepts));
  };
  return described(preset === undefined ? schema : schema.prefault(preset), {
    means,
    expected: `a list${atLeast > 0 ? ` of at least ${atLeast}` : ""}, no two alike, each ${kind.expected}`,
    default: preset,
    required: preset === undefined,
    got: (given) => {
      const items = asList(given);
      if (!Array.isArray(items)) return shown(items);
      const bad = items.filter((item) => !textOf(kind).safeParse(asText(item)).success);
      const worth = bad.length > 0 ? bad : items;
      return worth.length > 0 ? worth.map((item) => JSON.stringify(item)).join(", ") : undefined;
    },
    command: (key, given) => {
      const kept = good(given);
      const fallback = preset !== undefined && preset.length > 0 ? preset : [kind.example];
      return setCommand(key, (kept.length >= Math.max(atLeast, 1) ? kept : fallback).join(","));
    },
  });
}

/** Texts by name. */
export function textMap({ means }: { means: string }): Value<Record<string, string>> {
  return map(means, {}, "an object of texts", () => true);
}

/** Labels of a Kubernetes object. */
export function labels({ means, default: preset = {} }: Meaning<Record<string, string>>) {
  const expected = "an object of labels, each NAME or DOMAIN/NAME with a label value";
  return map(means, preset, expected, (name, value) => labelKey.accepts(name) && labelValue.accepts(value));
}

/** A secret. One line break at its end is removed. The example of its kind is the command that sets it. */
export function secret(kind: Kind, { means }: { means: string }): Value<string | undefined> {
  const trimmed = (given: unknown) => asText(typeof given === "string" ? given.replace(/\r?\n$|\r$/, "") : given);
  return described(z.preprocess(trimmed, textOf(kind).optional()), {
    means,
    expected: kind.expected,
    required: true,
    secret: true,
    got: (given) => (trimmed(given) === undefined ? undefined : "something else"),
    command: () => kind.example,
  });
}

/** The description of a value. @throws Error if the schema was not created in this file */
export function aboutOf(schema: z.ZodType): About {
  const about = abouts.get(schema);
  if (about === undefined) throw new Error("a value of the schema has no description; make it with config/values.ts");
  return about;
}

/** Parses a list or object that the engine or --config passes as JSON. Returns any other value unchanged. */
export function unfolded(given: unknown): unknown {
  if (typeof given !== "string" || !/^\s*[[{]/.test(given)) return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function described<T>(schema: Value<T>, about: Pick<About, "means" | "expected" | "command"> & Partial<About>) {
  abouts.add(schema, { required: false, secret: false, got: shown, ...about });
  return schema;
}

function textOf(kind: Kind) {
  return z
    .string()
    .refine(kind.accepts)
    .transform(kind.normal ?? ((value) => value));
}

function aboutText(kind: Kind, preset: string | undefined) {
  return {
    expected: kind.expected,
    command: (key: string, given: unknown) => {
      const word = `${given ?? ""}`.trim();
      const near = [word, word.toLowerCase()].find(kind.accepts);
      return setCommand(key, near ?? preset ?? kind.example);
    },
  };
}

function map(
  means: string,
  preset: Record<string, string>,
  expected: string,
  accepts: (name: string, value: string) => boolean,
): Value<Record<string, string>> {
  const asTexts = (given: unknown) => {
    const value = unfolded(given === "" || given === null ? {} : given);
    return isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, asText(item)]))
      : value;
  };
  const isGood = ([name, value]: [string, unknown]) => typeof value === "string" && accepts(name, value);
  const schema = z.preprocess(
    asTexts,
    z.record(z.string(), z.string()).refine((value) => Object.entries(value).every(isGood)),
  );
  return described(schema.prefault(preset), {
    means,
    expected,
    default: preset,
    got: (given) => {
      const value = asTexts(given);
      return shown(
        isObject(value) ? Object.fromEntries(Object.entries(value).filter((entry) => !isGood(entry))) : value,
      );
    },
    command: (key) => setCommand(`${key}["NAME"]`, "VALUE"),
  });
}

function shown(given: unknown): string | undefined {
  return asText(given) === undefined ? undefined : JSON.stringify(given);
}

/**
 * Reverses `pulumi config set --path`, which turns texts that look like numbers or booleans into numbers or booleans. Numbers that are not
 * safe integers stay as they are, because their original text is lost.
 */
function asText(given: unknown): unknown {
  if (given === null || given === "") return undefined;
  return typeof given === "boolean" || Number.isSafeInteger(given) ? `${given}` : given;
}

function asNumber(given: unknown): unknown {
  return typeof given === "string" && /^-?[0-9]{1,9}$/.test(given) ? Number(given) : given;
}

function asBoolean(given: unknown): unknown {
  return given === "true" ? true : given === "false" ? false : given;
}

function asList(given: unknown): unknown {
  const value = unfolded(given);
  const items = typeof value === "string" ? value.split(",").map((item) => item.trim()) : (value ?? []);
  return Array.isArray(items) ? items.filter((item) => item !== "") : items;
}

function areDistinct(texts: string[]): boolean {
  return distinct(texts).length === texts.length;
}

/** Drops texts that equal an earlier one, ignoring case. */
function distinct(texts: string[]): string[] {
  const known = new Set<string>();
  return texts.filter((item) => {
    const isNew = !known.has(item.toLowerCase());
    known.add(item.toLowerCase());
    return isNew;
  });
}
