import { setTimeout as sleep } from "node:timers/promises";
import { ApiException } from "@kubernetes/client-node";
import { Refusal } from "../lib/installation.ts";

/** What a check is, and how a list of them is run. */

/** `skip`: not looked at, because what it rests on is not there. */
export type Verdict = "pass" | "warn" | "fail" | "skip";

/** What a check found of one thing. */
export interface Finding {
  verdict: Verdict;
  /** Which one of several, as a repository or an account. */
  of?: string;
  found: string;
  /** The exact command or edit that mends it. */
  fix?: string;
}

export interface Check {
  what: string;
  /** Checks by their names: where one of them fails, or is skipped, this one would say the same once more. */
  needs?: string[];
  /** What mends it where what it asks for cannot be had. */
  otherwise?: string;
  look(): Promise<Finding | Finding[]>;
}

/** A line of the report. */
export interface Line extends Finding {
  what: string;
}

export const pass = (found: string, of?: string): Finding => ({ verdict: "pass", found, ...(of && { of }) });
export const warn = (found: string, fix: string, of?: string): Finding => ({
  verdict: "warn",
  found,
  fix,
  ...(of && { of }),
});
export const fail = (found: string, fix: string, of?: string): Finding => ({
  verdict: "fail",
  found,
  fix,
  ...(of && { of }),
});
export const skip = (why: string, of?: string): Finding => ({ verdict: "skip", found: why, ...(of && { of }) });

/** How long one check may take. */
const checkSeconds = 45;

/**
 * Runs the checks, side by side where none needs another, and tells the lines in the order of the list.
 *
 * @param tell called with the lines of each check as soon as they and all before them are known
 */
export async function run(checks: Check[], tell: (lines: Line[]) => void): Promise<Line[]> {
  const running = new Map<string, Promise<Line[]>>();
  for (const check of checks) running.set(check.what, lines(check, running));
  const all: Line[] = [];
  for (const found of running.values()) {
    tell(await found);
    all.push(...(await found));
  }
  return all;
}

async function lines(check: Check, running: Map<string, Promise<Line[]>>): Promise<Line[]> {
  for (const need of check.needs ?? []) {
    const bad = (await running.get(need))?.find(({ verdict }) => verdict === "fail" || verdict === "skip");
    // What is left out for the same reason names that reason, not what was left out before it.
    if (bad !== undefined) {
      return [
        {
          ...skip(
            bad.verdict === "skip" && bad.found.startsWith("because ")
              ? bad.found
              : `because ${need} ${bad.verdict === "skip" ? "was skipped" : "failed"}`,
          ),
          what: check.what,
        },
      ];
    }
  }
  const found = await Promise.race([looked(check), tooLate()]);
  return [found].flat().map((finding) => ({ what: check.what, ...finding }));
}

async function tooLate(): Promise<Finding> {
  await sleep(1000 * checkSeconds, undefined, { ref: false });
  return fail(
    `no answer within ${checkSeconds} s`,
    "run this again; the line that took so long says who did not answer",
  );
}

async function looked(check: Check): Promise<Finding | Finding[]> {
  try {
    return await check.look();
  } catch (error) {
    const words = (error as Error).message;
    if (forbidden(error)) {
      return warn(`cannot be seen: ${words}`, "let somebody call this who has that right");
    }
    if (!(error instanceof Refusal)) throw error;
    // A refusal ends with its way out.
    const [found = "", ...way] = words.split("; ");
    return fail(found, way.join("; ") || (check.otherwise ?? "docs/troubleshooting.md"));
  }
}

/** Whether the API server refuses the caller, which says nothing of the installation. */
export function forbidden(error: unknown): boolean {
  return error instanceof ApiException
    ? error.code === 403
    : error instanceof Refusal && /the API server \S+ says 403/.test(error.message);
}

/** A line as a person reads it; what was found may be others' words, with lines of their own. */
export function asText({ verdict, what, of, found, fix }: Line): string {
  const mend = fix === undefined ? "" : `; fix: ${fix}`;
  return `${verdict}  ${what}${of === undefined ? "" : ` (${of})`}: ${found}${mend}`.replaceAll(/\s*\n\s*/g, " ");
}
