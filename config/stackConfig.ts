import * as pulumi from "@pulumi/pulumi";
import { type Kind, labelKey, labelValue } from "./kinds.ts";

/** Reads keys of the stack, and collects what is wrong with them instead of stopping at the first. */
export class StackConfig {
  readonly #project = new pulumi.Config().name;
  readonly #problems: string[] = [];
  readonly #known = new Set<string>();

  /** A text that must be there. */
  text(key: string, kind: Kind): string {
    const value = this.#raw(key);
    if (!kind.accepts(value)) {
      this.refuse(key, kind.expected, value === "" ? "nothing" : JSON.stringify(value), kind.example);
    }
    return value;
  }

  /** A text that may be left out. */
  optionalText(key: string, kind: Kind): string | undefined {
    return this.#raw(key) === "" ? undefined : this.text(key, kind);
  }

  /** A whole number from `least` to `most`; 0 if it is none. */
  integer(key: string, least: number, most: number): number {
    const value = this.#raw(key);
    const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      const got = value === "" ? "nothing" : JSON.stringify(value);
      this.refuse(key, `a whole number from ${least} to ${most}`, got, `${least}`);
      return 0;
    }
    return number;
  }

  boolean(key: string): boolean {
    const value = this.#raw(key);
    if (value !== "true" && value !== "false") {
      this.refuse(key, "true or false", value === "" ? "nothing" : JSON.stringify(value), "true");
    }
    return value === "true";
  }

  /** A list of distinct texts, given as such or as one text with commas. */
  list(key: string, kind: Kind, { atLeast }: { atLeast: number }): string[] {
    const raw = this.#raw(key);
    const value = raw.startsWith("[") ? this.#parsed(raw) : raw.split(",").map((text) => text.trim());
    const texts = Array.isArray(value) ? value.filter((text) => text !== "") : [];
    const expected = `a list${atLeast > 0 ? ` of at least ${atLeast}` : ""}, no two alike, each ${kind.expected}`;
    const bad = texts.filter((text) => typeof text !== "string" || !kind.accepts(text));
    const distinct = new Set(texts.map((text) => String(text).toLowerCase()));
    if (!Array.isArray(value) || texts.length < atLeast || bad.length > 0 || distinct.size < texts.length) {
      const got =
        bad.length > 0 ? bad.map((text) => JSON.stringify(text)).join(", ") : texts.length === 0 ? "nothing" : raw;
      this.refuse(key, expected, got, kind.example);
      return [];
    }
    return texts as string[];
  }

  object(key: string): Record<string, unknown> {
    const raw = this.#raw(key);
    const value = raw === "" ? {} : this.#parsed(raw);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.refuse(key, "an object", JSON.stringify(raw), { [`${key}.NAME`]: "VALUE" });
      return {};
    }
    return value as Record<string, unknown>;
  }

  textMap(key: string): Record<string, string> {
    const value = this.object(key);
    if (Object.values(value).some((text) => typeof text !== "string")) {
      this.refuse(key, "an object of texts", JSON.stringify(value), { [`${key}["NAME"]`]: "VALUE" });
      return {};
    }
    return value as Record<string, string>;
  }

  /** Labels of a Kubernetes object. */
  labels(key: string): Record<string, string> {
    const labels = this.object(key);
    const bad = Object.entries(labels).filter(
      ([name, value]) => !(labelKey.accepts(name) && typeof value === "string" && labelValue.accepts(value)),
    );
    if (bad.length > 0) {
      const expected = "an object of labels, each NAME or DOMAIN/NAME with a label value";
      this.refuse(key, expected, JSON.stringify(Object.fromEntries(bad)), { [`${key}["NAME"]`]: "VALUE" });
      return {};
    }
    return labels as Record<string, string>;
  }

  /**
   * A secret, whose kind's example is the command that sets it, without the line break that a file leaves at its end. Never part of a message.
   *
   * @param use.needed whether it must be there
   * @param use.insteadOf the key that takes its place; then it must not be there
   */
  secret(key: string, kind: Kind, use: { needed: boolean; insteadOf?: string }): pulumi.Output<string> | undefined {
    const raw = this.#raw(key);
    const value = raw.replace(/\r?\n$|\r$/, "");
    const command = new Command(kind.example);
    if (value === "") {
      if (use.needed) {
        this.refuse(key, kind.expected, "nothing", command);
      }
      return undefined;
    }
    if (use.insteadOf !== undefined) {
      this.refuse(key, `nothing, because ${use.insteadOf} is set`, "a value", null);
    } else if (!isSecret(`${this.#project}:${key}`)) {
      this.refuse(key, `${kind.expected}, encrypted`, "plain text", command);
    } else if (!kind.accepts(value)) {
      this.refuse(key, kind.expected, "something else", command);
    }
    return pulumi.secret(value);
  }

  /**
   * Notes that a key is bad.
   *
   * @param expected what would be right
   * @param got what is there, never a secret
   * @param example what would do
   */
  refuse(key: string, expected: string, got: string, example: Example): void {
    this.#problems.push(`  ${key}: expected ${expected}; got ${got}.\n      ${howToSet(key, example)}`);
  }

  /** A misspelt key would otherwise be ignored without a word. */
  refuseUnknownKeys(): void {
    for (const fullKey of Object.keys(pulumi.runtime.allConfig())) {
      const [project, key] = fullKey.split(":");
      if (project === this.#project && key !== undefined && !this.#known.has(key)) {
        const close =
          [...this.#known].find((known) => known.toLowerCase() === key.toLowerCase()) ?? nearest(key, this.#known);
        const expected = `a key of this program${close === undefined ? "" : `; did you mean ${close}?`}`;
        this.#problems.push(`  ${key}: expected ${expected}\n      ${howToSet(key, null)}`);
      }
    }
  }

  throwIfBad(): void {
    if (this.#problems.length > 0) {
      const count = this.#problems.length === 1 ? "One value of" : `${this.#problems.length} values of`;
      throw new pulumi.RunError(
        `${count} the stack's configuration cannot be used. Pulumi.yaml describes every key.\n${this.#problems.join("\n")}`,
      );
    }
  }

  #raw(key: string): string {
    this.#known.add(key);
    return pulumi.runtime.getConfig(`${this.#project}:${key}`) ?? "";
  }

  #parsed(json: string): unknown {
    try {
      return JSON.parse(json);
    } catch {
      return undefined;
    }
  }
}

/** Whether the value stands encrypted in the stack's file; there is no public function that tells. */
function isSecret(fullKey: string): boolean {
  const runtime = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return runtime.isConfigSecret(fullKey);
}

/** A value that would do; values by their paths for an object; a whole command; null, where the key has to go; or another way out. */
type Example = string | Record<string, string> | Command | WayOut | null;

/** What to do where no value would do. */
export class WayOut {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

class Command {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function howToSet(key: string, example: Example): string {
  if (example === null) {
    return `Remove it with: pulumi config rm ${key}`;
  }
  if (typeof example === "string") {
    return `Set it with: pulumi config set ${key} ${quoted(example)}`;
  }
  if (example instanceof WayOut) {
    return example.text;
  }
  if (example instanceof Command) {
    return `Set it with: ${example.text}`;
  }
  const commands = Object.entries(example).map(
    ([path, value]) => `pulumi config set --path '${path}' ${quoted(value)}`,
  );
  return `Set it with: ${commands.join(" && ")}`;
}

function quoted(text: string): string {
  return /^[\w./:,@-]+$/.test(text) ? text : `'${text}'`;
}

/** The key that shares the most pairs of letters with a misspelt one, if they are alike at all. */
function nearest(key: string, known: Iterable<string>): string | undefined {
  const pairs = (text: string) =>
    new Set(Array.from(text.slice(1), (_, index) => text.slice(index, index + 2).toLowerCase()));
  const own = pairs(key);
  const likeness = (other: string) => {
    const theirs = pairs(other);
    return (2 * [...own].filter((pair) => theirs.has(pair)).length) / (own.size + theirs.size);
  };
  const best = [...known].sort((a, b) => likeness(b) - likeness(a))[0];
  return best !== undefined && likeness(best) > 0.6 ? best : undefined;
}
