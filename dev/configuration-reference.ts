#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import * as z from "zod";
import { schema } from "../config/schema.ts";
import { aboutOf } from "../config/values.ts";

const help = `usage: npm run reference [-- OPTION...]

Prints docs/configuration.md: every key of config/schema.ts with its default, its meaning and the expected values. It needs neither
Pulumi nor a stack nor a cluster.

Options:
  --write      write the file instead of printing it, and write the keys into Pulumi.yaml
  --check      only check that both files are up to date
  --file FILE  use another file than docs/configuration.md
  --help       print this text

Exit codes:
  0  printed, written, or both files are up to date
  1  a file is out of date
  2  the command line is wrong`;

const root = resolve(import.meta.dirname, "..");

const introduction = `# Configuration

<!-- Written by \`npm run reference -- --write\` from config/schema.ts. Do not edit. -->

Every key of a stack. Set a value with \`pulumi config set KEY VALUE\`, a field of an object with
\`pulumi config set --path KEY.NAME VALUE\`, and a secret with \`--secret\` from standard input. A list may be one text with commas. A field
that you leave out of an object has its default.

Invalid values and unknown keys are refused before anything is touched. One error lists all of them, each with what is expected and
the command that sets it. \`scripts/rex doctor --before\` checks the cluster, too.

**required**: there is no default. **secret**: accepted only if encrypted, as \`--secret\` makes it.
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
  const files = [
    [options.file, text],
    [resolve(root, "Pulumi.yaml"), projectFile()],
  ] as const;
  if (options.write) {
    for (const [file, content] of files) writeFileSync(file, content);
    return 0;
  }
  if (options.check) {
    const wrong = files.filter(([file, content]) => !existsSync(file) || readFileSync(file, "utf8") !== content);
    for (const [file] of wrong) {
      console.error(`${file} does not match config/schema.ts; update it with: npm run reference -- --write`);
    }
    return wrong.length > 0 ? 1 : 0;
  }
  process.stdout.write(text);
  return 0;
}

/** @returns the options, or a text that says what is wrong with them */
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

/** The text of docs/configuration.md. */
function reference(): string {
  const single: string[][] = [];
  const sections: string[] = [];
  for (const [key, value] of Object.entries(schema.shape)) {
    if (value instanceof z.ZodObject) {
      const rows = Object.entries(value.shape).map(([name, field]) => row(`${key}.${name}`, field as z.ZodType));
      sections.push(`## ${key}\n\n${value.description}\n\n${table(rows)}`);
    } else {
      single.push(row(key, value));
    }
  }
  return `${introduction}\n## Single values\n\n${table(single)}\n${sections.join("\n")}`;
}

function row(key: string, value: z.ZodType): string[] {
  const { means, expected, default: preset, required, secret } = aboutOf(value);
  const marks = [required && " **required**", secret && " **secret**"].filter(Boolean);
  return [`\`${key}\`${marks.join("")}`, shownDefault(preset), means, expected];
}

function table(rows: string[][]): string {
  const all = [["key", "default", "what", "expected"], Array(4).fill("---"), ...rows];
  return all.map((cells) => `| ${cells.map(cell).join(" | ")} |\n`).join("");
}

/** The text of Pulumi.yaml, with the schema's keys below `config`. */
function projectFile(): string {
  const file = readFileSync(resolve(root, "Pulumi.yaml"), "utf8");
  const keys = Object.entries(schema.shape).map(([key, value]) => [key, declaration(value)]);
  return (
    file.slice(0, file.indexOf("\nconfig:\n") + 1) + stringify({ config: Object.fromEntries(keys) }, { lineWidth: 0 })
  );
}

/**
 * The engine wants a default for each optional key. It does not merge objects: an object in the stack's file replaces the whole default.
 * So objects have no defaults here, and config/schema.ts fills in the missing fields.
 */
function declaration(value: z.ZodType) {
  if (value instanceof z.ZodObject) {
    const fields = Object.keys(value.shape).join(", ");
    return { description: `${value.description} Fields: ${fields}.`, default: {} };
  }
  const { means, default: preset, required, secret } = aboutOf(value);
  return { description: `${required && !secret ? "Required. " : ""}${means}`, default: preset ?? "" };
}

function shownDefault(value: unknown): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.length > 0 ? `\`${value.join(",")}\`` : "";
  if (typeof value !== "object") return `\`${value}\``;
  return Object.keys(value ?? {}).length > 0 ? `\`${JSON.stringify(value)}\`` : "";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
