import { GitHubError, notFound } from "../answers.ts";
import { fullRepositoryBody, refBody } from "../bodies.ts";
import type { RepositoryEndpoint } from "../endpoint.ts";
import type { Repository } from "../repositories.ts";

const getRepository: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}",
  docs: "https://docs.github.com/rest/repos/repos#get-a-repository",
  statuses: [200, 401, 403, 404],
  accepted: [{ metadata: "read" }],
  handle(call, _world, repository, token) {
    return { status: 200, body: fullRepositoryBody(repository, token.permissions, call.base) };
  },
};

const matchingRefs: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/git/matching-refs/{ref}",
  docs: "https://docs.github.com/rest/git/refs#list-matching-references",
  statuses: [200, 401, 403, 404, 409],
  accepted: [{ contents: "read" }],
  handle(call, _world, repository) {
    refuseEmpty(repository);
    const prefix = `refs/${call.params.ref}`;
    const branches = Object.keys(repository.branches)
      .filter((branch) => `refs/heads/${branch}`.startsWith(prefix))
      .sort();
    return { status: 200, body: branches.map((branch) => refBody(repository, branch, call.base)) };
  },
};

const getRef: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/git/ref/{ref}",
  docs: "https://docs.github.com/rest/git/refs#get-a-reference",
  statuses: [200, 401, 403, 404, 409],
  accepted: [{ contents: "read" }],
  handle(call, _world, repository) {
    refuseEmpty(repository);
    const branch = /^heads\/(.+)$/.exec(call.params.ref ?? "")?.[1];
    if (branch === undefined || !Object.hasOwn(repository.branches, branch)) throw notFound();
    return { status: 200, body: refBody(repository, branch, call.base) };
  },
};

function refuseEmpty(repository: Repository): void {
  if (Object.keys(repository.branches).length === 0) throw new GitHubError(409, "Git Repository is empty.");
}

/** Repositories and their git references. */
export const repositoryEndpoints: readonly RepositoryEndpoint[] = [getRepository, matchingRefs, getRef];
