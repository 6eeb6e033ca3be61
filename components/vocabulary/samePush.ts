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

/** GitHub's event and its record of the activity are of two clocks, which differ by less. */
const sameSeconds = 120;

/** Whether a run was told of this very push. A branch may go from one commit to another more than once: then the nearest push counts. */
export function isOfPush(told: ToldPush | undefined, { before, after, pushedAt, times }: RecordedPush): boolean {
  if (told === undefined || told.before !== before || told.after !== after) return false;
  const far = Math.abs(told.pushedAt - pushedAt);
  return far <= sameSeconds && times.every((time) => far <= Math.abs(told.pushedAt - time));
}

/** The same as jq, of what the run was told. */
export const isOfPushJq = `def is_of_push($push): def from($time): if . < $time then $time - . else . - $time end;
  .before == $push.before and .after == $push.after and (.pushedAt as $told | ($told | from($push.pushedAt)) as $far
    | $far <= ${sameSeconds} and all($push.times[]; $far <= from($told)));`;
