import type { RecordedPush } from "../../components/vocabulary/samePush.ts";

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
