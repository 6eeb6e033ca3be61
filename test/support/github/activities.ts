import { type Account, zeroSha } from "./identity.ts";

/** What can happen to a branch, as GitHub names it, but for merges, of which the double knows none. */
export type ActivityType = "push" | "force_push" | "branch_creation" | "branch_deletion";

/** One change of a branch. */
export interface Activity {
  /** Ascends with the order in which the changes were told, over all repositories. */
  id: number;
  /** Full ref: `refs/heads/…`. */
  ref: string;
  /** SHA before; zeros when the branch was created. */
  before: string;
  /** SHA after; zeros when the branch was deleted. */
  after: string;
  type: ActivityType;
  actor: Account;
  /** When it was pushed: ISO 8601, whole seconds, UTC. */
  timestamp: string;
}

/** What a change of a branch is called. Only the move of a branch that stays can be forced. */
export function activityType(before: string, after: string, forced: boolean): ActivityType {
  if (before === zeroSha) return "branch_creation";
  if (after === zeroSha) return "branch_deletion";
  return forced ? "force_push" : "push";
}
