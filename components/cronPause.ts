const minutesOf: Record<string, number> = { s: 1 / 60, m: 1, h: 60 };

/**
 * The longest pause between two runs of a schedule, in whole minutes. Returns undefined for schedules that it cannot judge: those that
 * name days, months or more than one time.
 *
 * @param schedule five fields in cron syntax, or @hourly, @daily, or @every with a time
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

/** The longest gap between the times of a field that has `round` values. A step starts over each round, so no gap exceeds the step. */
function every(field: string, round: number): number | undefined {
  if (field === "*") return 1;
  if (/^[0-9]+$/.test(field)) return round;
  const [, step] = /^\*\/([1-9][0-9]*)$/.exec(field) ?? [];
  return step === undefined ? undefined : Math.min(Number(step), round);
}
