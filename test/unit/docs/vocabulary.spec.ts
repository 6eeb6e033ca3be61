import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { outcomes } from "../../../components/vocabulary/outcomes.ts";
import { accountRights } from "../../../components/vocabulary/rights.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

/** Compares the documents' tables of outcomes and rights with the program. */
describe("docs", () => {
  /** The rows of the table that begins with this head, as lists of cells. */
  function table(path: string, head: string): string[][] {
    const text = read(path);
    const lines = text.slice(text.indexOf(head)).split("\n");
    const rows = lines.slice(2, lines.indexOf(""));
    return rows.map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }

  it("operate.md explains exactly the outcomes that exist", () => {
    const named = table("docs/operate.md", "| outcome |").flatMap(([cell = ""]) => [...cell.matchAll(/`([a-z-]+)`/g)]);
    deepEqual(named.map(([, name]) => name).sort(), [...outcomes].sort());
  });

  /** Turns "get, list CodeRuns; patch workflows" into the program's form. */
  function rights(words: string): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const right of words.split("; ")) {
      const [, verbs = "", kind = ""] = /^(.*) (\w+)$/.exec(right) ?? [];
      const key = kind === "CodeRuns" ? "codeRuns" : kind;
      found[key] = [...(found[key] ?? []), ...verbs.split(", ")];
    }
    return found;
  }
  const { sensor, sweep, remediation } = accountRights(true);
  const granted = { Sensor: sensor, sweep, remediation };

  it("security.md says what each right of an account is for", () => {
    const words: Record<string, string> = {};
    let account = "";
    for (const [name = "", right] of table("docs/security.md", "| account | right | what for |")) {
      account = name || account;
      words[account] = [words[account], right].filter(Boolean).join("; ");
    }
    const documented = Object.fromEntries(
      Object.keys(granted).map((account) => [account, rights(words[account] ?? "")]),
    );
    deepEqual(documented, granted);
  });
});
