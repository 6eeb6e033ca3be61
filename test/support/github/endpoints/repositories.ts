import { GitHubError } from "../answers.ts";
import { fullRepositoryBody, refBody } from "../bodies.ts";
import type { RepositoryEndpoint } from "../endpoint.ts";

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
    if (Object.keys(repository.branches).length === 0) throw new GitHubError(409, "Git Repository is empty.");
    const prefix = `refs/${call.params.ref}`;
    const branches = Object.keys(repository.branches)
      .filter((branch) => `refs/heads/${branch}`.startsWith(prefix))
      .sort();
    return { status: 200, body: branches.map((branch) => refBody(repository, branch, call.base)) };
  },
};

/** Repositories and their git references. */
export const repositoryEndpoints: readonly RepositoryEndpoint[] = [getRepository, matchingRefs];
