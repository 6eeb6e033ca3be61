import { type Activity, activityTypes } from "../activities.ts";
import { invalidQuery } from "../answers.ts";
import { activityBody } from "../bodies.ts";
import type { Call, RepositoryEndpoint, World } from "../endpoint.ts";
import { cursorPage } from "../paging.ts";

/** How far back each period reaches, in days. GitHub documents the first two. */
const periods: Record<string, number> = { day: 1, week: 7, month: 30, quarter: 90, year: 365 };
const dayInMs = 24 * 60 * 60 * 1000;

const listActivities: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/activity",
  docs: "https://docs.github.com/rest/repos/repos#list-repository-activities",
  statuses: [200, 401, 403, 404, 422],
  accepted: [{ contents: "read" }],
  handle(call, world, repository) {
    const wanted = repository.activities.filter(filter(call.query, world)).sort(order(call.query));
    const { items, headers } = cursorPage(call, wanted);
    return { status: 200, headers, body: items.map((activity) => activityBody(activity, call.base)) };
  },
};

function filter(query: Call["query"], { clock }: World): (activity: Activity) => boolean {
  const ref = query.get("ref");
  const actor = query.get("actor")?.toLowerCase();
  const type = choice(query, "activity_type", activityTypes);
  const period = choice(query, "time_period", Object.keys(periods));
  const since = period === undefined ? 0 : clock.now() - (periods[period] as number) * dayInMs;
  return (activity) =>
    (ref === null || activity.ref === ref || activity.ref === `refs/heads/${ref}`) &&
    (actor === undefined || activity.actor.login.toLowerCase() === actor) &&
    (type === undefined || activity.type === type) &&
    Date.parse(activity.timestamp) >= since;
}

function order(query: Call["query"]): (one: Activity, other: Activity) => number {
  const sign = choice(query, "direction", ["asc", "desc"]) === "asc" ? 1 : -1;
  return (one, other) => sign * (one.timestamp.localeCompare(other.timestamp) || one.id - other.id);
}

function choice(query: Call["query"], field: string, allowed: readonly string[]): string | undefined {
  const value = query.get(field) ?? undefined;
  if (value !== undefined && !allowed.includes(value))
    throw invalidQuery(`${field}: expected one of ${allowed.join(", ")}`);
  return value;
}

/** What happened to a repository's branches. */
export const activityEndpoints: readonly RepositoryEndpoint[] = [listActivities];
