import type { Activity } from "./activities.ts";
import type { JsonObject } from "./answers.ts";
import type { App, Installation } from "./apps.ts";
import { isoSeconds } from "./clock.ts";
import { example, exampleOwner, exampleRepository, rewrite } from "./examples.ts";
import { type Account, idOf, nodeIdOf, splitFullName } from "./identity.ts";
import type { Permissions } from "./permissions.ts";
import type { Comment, Label, PullRequest, Repository } from "./repositories.ts";
import type { Token } from "./tokens.ts";

// The objects in GitHub's answers: its published webhook examples, adapted to the object at hand.

const publicApi = "https://api.github.com";
const synchronized = example("pull_request", ({ action }) => action === "synchronize");
/** The fields of a pull request that a list leaves out. */
const onlyInSinglePull = [
  "additions",
  "changed_files",
  "comments",
  "commits",
  "deletions",
  "maintainer_can_modify",
  "mergeable",
  "mergeable_state",
  "merged",
  "merged_by",
  "rebaseable",
  "review_comments",
];
const examplePull = Object.fromEntries(
  Object.entries(synchronized.pull_request as JsonObject).filter(([name]) => !onlyInSinglePull.includes(name)),
);
const exampleAccount = examplePull.user as JsonObject;
// GitHub's description has custom properties only for a repository's own endpoint.
const { custom_properties: _, ...exampleRepositoryBody } = (examplePull.base as JsonObject).repo as JsonObject;
const exampleComment = example("issue_comment").comment as JsonObject;

export function accountBody(account: Account, base: string): JsonObject {
  const id = idOf("User", account.login);
  const body = rewrite(exampleAccount, [
    [publicApi, base],
    [`/${exampleOwner}`, `/${encodeURIComponent(account.login)}`],
  ]);
  const html = account.type === "Bot" ? `apps/${account.login.replace(/\[bot\]$/, "")}` : account.login;
  return {
    ...body,
    login: account.login,
    id,
    node_id: nodeIdOf(account.type, id),
    avatar_url: `https://avatars.githubusercontent.com/u/${id}?v=4`,
    html_url: `https://github.com/${html}`,
    type: account.type,
  };
}

function ownerBody(fullName: string, base: string): JsonObject {
  return accountBody({ login: splitFullName(fullName).owner, type: "Organization" }, base);
}

/** A repository as it appears inside other objects. */
export function repositoryBody(repository: Repository, base: string): JsonObject {
  const { owner, name } = splitFullName(repository.fullName);
  const body = rewrite(exampleRepositoryBody, [
    [publicApi, base],
    [exampleRepository, `${owner}/${name}`],
  ]);
  return {
    ...body,
    id: repository.id,
    node_id: nodeIdOf("Repository", repository.id),
    name,
    full_name: `${owner}/${name}`,
    owner: ownerBody(repository.fullName, base),
    private: true,
    visibility: "private",
    has_discussions: false,
    has_pages: false,
    created_at: repository.createdAt,
    updated_at: repository.pushedAt,
    pushed_at: repository.pushedAt,
    default_branch: repository.defaultBranch,
    open_issues: openPulls(repository),
    open_issues_count: openPulls(repository),
  };
}

/** A repository as its own endpoint returns it. */
export function fullRepositoryBody(repository: Repository, permissions: Permissions, base: string): JsonObject {
  const contents = permissions.contents;
  return {
    ...repositoryBody(repository, base),
    permissions: {
      admin: permissions.administration === "write",
      maintain: false,
      push: contents === "write",
      triage: false,
      pull: contents !== undefined,
    },
    organization: ownerBody(repository.fullName, base),
    network_count: 0,
    subscribers_count: 0,
  };
}

export function labelBody(repository: Repository, name: string, base: string): JsonObject {
  const label = repository.labels[name.toLowerCase()] as Label;
  return {
    id: label.id,
    node_id: nodeIdOf("Label", label.id),
    url: `${base}/repos/${repository.fullName}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    description: label.description,
    color: label.color,
    default: label.default,
  };
}

/** A pull request as a list returns it. `head` is the repository of its branch; undefined if that repository was deleted. */
export function pullBody(
  repository: Repository,
  pull: PullRequest,
  head: Repository | undefined,
  base: string,
): JsonObject {
  const id = idOf("PullRequest", `${repository.fullName}#${pull.number}`);
  const exampleHead = (examplePull.head as JsonObject).sha as string;
  const body = rewrite(examplePull, [
    [publicApi, base],
    ...["pull", "pulls", "issues"].map(
      (kind) =>
        [
          `${exampleRepository}/${kind}/${examplePull.number}`,
          `${repository.fullName}/${kind}/${pull.number}`,
        ] as const,
    ),
    [exampleRepository, repository.fullName],
    [exampleHead, pull.headSha],
  ]);
  const { owner } = splitFullName(repository.fullName);
  const headOwner = pull.headRepository ? splitFullName(pull.headRepository).owner : "unknown";
  return {
    ...body,
    id,
    node_id: nodeIdOf("PullRequest", id),
    number: pull.number,
    state: pull.state,
    title: pull.title,
    body: pull.body,
    user: accountBody(pull.author, base),
    labels: pull.labels.map((name) => labelBody(repository, name, base)),
    assignees: [],
    requested_reviewers: [],
    draft: pull.draft,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt,
    head: {
      label: `${headOwner}:${pull.headRef}`,
      ref: pull.headRef,
      sha: pull.headSha,
      user: accountBody({ login: headOwner, type: "Organization" }, base),
      repo: head ? { ...repositoryBody(head, base), fork: head !== repository } : null,
    },
    base: {
      label: `${owner}:${pull.base}`,
      ref: pull.base,
      sha: repository.branches[pull.base] ?? pull.headSha,
      user: ownerBody(repository.fullName, base),
      repo: repositoryBody(repository, base),
    },
  };
}

export function refBody(repository: Repository, branch: string, base: string): JsonObject {
  const path = branch.split("/").map(encodeURIComponent).join("/");
  const sha = repository.branches[branch];
  return {
    ref: `refs/heads/${branch}`,
    node_id: nodeIdOf("Ref", idOf("Ref", `${repository.fullName}:${branch}`)),
    url: `${base}/repos/${repository.fullName}/git/refs/heads/${path}`,
    object: { sha, type: "commit", url: `${base}/repos/${repository.fullName}/git/commits/${sha}` },
  };
}

export function activityBody(activity: Activity, base: string): JsonObject {
  const { id, before, after, ref, timestamp, type, actor } = activity;
  return {
    id,
    node_id: nodeIdOf("Push", id),
    before,
    after,
    ref,
    timestamp,
    activity_type: type,
    actor: accountBody(actor, base),
  };
}

export function commentBody(repository: Repository, comment: Comment, app: App | undefined, base: string): JsonObject {
  const { id, issue } = comment;
  const isPull = repository.pulls.some(({ number }) => number === issue);
  const path = `${repository.fullName}/issues`;
  return {
    ...exampleComment,
    url: `${base}/repos/${path}/comments/${id}`,
    html_url: `https://github.com/${repository.fullName}/${isPull ? "pull" : "issues"}/${issue}#issuecomment-${id}`,
    issue_url: `${base}/repos/${path}/${issue}`,
    id,
    node_id: nodeIdOf("IssueComment", id),
    user: accountBody(comment.author, base),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: "NONE",
    body: comment.body,
    performed_via_github_app: app ? appBody(app, undefined, repository.fullName, base) : null,
  };
}

/** An App. `installations` is only set if the App asks about itself. */
export function appBody(
  app: App,
  installations: readonly Installation[] | undefined,
  ownedBy: string,
  base: string,
): JsonObject {
  return {
    id: app.appId,
    client_id: app.clientId,
    slug: app.slug,
    node_id: nodeIdOf("Integration", app.appId),
    owner: ownerBody(ownedBy, base),
    name: app.slug,
    description: null,
    external_url: `https://github.com/apps/${app.slug}`,
    html_url: `https://github.com/apps/${app.slug}`,
    created_at: app.createdAt,
    updated_at: app.createdAt,
    permissions: Object.assign({ metadata: "read" }, ...(installations ?? []).map(({ permissions }) => permissions)),
    events: ["push"],
    ...(installations ? { installations_count: installations.length } : {}),
  };
}

export function installationBody(app: App, installation: Installation, base: string): JsonObject {
  const account = accountBody({ login: installation.account, type: "Organization" }, base);
  return {
    id: installation.id,
    client_id: app.clientId,
    account,
    repository_selection: "selected",
    access_tokens_url: `${base}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${base}/installation/repositories`,
    html_url: `https://github.com/organizations/${installation.account}/settings/installations/${installation.id}`,
    app_id: app.appId,
    app_slug: app.slug,
    target_id: account.id,
    target_type: "Organization",
    permissions: installation.permissions,
    events: ["push"],
    created_at: installation.createdAt,
    updated_at: installation.createdAt,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspended ? account : null,
    suspended_at: installation.suspended ? installation.createdAt : null,
  };
}

export function tokenBody(token: Token, repositories: readonly Repository[], base: string): JsonObject {
  return {
    token: token.token,
    expires_at: isoSeconds(Date.parse(token.expiresAt)),
    permissions: token.permissions,
    repository_selection: "selected",
    ...(token.narrowed ? { repositories: repositories.map((repository) => repositoryBody(repository, base)) } : {}),
  };
}

function openPulls(repository: Repository): number {
  return repository.pulls.filter(({ state }) => state === "open").length;
}
