/** Which run is of which push. */

/** A push as a run was told of it. */
export interface ToldPush {
  before: string;
  after: string;
  /** Seconds since 1970. */
  pushedAt: number;
}

/** A push as GitHub recorded it. */
export interface RecordedPush extends ToldPush {
  /** When the branch was pushed from the same commit to the same commit; this push is among them. */
  times: number[];
}

/** GitHub's event and its record of the activity are of two clocks; they differ by less. */
const sameSeconds = 120;

/**
 * Whether a run was told of this very push. A branch may go from one commit to another more than once: then the nearest push counts.
 * The sweep has the same rule, in components/steps/sweep.sh.
 */
export function isOfPush(told: ToldPush | undefined, { before, after, pushedAt, times }: RecordedPush): boolean {
  if (told === undefined || told.before !== before || told.after !== after) return false;
  const far = Math.abs(told.pushedAt - pushedAt);
  return far <= sameSeconds && times.every((time) => far <= Math.abs(told.pushedAt - time));
}

/** What GitHub recorded of a branch. */
interface Activity {
  before: string;
  after: string;
  timestamp: string;
}

/** One of the activities of a branch, as a push. */
export function recordedPush({ before, after, timestamp }: Activity, all: Activity[]): RecordedPush {
  const seconds = (time: string) => Math.floor(Date.parse(time) / 1000);
  const times = all.filter((one) => one.before === before && one.after === after).map((one) => seconds(one.timestamp));
  return { before, after, pushedAt: seconds(timestamp), times };
}
