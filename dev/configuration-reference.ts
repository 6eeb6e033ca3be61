#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import * as z from "zod";
import { schema } from "../config/schema.ts";
import { aboutOf } from "../config/values.ts";

const help = `usage: npm run reference [-- OPTION...]

Prints docs/configuration.md: every key of config/schema.ts with its default, what it means and what is expected of it. Pulumi, a stack
and a cluster are not needed.

Options:
  --write      write the file instead, and the keys of Pulumi.yaml
  --check      say whether both are what would be written
  --file FILE  another file than docs/configuration.md
  --help       this text

Exit codes:
  0  printed, written, or the files are right
  1  a file is not right
  2  the call is wrong`;

const root = resolve(import.meta.dirname, "..");

const introduction = `# Configuration

<!-- Written by \`npm run reference -- --write\` from config/schema.ts. Do not edit. -->

Every key of a stack. A value is set with \`pulumi config set KEY VALUE\`, one inside an object with
\`pulumi config set --path KEY.NAME VALUE\`, a secret with \`--secret\` from standard input. A list may be one text with commas. What you
leave out of an object has its default.

Values that cannot be used, and keys that do not exist, are refused before anything is touched: all of them at once, each with
what is expected and the command that sets it. \`npm run doctor -- --before\` looks at the cluster, too.

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
      console.error(`${file} is not what config/schema.ts says now; write it anew: npm run reference -- --write`);
    }
    return wrong.length > 0 ? 1 : 0;
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

/** docs/configuration.md. */
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

/** Pulumi.yaml with the keys of the schema below config. */
function projectFile(): string {
  const file = readFileSync(resolve(root, "Pulumi.yaml"), "utf8");
  const keys = Object.entries(schema.shape).map(([key, value]) => [key, declaration(value)]);
  return (
    file.slice(0, file.indexOf("\nconfig:\n") + 1) + stringify({ config: Object.fromEntries(keys) }, { lineWidth: 0 })
  );
}

/**
 * The engine wants a default for each key that need not be set. It puts an object of the stack wholly in the place of a default, so
 * that here an object has none, and config/schema.ts fills in what is left out.
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
