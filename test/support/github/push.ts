import type { JsonObject } from "./answers.ts";
import { accountBody } from "./bodies.ts";
import { isoSeconds } from "./clock.ts";
import { example, exampleRepository, rewrite } from "./examples.ts";
import {
  type Account,
  accountOf,
  defaultPusher,
  idOf,
  nodeIdOf,
  randomSha,
  splitFullName,
  zeroSha,
} from "./identity.ts";

/** The parts of a push that a test can set; the rest is derived. */
export interface PushOptions {
  /** Task number: the branch is `task-<task>`. Default: 3. */
  task?: number | string;
  /** Full ref, instead of a task: `refs/heads/…` or `refs/tags/…`. */
  ref?: string;
  /** SHA before the push; zeros if it creates the ref. Default: a fresh one. */
  before?: string;
  /** SHA after the push; zeros if it deletes the ref. Default: a fresh one. */
  after?: string;
  /** Full name. Default: acme/widgets. */
  repository?: string;
  /** Who pushed: a login (`slug[bot]` is a Bot, else a User) or login and type. Default: 5dlabs-rex[bot]. */
  sender?: string | Account;
  /** Name of the pusher. Default: the sender's login. */
  pusher?: string;
  /** Time on GitHub's clock, whole seconds since the epoch. Default: now. */
  pushedAt?: number;
  /** Whether the push deletes the ref. Default: true if `after` is zeros. */
  deleted?: boolean;
  /** Whether the push creates the ref. Default: true if `before` is zeros. */
  created?: boolean;
  /** Default: false. */
  forced?: boolean;
  /** Message of the head commit. Default: `Fix what QA found`. */
  message?: string;
  /** Present in deliveries of an App's hook, absent in a repository's. Default: absent. */
  installationId?: number;
}

/** GitHub's push payload. This names only the fields that tests read, but the others exist, too. */
export interface PushPayload extends JsonObject {
  ref: string;
  before: string;
  after: string;
  created: boolean;
  deleted: boolean;
  forced: boolean;
  commits: JsonObject[];
  head_commit: JsonObject | null;
  repository: JsonObject & { full_name: string; name: string; pushed_at: number };
  pusher: { name: string; email: string };
  sender: JsonObject & { login: string; type: string };
}

const exampleBranchPush = example("push", ({ ref }) => String(ref).startsWith("refs/heads/"));
const exampleOrganization = example("push", (payload) => "organization" in payload).organization as JsonObject;
const publicApi = "https://api.github.com";

/** The repository of a push without a named one. */
export const defaultRepository = "acme/widgets";

/** The full ref of a push. */
export function refOf({ ref, task }: PushOptions): string {
  return ref ?? `refs/heads/task-${task ?? 3}`;
}

/** GitHub's payload of a push event: its published example of a push to a branch, adapted to this push. */
export function pushPayload(options: PushOptions = {}): PushPayload {
  const repository = options.repository ?? defaultRepository;
  const sender = typeof options.sender === "object" ? options.sender : accountOf(options.sender ?? defaultPusher);
  const ref = refOf(options);
  const before = options.before ?? (options.created ? zeroSha : randomSha());
  const after = options.after ?? (options.deleted ? zeroSha : randomSha());
  const created = options.created ?? before === zeroSha;
  const deleted = options.deleted ?? after === zeroSha;
  const pushedAt = options.pushedAt ?? Math.floor(Date.now() / 1000);
  const pusher = { name: options.pusher ?? sender.login, email: emailOf(sender) };

  const { installation: _, ...body } = rewrite(exampleBranchPush, [[exampleRepository, repository]]);
  const commit = headCommit(body.head_commit as JsonObject, { after, repository, sender, pushedAt, options });
  return {
    ...body,
    ref,
    before,
    after,
    repository: repositoryOf(body.repository as JsonObject, repository, pushedAt),
    pusher,
    organization: organizationOf(repository),
    sender: { ...accountBody(sender, publicApi), ...sender },
    ...(options.installationId === undefined
      ? {}
      : {
          installation: {
            id: options.installationId,
            node_id: nodeIdOf("IntegrationInstallation", options.installationId),
          },
        }),
    created,
    deleted,
    forced: options.forced ?? false,
    base_ref: null,
    compare: compareUrl(repository, ref, before, after),
    commits: deleted ? [] : [commit],
    head_commit: deleted ? null : commit,
  };
}

function headCommit(
  commit: JsonObject,
  push: { after: string; repository: string; sender: Account; pushedAt: number; options: PushOptions },
): JsonObject {
  const { after, repository, sender, pushedAt, options } = push;
  const person = { name: sender.login, email: emailOf(sender), username: sender.login };
  return {
    ...commit,
    id: after,
    message: options.message ?? "Fix what QA found",
    timestamp: isoSeconds(pushedAt * 1000),
    url: `https://github.com/${repository}/commit/${after}`,
    author: person,
    committer: person,
  };
}

function repositoryOf(body: JsonObject, fullName: string, pushedAt: number): PushPayload["repository"] {
  const { owner, name } = splitFullName(fullName);
  const id = idOf("Repository", fullName);
  return {
    ...body,
    id,
    node_id: nodeIdOf("Repository", id),
    name,
    full_name: fullName,
    private: true,
    // Unlike every other event, a push names its repository's owner by "name", too.
    owner: { name: owner, email: null, ...accountBody({ login: owner, type: "Organization" }, publicApi) },
    updated_at: isoSeconds(pushedAt * 1000),
    pushed_at: pushedAt,
    default_branch: "main",
    master_branch: "main",
    organization: owner,
  };
}

function organizationOf(fullName: string): JsonObject {
  const { owner } = splitFullName(fullName);
  const id = idOf("User", owner);
  const body = rewrite(exampleOrganization, [[String(exampleOrganization.login), owner]]);
  return {
    ...body,
    id,
    node_id: nodeIdOf("Organization", id),
    avatar_url: `https://avatars.githubusercontent.com/u/${id}?v=4`,
  };
}

function compareUrl(repository: string, ref: string, before: string, after: string): string {
  const short = ref.replace(/^refs\/(heads|tags)\//, "");
  const range = before === zeroSha ? encodeURIComponent(short) : `${before.slice(0, 12)}...${after.slice(0, 12)}`;
  return `https://github.com/${repository}/compare/${range}`;
}

function emailOf({ login }: Account): string {
  return `${idOf("User", login)}+${login}@users.noreply.github.com`;
}
