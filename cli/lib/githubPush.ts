import { taskBranches } from "../../components/vocabulary/patterns.ts";
import type { RecordedPush } from "../../components/vocabulary/samePush.ts";
import { askGithub, type GithubApp } from "./github.ts";
import { Refusal } from "./installation.ts";
import { recordedPush } from "./pushRuns.ts";
import { namesOf, type Settings } from "./settings.ts";

/** Builds the push event of a task's branch, as GitHub would send it. */

const noCommit = "0".repeat(40);

/** Which push to send. GitHub supplies what is left out. */
export interface PushChoice {
  task: string;
  /** owner/name; needed if several repositories are watched. */
  repository?: string;
  /** Needed if the task has several branches. */
  branch?: string;
  /** The pushed commit. Default: the head of the branch. */
  sha?: string;
  /** The head before the push. Default: as GitHub recorded the push; zeros if GitHub has no record. */
  before?: string;
}

/** A push, with everything that its event contains. */
export interface GithubPush {
  repository: string;
  branch: string;
  before: string;
  after: string;
  /** GitHub's clock, seconds since 1970. */
  pushedAt: number;
  /** GitHub's record of this push; undefined if GitHub has none. */
  recorded?: RecordedPush;
  /** The repository as GitHub's API shows it. */
  repositoryBody: Record<string, unknown> & { owner: { login: string }; html_url: string };
  sender: { login: string; type: string };
}

/**
 * Finds the last push of the branch, or completes the push that the call describes.
 *
 * @throws Refusal if there is no such branch, the push would be filtered out, or GitHub refuses
 */
export async function findPush(app: GithubApp, settings: Settings, choice: PushChoice): Promise<GithubPush> {
  const repository = watched(settings, choice.repository);
  const [owner = "", repo = ""] = repository.split("/");
  const github = await app.forRepository(repository);
  const refs = await askGithub(
    `read the branches of ${repository}`,
    github.rest.git.listMatchingRefs({ owner, repo, ref: `heads/${settings.branchPrefix}${choice.task}` }),
  );
  const heads = new Map(refs.data.map(({ ref, object }) => [ref.replace(/^refs\/heads\//, ""), object.sha]));
  const branch = chosenBranch(settings, choice, repository, [...heads.keys()]);
  const after = choice.sha ?? heads.get(branch) ?? "";
  const { data: activities } = await askGithub(
    `read the activity of ${repository}`,
    github.rest.repos.listActivities({ owner, repo, ref: `refs/heads/${branch}`, per_page: 100 }),
  );
  const recorded = activities.find((activity) => activity.after === after);
  const { data: repositoryBody, headers } = await askGithub(
    `read ${repository}`,
    github.rest.repos.get({ owner, repo }),
  );
  const same = recorded !== undefined && (choice.before ?? recorded.before) === recorded.before;
  // A push that GitHub has not recorded gets the current time by GitHub's clock.
  const at = same ? recorded.timestamp : (headers.date ?? new Date().toISOString());
  const { pusher } = settings;
  const actor = activities.find((activity) => activity.actor?.login.toLowerCase() === pusher.toLowerCase())?.actor;
  return {
    repository: repositoryBody.full_name,
    branch,
    before: choice.before ?? recorded?.before ?? noCommit,
    after,
    pushedAt: Math.floor(Date.parse(at) / 1000),
    ...(same && { recorded: recordedPush(recorded, activities) }),
    repositoryBody,
    sender: { ...actor, login: actor?.login ?? pusher, type: "Bot" },
  };
}

function watched({ repositories }: Settings, wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (repositories.includes(wanted.toLowerCase())) return wanted;
    throw new Refusal(
      `--repository: ${wanted} is not watched, so its push would be accepted but ignored; the watched repositories are ${namesOf(repositories)}`,
    );
  }
  const [only, ...more] = repositories;
  if (only !== undefined && more.length === 0) return only;
  throw new Refusal(`several repositories are watched; choose one with --repository: ${namesOf(repositories)}`);
}

function chosenBranch(
  { branchPrefix }: Settings,
  { task, branch }: PushChoice,
  repository: string,
  branches: string[],
): string {
  const pattern = taskBranches(branchPrefix, task);
  const found = branches.filter((name) => pattern.test(name));
  if (branch !== undefined) {
    if (!pattern.test(branch)) {
      throw new Refusal(
        `--branch: ${branch} is not a branch of task ${task}, so its push would be accepted but ignored; expected ${branchPrefix}${task}, or a name that begins with that and -, _ or /`,
      );
    }
    if (found.includes(branch)) return branch;
    throw new Refusal(
      `--branch: ${repository} has no branch ${branch}; its branches of the task: ${found.join(", ") || "none"}`,
    );
  }
  const [only, ...more] = found;
  if (only === undefined) {
    throw new Refusal(
      `${repository} has no branch of task ${task}: expected ${branchPrefix}${task}, or a name that begins with that and -, _ or /`,
    );
  }
  if (more.length > 0) {
    throw new Refusal(
      `${repository} has several branches of task ${task}; choose one with --branch: ${found.join(", ")}`,
    );
  }
  return only;
}

/**
 * The event's payload.
 *
 * @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
 */
export function pushEvent(push: GithubPush): Record<string, unknown> {
  const { branch, before, after, pushedAt, repositoryBody, sender } = push;
  const url = repositoryBody.html_url;
  const person = { name: sender.login, email: `${sender.login}@users.noreply.github.com`, username: sender.login };
  const commit = {
    id: after,
    tree_id: after,
    distinct: true,
    message: "Sent by scripts/rex push",
    timestamp: new Date(1000 * pushedAt).toISOString(),
    url: `${url}/commit/${after}`,
    author: person,
    committer: person,
    added: [],
    removed: [],
    modified: [],
  };
  const { owner } = repositoryBody;
  return {
    ref: `refs/heads/${branch}`,
    before,
    after,
    // Unlike all other events, a push also has the owner's name in "name", and its time in seconds.
    repository: { ...repositoryBody, owner: { name: owner.login, email: null, ...owner }, pushed_at: pushedAt },
    pusher: { name: person.name, email: person.email },
    sender,
    created: before === noCommit,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `${url}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: [commit],
    head_commit: commit,
  };
}
