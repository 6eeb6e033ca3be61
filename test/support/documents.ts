import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** A Markdown text for people. */
export interface Document {
  /** Path from the project's root. */
  file: string;
  text: string;
}

/** The README and all of docs/. */
export function documents(): Document[] {
  const root = resolve(import.meta.dirname, "../..");
  const files = readdirSync(resolve(root, "docs")).filter((file) => file.endsWith(".md"));
  return ["README.md", ...files.map((file) => `docs/${file}`)].map((file) => ({
    file,
    text: readFileSync(resolve(root, file), "utf8"),
  }));
}

/** The anchors that GitHub gives a document's headings. */
export function anchors(text: string): string[] {
  const seen = new Map<string, number>();
  return [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}

/** A command that a document gives the reader. */
export interface DocumentedCommand {
  file: string;
  /** The text of its section, up to the next heading. */
  section: string;
  /** The command without a trailing comment; lines joined by a backslash are one command. */
  command: string;
}

/** The commands in indented blocks and in fenced bash blocks. Other fenced blocks hold data and pictures. */
export function documentedCommands(): DocumentedCommand[] {
  return documents().flatMap(({ file, text }) =>
    text.split(/^(?=#+ )/m).flatMap((section) => commandsIn(section).map((command) => ({ file, section, command }))),
  );
}

function commandsIn(section: string): string[] {
  const fences = /^```(\w*)\n(.*?)^```$/gms;
  const fenced = [...section.matchAll(fences)].flatMap(([, kind = "", block = ""]) =>
    ["", "bash", "sh", "console"].includes(kind) ? [block] : [],
  );
  // An indented line directly below a list item or paragraph continues it and is not a block.
  const indented = [...section.replaceAll(fences, "").matchAll(/(?<=\n\n)(?: {4}.+\n)+/g)].map(([block]) => block);
  return [...fenced, ...indented].flatMap((block) =>
    block
      .replaceAll(/\s*\\\n\s*/g, " ")
      .split("\n")
      .map((line) => line.replace(/\s+# .*$/, "").trim())
      .filter((line) => line !== ""),
  );
}
