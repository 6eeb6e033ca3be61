import { deepEqual, ok } from "node:assert/strict";
import { after, it } from "mocha";
import type { ApiRequest, Caller } from "./caller.ts";
import { say } from "./figures.ts";

/** A request that the caller has no right to make. */
export interface Attempt {
  what: string;
  request: () => ApiRequest;
  /** Matches part of the API server's reason: a policy's message, or RBAC's "cannot …". */
  refusal: RegExp;
  /** Who makes it. Default: the caller of all attempts. */
  by?: () => Caller;
}

/**
 * Makes a test of each attempt: the API server must refuse it as forbidden, with a reason. At the end it prints the number of attempts.
 *
 * @param who whose attempts these are, for that line
 */
export function refused(who: string, caller: () => Caller, attempts: Attempt[]): void {
  let made = 0;
  let refusals = 0;
  after(() => say(`attempts by ${who}: ${made} made, ${refusals} refused`));
  for (const { what, request, refusal, by = caller } of attempts) {
    it(what, async () => {
      made += 1;
      const { code, message } = await by().send(request());
      if (code === 403) refusals += 1;
      deepEqual([code, message], [403, message]);
      ok(refusal.test(message), `refused, but the message does not match ${refusal}: ${message}`);
    });
  }
}
