const minutesOf: Record<string, number> = { s: 1 / 60, m: 1, h: 60 };

/**
 * The longest pause between two runs of a schedule, in whole minutes; undefined where days, months or more than one time are named, of
 * which this does not know.
 *
 * @param schedule five fields as cron has them, or @hourly, @daily, or @every and a time
 */
export function longestPause(schedule: string): number | undefined {
  const [, count, unit = ""] = /^@every ([0-9]+)([smh])$/.exec(schedule) ?? [];
  if (count !== undefined) return Math.ceil(Number(count) * (minutesOf[unit] ?? Number.NaN));
  const [minute = "", hour = "", ...days] = (named[schedule] ?? schedule).split(" ");
  if (days.some((field) => field !== "*")) return undefined;
  if (hour === "*") return every(minute, 60);
  const hours = every(hour, 24);
  return /^[0-9]+$/.test(minute) && hours !== undefined ? 60 * hours : undefined;
}

const named: Record<string, string> = { "@hourly": "0 * * * *", "@daily": "0 0 * * *" };

/** How far apart the times of a field are, at most: it begins anew with each hour or day, however long ago the last one was. */
function every(field: string, round: number): number | undefined {
  if (field === "*") return 1;
  if (/^[0-9]+$/.test(field)) return round;
  const [, step] = /^\*\/([1-9][0-9]*)$/.exec(field) ?? [];
  return step === undefined ? undefined : Math.min(Number(step), round);
}
