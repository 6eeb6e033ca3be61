import { type Account, zeroSha } from "./identity.ts";

/** What can happen to a branch, in GitHub's words. The double has no merges. */
export type ActivityType = "push" | "force_push" | "branch_creation" | "branch_deletion";

/** One change of a branch. */
export interface Activity {
  /** Increases with each change, over all repositories. */
  id: number;
  /** Full ref: `refs/heads/…`. */
  ref: string;
  /** SHA before; zeros if the branch was created. */
  before: string;
  /** SHA after; zeros if the branch was deleted. */
  after: string;
  type: ActivityType;
  actor: Account;
  /** When it was pushed: ISO 8601, whole seconds, UTC. */
  timestamp: string;
}

/** GitHub's word for a change of a branch. Only the move of an existing branch can be forced. */
export function activityType(before: string, after: string, forced: boolean): ActivityType {
  if (before === zeroSha) return "branch_creation";
  if (after === zeroSha) return "branch_deletion";
  return forced ? "force_push" : "push";
}
