import { setTimeout as sleep } from "node:timers/promises";
import { ApiServerRefusal, Refusal } from "../lib/installation.ts";

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

/** A check that looks at C. */
export interface Check<C = never> {
  /** What the report calls it. */
  name: string;
  /** If one of these fails or is skipped, this one is skipped: it would only report the same cause again. */
  needs?: readonly Check[];
  /** The fix where the check is refused what it asks for, and the refusal names none. */
  otherwise?: string;
  look: (context: C) => Promise<Finding | Finding[]>;
}

/** A finding of the report. */
export interface Result extends Finding {
  /** The check's name. */
  check: string;
  /** The name of the check because of which this one was skipped. */
  skippedFor?: string;
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
 * Runs the checks, side by side where none needs another, and tells the results in the order of the list.
 *
 * @param tell called with the results of each check as soon as they and all before them are known
 * @throws Error if a check needs one that is not before it in the list
 */
export async function run<C>(
  checks: readonly Check<C>[],
  context: C,
  tell: (results: Result[]) => void,
): Promise<Result[]> {
  refuseUnknownNeeds(checks);
  const running = new Map<Check, Promise<Result[]>>();
  for (const check of checks) running.set(check, results(check, context, running));
  const all: Result[] = [];
  for (const found of running.values()) {
    tell(await found);
    all.push(...(await found));
  }
  return all;
}

function refuseUnknownNeeds(checks: readonly Check[]): void {
  const before = new Set<Check>();
  for (const check of checks) {
    const unknown = check.needs?.find((need) => !before.has(need));
    if (unknown !== undefined) throw new Error(`${check.name} needs ${unknown.name}, which is not run before it`);
    before.add(check);
  }
}

async function results<C>(
  check: Check<C>,
  context: C,
  running: ReadonlyMap<Check, Promise<Result[]>>,
): Promise<Result[]> {
  for (const need of check.needs ?? []) {
    const bad = (await running.get(need))?.find(({ verdict }) => verdict === "fail" || verdict === "skip");
    if (bad !== undefined) return [skipped(check.name, bad)];
  }
  const found = await Promise.race([looked(check, context), tooLate()]);
  return [found].flat().map((finding) => ({ check: check.name, ...finding }));
}

/** A skipped check gives the first cause, not the check that was skipped before it. */
function skipped(check: string, { check: need, verdict, found, skippedFor = need }: Result): Result {
  return { check, ...skip(verdict === "fail" ? `because ${need} failed` : found), skippedFor };
}

async function tooLate(): Promise<Finding> {
  await sleep(1000 * checkSeconds, undefined, { ref: false });
  return fail(
    `no answer within ${checkSeconds} s`,
    "run this again; the line that took so long says who did not answer",
  );
}

async function looked<C>(check: Check<C>, context: C): Promise<Finding | Finding[]> {
  try {
    return await check.look(context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (forbidden(error)) return warn(`cannot be seen: ${error.message}`, "let somebody call this who has that right");
    return fail(error.found, error.fix ?? check.otherwise ?? "docs/troubleshooting.md");
  }
}

/** Whether the API server refuses the caller, which says nothing of the installation. */
export function forbidden(error: unknown): boolean {
  return error instanceof ApiServerRefusal && error.status === 403;
}
