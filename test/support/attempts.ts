import { deepEqual, ok } from "node:assert/strict";
import { after, it } from "mocha";
import type { ApiRequest, Caller } from "./caller.ts";
import { say } from "./figures.ts";

/** What somebody tries who may not. */
export interface Attempt {
  what: string;
  request: () => ApiRequest;
  /** Part of the reason that the API server gives: a policy's words, or RBAC's "cannot …". */
  refusal: RegExp;
  /** Default: the caller of all attempts. */
  by?: () => Caller;
}

/**
 * Makes a case of each attempt: the API server has to refuse it as forbidden, and to say why. In the end the count is said.
 *
 * @param who as in "by …"
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
      ok(refusal.test(message), `refused, but with other words than ${refusal}: ${message}`);
    });
  }
}
