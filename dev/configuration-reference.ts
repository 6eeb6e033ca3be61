#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { isMap, isScalar, parseDocument } from "yaml";
import { readConfig } from "../config/config.ts";

const help = `usage: npm run reference [-- OPTION...]

Prints docs/configuration.md: every key of Pulumi.yaml with its default and what it means, and what the program expects of it, as the
program itself says where it refuses a value. Pulumi, a stack and a cluster are not needed.

Options:
  --write      write the file instead
  --check      say whether the file is what would be written
  --file FILE  another file than docs/configuration.md
  --help       this text

Exit codes:
  0  printed, written, or the file is right
  1  the file is not right
  2  the call is wrong`;

interface Key {
  name: string;
  description: string;
  default: unknown;
}

/** Keys under one heading of Pulumi.yaml. */
interface Group {
  heading: string;
  keys: Key[];
}

/** What the program says of a key. */
interface Expectation {
  expected: string;
  required: boolean;
  secret: boolean;
}

const root = resolve(import.meta.dirname, "..");
const project = "rex-remediation";

/** No kind of value accepts it: it is neither a name, a number nor a list, and holds what Argo would expand. */
const unusable = '{"{{": 1}';

const introduction = `# Configuration

<!-- Written by \`npm run reference -- --write\` from Pulumi.yaml and config/config.ts. Do not edit. -->

Every key of a stack, by what it is about. A value is set with \`pulumi config set KEY VALUE\`, an element of a list or an object with
\`--path 'KEY[0]'\` or \`--path KEY.NAME\`, a secret with \`--secret\` from standard input. A list may also be one text with commas.

Values that cannot be used, and keys that do not exist, are refused before anything is touched: all of them at once, each with
what is expected and the command that sets it. \`scripts/rex doctor --before\` looks at the cluster, too.

**required**: there is no default. **secret**: only taken encrypted, as \`--secret\` makes it.
`;

process.exitCode = main(process.argv.slice(2));

function main(args: string[]): number {
  const options = readOptions(args);
  if (typeof options === "string") {
    console.error(`configuration-reference: ${options}`);
    return 2;
  }
  if (options.help) {
    console.log(help);
    return 0;
  }
  const text = reference();
  if (options.write) {
    writeFileSync(options.file, text);
    return 0;
  }
  if (options.check) {
    if (existsSync(options.file) && readFileSync(options.file, "utf8") === text) return 0;
    console.error(
      `${options.file} is not what Pulumi.yaml and config/config.ts say now; write it anew: npm run reference -- --write`,
    );
    return 1;
  }
  process.stdout.write(text);
  return 0;
}

/** @returns what is wrong with the call, if something is */
function readOptions(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        write: { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        file: { type: "string", default: resolve(root, "docs/configuration.md") },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values.write && values.check ? "--write and --check exclude each other; give one of them" : values;
  } catch (error) {
    return `${(error as Error).message}; see --help`;
  }
}

function reference(): string {
  const groups = readGroups();
  pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, project);
  const defaults = Object.fromEntries(
    groups.flatMap(({ keys }) => keys.map((key) => [`${project}:${key.name}`, asText(key.default)])),
  );
  return `${introduction}\n${groups.map((group) => section(group, defaults)).join("\n")}`;
}

/** The keys as Pulumi.yaml groups them: a comment above a key is the heading of what follows. */
function readGroups(): Group[] {
  const config = parseDocument(readFileSync(resolve(root, "Pulumi.yaml"), "utf8")).get("config");
  if (!isMap(config)) throw new Error("Pulumi.yaml has no keys below config");
  const groups: Group[] = [];
  let comment = config.commentBefore;
  for (const { key, value } of config.items) {
    if (!isScalar(key) || !isMap(value))
      throw new Error(`Pulumi.yaml: ${key} is no key with a description and a default`);
    comment = key.commentBefore ?? comment;
    if (comment) groups.push({ heading: comment.trim(), keys: [] });
    comment = undefined;
    groups.at(-1)?.keys.push({ name: String(key.value), ...value.toJSON() });
  }
  return groups;
}

function section({ heading, keys }: Group, defaults: Record<string, string>): string {
  const rows = keys.map((key) => {
    const { expected, required, secret } = expectation(key.name, defaults);
    const marks = [required && "**required**", secret && "**secret**"].filter(Boolean).map((mark) => ` ${mark}`);
    return [`\`${key.name}\`${marks.join("")}`, shownDefault(key.default), meaning(key.description), expected];
  });
  const table = [["key", "default", "what", "expected"], Array(4).fill("---"), ...rows];
  return `## ${heading}\n\n${table.map((cells) => `| ${cells.map(cell).join(" | ")} |\n`).join("")}`;
}

/** What the program says of a key that has no value, and of one that has an unusable one. */
function expectation(key: string, defaults: Record<string, string>): Expectation {
  const expected = refused(key, { ...defaults, [`${project}:${key}`]: unusable });
  if (expected === undefined)
    throw new Error(`config/config.ts takes ${unusable} for ${key}: it does not check that key`);
  const secret = expected.endsWith(", encrypted");
  return { expected: expected.replace(/, encrypted$/, ""), required: refused(key, defaults) !== undefined, secret };
}

/** What is expected of a key, if its value is refused. */
function refused(key: string, values: Record<string, string>): string | undefined {
  pulumi.runtime.setAllConfig(values);
  try {
    readConfig();
  } catch (error) {
    return new RegExp(`^  ${key}: expected (.*?); got `, "m").exec((error as Error).message)?.[1];
  }
  return undefined;
}

/** As the engine hands a value on. */
function asText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function shownDefault(value: unknown): string {
  if (value === "") return "";
  if (Array.isArray(value)) return value.length > 0 ? `\`${value.join(",")}\`` : "";
  if (typeof value !== "object") return `\`${value}\``;
  return Object.keys(value ?? {}).length > 0 ? `\`${JSON.stringify(value)}\`` : "";
}

/** Without the words that are marks beside the key. */
function meaning(description: string): string {
  return description.replace(/^Required\. /, "").replace(/ Secret\.(?= |$)/, "");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
