/** Finds out which run belongs to which push. */

/** A push, as the parameters of its run describe it. */
export interface ToldPush {
  before: string;
  after: string;
  /** Seconds since 1970. */
  pushedAt: number;
}

/** A push as GitHub recorded it. */
export interface RecordedPush extends ToldPush {
  /** Times of all pushes that moved the branch from `before` to `after`, including this one, in seconds since 1970. */
  times: number[];
}

/** The times in GitHub's event and in its record of activity come from two clocks, which differ by less than this. */
const sameSeconds = 120;

/** Whether a run is for this push. A branch may move from one commit to another more than once; then the push nearest in time counts. */
export function isOfPush(told: ToldPush | undefined, { before, after, pushedAt, times }: RecordedPush): boolean {
  if (told === undefined || told.before !== before || told.after !== after) return false;
  const far = Math.abs(told.pushedAt - pushedAt);
  return far <= sameSeconds && times.every((time) => far <= Math.abs(told.pushedAt - time));
}

/** {@link isOfPush} as jq; its input is the told push. */
export const isOfPushJq = `def is_of_push($push): def from($time): if . < $time then $time - . else . - $time end;
  .before == $push.before and .after == $push.after and (.pushedAt as $told | ($told | from($push.pushedAt)) as $far
    | $far <= ${sameSeconds} and all($push.times[]; $far <= from($told)));`;
