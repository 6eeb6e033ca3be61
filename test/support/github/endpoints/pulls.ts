import { validationFailed } from "../answers.ts";
import { pullBody } from "../bodies.ts";
import type { Call, RepositoryEndpoint, World } from "../endpoint.ts";
import { splitFullName } from "../identity.ts";
import { page } from "../paging.ts";
import type { PullRequest, Repository } from "../repositories.ts";

const docs = "https://docs.github.com/rest/pulls/pulls";

const listPulls: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/pulls",
  docs: `${docs}#list-pull-requests`,
  statuses: [200, 401, 403, 404, 422],
  accepted: [{ pull_requests: "read" }],
  handle(call, world, repository) {
    const wanted = repository.pulls.filter(filter(call.query)).sort(order(call.query));
    const { items, headers } = page(call, wanted);
    const body = items.map((pull) => pullBody(repository, pull, headOf(world, repository, pull), call.base));
    return { status: 200, headers, body };
  },
};

function filter(query: Call["query"]): (pull: PullRequest) => boolean {
  const state = choice(query, "state", ["open", "closed", "all"]);
  const base = query.get("base");
  // Without an owner before the colon, GitHub ignores the filter: a bare branch name returns every pull request.
  const head = /^([^:]+):(.+)$/.exec(query.get("head") ?? "");
  return (pull) =>
    (state === "all" || pull.state === state) &&
    (base === null || pull.base === base) &&
    (head === null || (pull.headRef === head[2] && ownerOfHead(pull) === head[1]?.toLowerCase()));
}

function order(query: Call["query"]): (one: PullRequest, other: PullRequest) => number {
  const sort = choice(query, "sort", ["created", "updated", "popularity", "long-running"]);
  const fallback = sort === "created" ? "desc" : "asc";
  const sign = (query.get("direction") ?? fallback) === "asc" ? 1 : -1;
  const key = (pull: PullRequest): string => (sort === "updated" ? pull.updatedAt : pull.createdAt);
  return (one, other) => sign * (key(one).localeCompare(key(other)) || one.number - other.number);
}

function choice(query: Call["query"], field: string, allowed: readonly string[]): string {
  const value = query.get(field) ?? (allowed[0] as string);
  if (!allowed.includes(value)) throw validationFailed({ resource: "PullRequest", field, code: "invalid" });
  return value;
}

function ownerOfHead(pull: PullRequest): string | undefined {
  return pull.headRepository === null ? undefined : splitFullName(pull.headRepository).owner.toLowerCase();
}

/** The repository of the head branch. For a fork that no test has defined, it is a new one. */
function headOf(world: World, repository: Repository, pull: PullRequest): Repository | undefined {
  if (pull.headRepository === null) return undefined;
  if (pull.headRepository === repository.fullName) return repository;
  return world.repositories.find(pull.headRepository) ?? world.repositories.newRepository(pull.headRepository);
}

/** Pull requests. */
export const pullEndpoints: readonly RepositoryEndpoint[] = [listPulls];
