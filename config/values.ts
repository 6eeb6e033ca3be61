import * as z from "zod";
import { type Kind, labelKey, labelValue } from "./kinds.ts";
import { setCommand } from "./problems.ts";

/** The forms that a value of the configuration can have. Each is a zod schema with {@link About} in a registry. */

/** What people are told of a value. */
export interface About {
  /** What it is for. */
  means: string;
  /** What is accepted. */
  expected: string;
  /** Taken where the key is left out; undefined: none. */
  default?: unknown;
  /** Whether it has to be given. A secret that something else may replace counts as that. */
  required: boolean;
  secret: boolean;
  /** A bad value in words; undefined: nothing is there. */
  got(given: unknown): string | undefined;
  /** The command that sets what is nearest to a bad value and would do, else the default, else an example. */
  command(key: string, given: unknown): string;
}

export type Value<T> = z.ZodType<T>;

/** See {@link About}. */
export const abouts = z.registry<About>();

interface Meaning<T> {
  means: string;
  default?: T;
}

/** A text. Without a default it has to be given. */
export function text(kind: Kind, { means, default: preset }: Meaning<string>): Value<string> {
  const schema = z.preprocess(asText, textOf(kind));
  return described(preset === undefined ? schema : schema.prefault(preset), {
    ...aboutText(kind, preset),
    means,
    default: preset,
    required: preset === undefined,
  });
}

/** A text that may be left out or be empty, which is the same if there is no default. */
export function optionalText(kind: Kind, { means, default: preset }: Meaning<string>): Value<string | undefined> {
  const schema = z.preprocess(asText, textOf(kind).optional());
  return described(preset === undefined ? schema : schema.prefault(preset), {
    ...aboutText(kind, preset),
    means,
    default: preset,
  });
}

/** A whole number within limits. */
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

/** A list of distinct texts, given as such or as one text with commas. Without a default it has to be given. */
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

/** A secret, without the line break that a file leaves at its end. Its kind's example is the command that sets it. */
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

/** What people are told of a key. @throws Error if it was not made here */
export function aboutOf(schema: z.ZodType): About {
  const about = abouts.get(schema);
  if (about === undefined) throw new Error("a value of the schema has no description; make it with config/values.ts");
  return about;
}

/** A list or an object as the engine and --config hand it over: as JSON. */
export function unfolded(given: unknown): unknown {
  if (typeof given !== "string" || !/^\s*[[{]/.test(given)) return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}

/** Whether it has named values. */
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

/** `pulumi config set --path` turns what looks like a number or a boolean into one. Of another number nobody knows how it was written. */
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

/** Without those that differ from an earlier one by case at most. */
function distinct(texts: string[]): string[] {
  const known = new Set<string>();
  return texts.filter((item) => {
    const isNew = !known.has(item.toLowerCase());
    known.add(item.toLowerCase());
    return isNew;
  });
}
