import { setTimeout as sleep } from "node:timers/promises";
import { ApiServerRefusal, Refusal } from "../lib/installation.ts";

/** The checks of the doctor: their type, and how a list of them is run. */

/** The result of a check. `skip`: not checked, because something that it depends on is missing. */
export type Verdict = "pass" | "warn" | "fail" | "skip";

/** What a check found about one object. */
export interface Finding {
  verdict: Verdict;
  /** Which of several objects the finding is about, for example a repository or an account. */
  of?: string;
  found: string;
  /** The exact command or edit that fixes it. */
  fix?: string;
}

/** A check that reads what it needs from C. */
export interface Check<C = never> {
  /** Its name in the report. */
  name: string;
  /** If one of these fails or is skipped, this check is skipped, because it would only repeat their finding. */
  needs?: readonly Check[];
  /** The fix to report if a request of the check is refused, and the refusal does not suggest a fix. */
  defaultFix?: string;
  look: (context: C) => Promise<Finding | Finding[]>;
}

/** A finding with the name of its check, as the report contains it. */
export interface Result extends Finding {
  /** The check's name. */
  check: string;
  /** Why this check was skipped: the name of the check that failed. */
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

/** The time limit of one check. */
const checkSeconds = 45;

/**
 * Runs the checks in parallel as far as their needs allow, and reports the results in the order of the list.
 *
 * @param tell called with the results of each check as soon as these and all earlier results are known
 * @throws Error if a check needs another that does not precede it in the list
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

/** A skipped check names the original cause, not another skipped check. */
function skipped(check: string, { check: need, verdict, found, skippedFor = need }: Result): Result {
  return { check, ...skip(verdict === "fail" ? `because ${need} failed` : found), skippedFor };
}

async function tooLate(): Promise<Finding> {
  await sleep(1000 * checkSeconds, undefined, { ref: false });
  return fail(
    `no answer within ${checkSeconds} s`,
    "run this again; if it happens again, see whether the API server and GitHub answer from this machine",
  );
}

async function looked<C>(check: Check<C>, context: C): Promise<Finding | Finding[]> {
  try {
    return await check.look(context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (forbidden(error)) return warn(`cannot be checked: ${error.message}`, "run this as a user with that permission");
    return fail(error.found, error.fix ?? check.defaultFix ?? "docs/troubleshooting.md");
  }
}

/** Whether the API server refused because the caller lacks a permission. Then the installation is not at fault. */
export function forbidden(error: unknown): boolean {
  return error instanceof ApiServerRefusal && error.status === 403;
}
