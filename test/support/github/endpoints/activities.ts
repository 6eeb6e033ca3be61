import type { Activity } from "../activities.ts";
import { activityBody } from "../bodies.ts";
import type { RepositoryEndpoint } from "../endpoint.ts";
import { pageSize } from "../paging.ts";

/** The supported query parameters. GitHub has more, but no test needs them. */
const known = ["ref", "per_page"];

const listActivities: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/activity",
  docs: "https://docs.github.com/rest/repos/repos#list-repository-activities",
  statuses: [200, 401, 403, 404],
  accepted: [{ contents: "read" }],
  handle(call, _world, repository) {
    const unknown = [...call.query.keys()].filter((name) => !known.includes(name));
    if (unknown.length > 0) throw new Error(`the double supports no parameter ${unknown.join(", ")} for activities`);
    const ref = call.query.get("ref");
    const wanted = repository.activities
      .filter((activity) => ref === null || activity.ref === ref || activity.ref === `refs/heads/${ref}`)
      .sort(newestFirst)
      .slice(0, pageSize(call));
    return { status: 200, body: wanted.map((activity) => activityBody(activity, call.base)) };
  },
};

function newestFirst(one: Activity, other: Activity): number {
  return other.timestamp.localeCompare(one.timestamp) || other.id - one.id;
}

/** The changes of a repository's branches. */
export const activityEndpoints: readonly RepositoryEndpoint[] = [listActivities];
