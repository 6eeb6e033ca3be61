import { GitHubError, notFound, validationFailed } from "../answers.ts";
import { commentBody, labelBody } from "../bodies.ts";
import type { Call, RepositoryEndpoint, World } from "../endpoint.ts";
import { accountOf } from "../identity.ts";
import { page } from "../paging.ts";
import type { Comment, PullRequest, Repository } from "../repositories.ts";

// Labels and comments of pull requests are available as those of issues. GitHub documents that either permission is enough. But for a
// pull request it requires `pull_requests`, although the header also names `issues`.
const read = [{ issues: "read" }, { pull_requests: "read" }] as const;
const write = [{ issues: "write" }, { pull_requests: "write" }] as const;
const readPull = [{ pull_requests: "read" }] as const;
const writePull = [{ pull_requests: "write" }] as const;

/** GitHub's limit on the length of a comment. */
const longestComment = 65536;

const getLabel: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/labels/{name}",
  docs: "https://docs.github.com/rest/issues/labels#get-a-label",
  statuses: [200, 401, 403, 404],
  accepted: read,
  handle(call, _world, repository) {
    const { name = "" } = call.params;
    if (!Object.hasOwn(repository.labels, name.toLowerCase())) throw notFound();
    return { status: 200, body: labelBody(repository, name, call.base) };
  },
};

const listLabels: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/issues/{issue_number}/labels",
  docs: "https://docs.github.com/rest/issues/labels#list-labels-for-an-issue",
  statuses: [200, 401, 403, 404],
  accepted: read,
  sufficient: readPull,
  handle(call, world, repository) {
    const { items, headers } = page(call, issue(call, world, repository).labels);
    return { status: 200, headers, body: items.map((name) => labelBody(repository, name, call.base)) };
  },
};

const removeLabel: RepositoryEndpoint = {
  for: "repository",
  method: "DELETE",
  path: "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
  docs: "https://docs.github.com/rest/issues/labels#remove-a-label-from-an-issue",
  statuses: [200, 401, 403, 404],
  accepted: write,
  sufficient: writePull,
  handle(call, world, repository) {
    const pull = issue(call, world, repository);
    if (!world.repositories.removeLabel(pull, call.params.name ?? "")) throw notFound("Label does not exist");
    return { status: 200, body: pull.labels.map((name) => labelBody(repository, name, call.base)) };
  },
};

const listComments: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/issues/{issue_number}/comments",
  docs: "https://docs.github.com/rest/issues/comments#list-issue-comments",
  statuses: [200, 401, 403, 404],
  accepted: read,
  sufficient: readPull,
  handle(call, world, repository) {
    const { number } = issue(call, world, repository);
    const since = Date.parse(call.query.get("since") ?? "") || 0;
    const comments = repository.comments.filter(
      (comment) => comment.issue === number && Date.parse(comment.updatedAt) >= since,
    );
    const { items, headers } = page(call, comments);
    return { status: 200, headers, body: items.map((comment) => body(call, world, repository, comment)) };
  },
};

const createComment: RepositoryEndpoint = {
  for: "repository",
  method: "POST",
  path: "/repos/{owner}/{repo}/issues/{issue_number}/comments",
  docs: "https://docs.github.com/rest/issues/comments#create-an-issue-comment",
  statuses: [201, 400, 401, 403, 404, 422],
  accepted: write,
  sufficient: writePull,
  handle(call, world, repository, token) {
    const { number } = issue(call, world, repository);
    const author = accountOf(`${world.apps.byId(token.appId)?.slug}[bot]`);
    const comment = world.repositories.addComment(repository, number, text(call), author, token.appId);
    const answer = body(call, world, repository, comment);
    return { status: 201, headers: { location: String(answer.url) }, body: answer };
  },
};

const updateComment: RepositoryEndpoint = {
  for: "repository",
  method: "PATCH",
  path: "/repos/{owner}/{repo}/issues/comments/{comment_id}",
  docs: "https://docs.github.com/rest/issues/comments#update-an-issue-comment",
  statuses: [200, 400, 401, 403, 404, 422],
  accepted: write,
  sufficient: writePull,
  handle(call, world, repository) {
    const found = comment(call, repository);
    world.repositories.updateComment(found, text(call));
    return { status: 200, body: body(call, world, repository, found) };
  },
};

function issue(call: Call, world: World, repository: Repository): PullRequest {
  const pull = world.repositories.pull(repository, Number(call.params.issue_number));
  if (!pull) throw notFound();
  return pull;
}

function comment(call: Call, repository: Repository): Comment {
  const found = repository.comments.find(({ id }) => id === Number(call.params.comment_id));
  if (!found) throw notFound();
  return found;
}

function text(call: Call): string {
  const { body: value } = call.body;
  if (value === undefined) throw new GitHubError(422, 'Invalid request.\n\n"body" wasn\'t supplied.');
  if (typeof value !== "string" || value.trim() === "")
    throw validationFailed({
      resource: "IssueComment",
      field: "data",
      code: "unprocessable",
      message: "Body cannot be blank",
    });
  if (value.length > longestComment)
    throw validationFailed({
      resource: "IssueComment",
      field: "data",
      code: "unprocessable",
      message: `Body is too long (maximum is ${longestComment} characters)`,
    });
  return value;
}

function body(call: Call, world: World, repository: Repository, of: Comment) {
  return commentBody(repository, of, world.apps.byId(of.appId), call.base);
}

/** Labels and comments of pull requests, which GitHub treats as issues. */
export const issueEndpoints: readonly RepositoryEndpoint[] = [
  getLabel,
  listLabels,
  removeLabel,
  listComments,
  createComment,
  updateComment,
];
