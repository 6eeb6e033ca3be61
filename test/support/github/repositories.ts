import { type Activity, activityType } from "./activities.ts";
import { type Clock, isoSeconds } from "./clock.ts";
import { type Account, accountOf, defaultPusher, idOf, shaOf, splitFullName, zeroSha } from "./identity.ts";

export interface Label {
  id: number;
  name: string;
  color: string;
  description: string | null;
  default: boolean;
}

export interface PullRequest {
  number: number;
  title: string;
  body: string | null;
  state: "open" | "closed";
  draft: boolean;
  base: string;
  headRef: string;
  /** Full name of the repository that holds the head branch; null if that fork was deleted. */
  headRepository: string | null;
  headSha: string;
  /** Names, in the order they were added. */
  labels: string[];
  author: Account;
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
}

export interface Comment {
  id: number;
  issue: number;
  body: string;
  author: Account;
  /** The App that wrote it. */
  appId: number;
  createdAt: string;
  updatedAt: string;
}

export interface Repository {
  id: number;
  fullName: string;
  defaultBranch: string;
  createdAt: string;
  pushedAt: string;
  /** Name to head SHA. */
  branches: Record<string, string>;
  /** The repository's labels by lower-cased name: GitHub's label names ignore case. */
  labels: Record<string, Label>;
  pulls: PullRequest[];
  comments: Comment[];
  /** Changes of branches, in the order in which tests made them, without the creation of the default branch. */
  activities: Activity[];
}

/** What a test sets on a pull request. An omitted field keeps its value or gets a default. */
export interface PullRequestDefinition {
  number: number;
  headRef?: string;
  /** Default: the repository itself. Another name is a fork; null is a deleted fork. */
  headRepo?: string | null;
  /** Default: always the current head of the branch. */
  headSha?: string;
  /** Replaces all labels. */
  labels?: string[];
  state?: "open" | "closed";
  title?: string;
  body?: string | null;
  draft?: boolean;
  /** Default: the default branch. */
  base?: string;
  /** Login. Default: the repository's owner. */
  author?: string;
}

/** What a test sets on a repository. An omitted field keeps its value or gets a default. */
export interface RepositoryDefinition {
  defaultBranch?: string;
  /** Head SHA by branch name; null deletes the branch. Other branches stay. */
  branches?: Record<string, string | null>;
  /** When these branches, and so the repository, were pushed to, in seconds since the epoch. Default: now, if a branch moves. */
  pushedAt?: number;
  /** Who pushed these branches: a login (`slug[bot]` is a Bot, else a User) or login and type. Default: 5dlabs-rex[bot]. */
  pushedBy?: string | Account | undefined;
  /** Whether the moves of these branches were forced. Default: false. */
  forced?: boolean;
  /** Labels that exist in the repository, besides those on pull requests. */
  labels?: string[];
  /** Labels to delete, also from pull requests. */
  deletedLabels?: string[];
  pulls?: PullRequestDefinition[];
}

/** What all branch changes of one call have in common. */
interface Push {
  at: string;
  actor: Account;
  forced: boolean;
}

/** The repositories on GitHub with their branches, labels, pull requests and comments. All are private. */
export class Repositories {
  all: Repository[] = [];
  /** Ids by former repository names, in lower case. */
  formerNames: Record<string, number> = {};
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  find(fullName: string): Repository | undefined {
    return this.all.find((repository) => repository.fullName.toLowerCase() === fullName.toLowerCase());
  }

  byId(id: number): Repository | undefined {
    return this.all.find((repository) => repository.id === id);
  }

  /** The repository that used to have this name, unless another one has it now. */
  byFormerName(fullName: string): Repository | undefined {
    const id = this.formerNames[fullName.toLowerCase()];
    return id === undefined || this.find(fullName) ? undefined : this.byId(id);
  }

  /** Throws if no repository has the old name, or one already has the new name. */
  rename(from: string, to: string): Repository {
    const repository = this.find(from);
    if (!repository || this.find(to)) throw new Error(`${from} cannot be renamed to ${to}`);
    splitFullName(to);
    this.formerNames[from.toLowerCase()] = repository.id;
    for (const { pulls } of this.all)
      for (const pull of pulls) if (pull.headRepository === repository.fullName) pull.headRepository = to;
    repository.fullName = to;
    return repository;
  }

  /** Creates the repository if it does not exist, and changes what is given. Everything else stays. */
  upsert(fullName: string, definition: RepositoryDefinition = {}): Repository {
    const push = this.pushOf(definition);
    const known = this.find(fullName);
    const repository = known ?? this.newRepository(fullName, definition.defaultBranch);
    if (!known) this.all.push(repository);
    if (definition.defaultBranch) repository.defaultBranch = definition.defaultBranch;
    for (const [name, sha] of Object.entries(definition.branches ?? {})) this.moveBranch(repository, name, sha, push);
    if (definition.pushedAt !== undefined) repository.pushedAt = push.at;
    for (const name of definition.labels ?? []) ensureLabel(repository, name);
    for (const name of definition.deletedLabels ?? []) deleteLabel(repository, name);
    for (const pull of definition.pulls ?? []) this.upsertPull(repository, pull);
    return repository;
  }

  pull(repository: Repository, number: number): PullRequest | undefined {
    return repository.pulls.find((pull) => pull.number === number);
  }

  /** Returns false if the pull request does not have the label. */
  removeLabel(pull: PullRequest, name: string): boolean {
    const index = pull.labels.findIndex((label) => label.toLowerCase() === name.toLowerCase());
    if (index < 0) return false;
    pull.labels.splice(index, 1);
    pull.updatedAt = this.clock.iso();
    return true;
  }

  addComment(repository: Repository, issue: number, body: string, author: Account, appId: number): Comment {
    const now = this.clock.iso();
    const id = 1_000_000_000 + this.all.reduce((count, { comments }) => count + comments.length, 1);
    const comment: Comment = { id, issue, body, author, appId, createdAt: now, updatedAt: now };
    repository.comments.push(comment);
    return comment;
  }

  updateComment(comment: Comment, body: string): void {
    comment.body = body;
    comment.updatedAt = this.clock.iso();
  }

  /** A repository with only its default branch. It is not stored. */
  newRepository(fullName: string, defaultBranch = "main"): Repository {
    splitFullName(fullName);
    const now = this.clock.iso();
    return {
      id: idOf("Repository", fullName),
      fullName,
      defaultBranch,
      createdAt: now,
      pushedAt: now,
      branches: { [defaultBranch]: shaOf(`${fullName}:${defaultBranch}`) },
      labels: {},
      pulls: [],
      comments: [],
      activities: [],
    };
  }

  private pushOf({ pushedAt, pushedBy = defaultPusher, forced = false }: RepositoryDefinition): Push {
    const actor = typeof pushedBy === "string" ? accountOf(pushedBy) : pushedBy;
    if (!actor?.login) throw new Error("pushedBy: expected a login");
    return { at: pushedAt === undefined ? this.clock.iso() : isoSeconds(pushedAt * 1000), actor, forced };
  }

  private moveBranch(repository: Repository, name: string, sha: string | null, push: Push): void {
    if (sha !== null && !/^[0-9a-f]{40}$/.test(sha))
      throw new Error(`branches.${name}: expected 40 hex digits or null`);
    repository.pushedAt = push.at;
    this.record(repository, name, sha ?? zeroSha, push);
    if (sha === null) {
      delete repository.branches[name];
      return;
    }
    repository.branches[name] = sha;
    for (const pull of repository.pulls)
      if (pull.state === "open" && pull.headRef === name && pull.headRepository === repository.fullName) {
        pull.headSha = sha;
        pull.updatedAt = this.clock.iso();
      }
  }

  /** Records a change of a branch; does nothing if the branch stays as it is. */
  private record(repository: Repository, name: string, after: string, { at, actor, forced }: Push): void {
    const before = Object.hasOwn(repository.branches, name) ? (repository.branches[name] as string) : zeroSha;
    if (before === after) return;
    const id = 1_000_000_000 + this.all.reduce((count, { activities }) => count + activities.length, 1);
    const type = activityType(before, after, forced);
    repository.activities.push({ id, ref: `refs/heads/${name}`, before, after, type, actor, timestamp: at });
  }

  private upsertPull(repository: Repository, definition: PullRequestDefinition): void {
    const previous = this.pull(repository, definition.number);
    const pull = previous ?? this.newPull(repository, definition);
    const { headRef, headRepo, headSha, labels, state, ...plain } = definition;
    if (headRef !== undefined) pull.headRef = headRef;
    if (headRepo !== undefined) pull.headRepository = headRepo;
    const followed = pull.headRepository === repository.fullName ? repository.branches[pull.headRef] : undefined;
    if (headSha !== undefined) pull.headSha = headSha;
    else if (followed !== undefined && pull.state === "open") pull.headSha = followed;
    if (labels !== undefined) pull.labels = [...new Set(labels.map((name) => ensureLabel(repository, name).name))];
    if (state !== undefined) {
      pull.state = state;
      pull.closedAt = state === "closed" ? (pull.closedAt ?? this.clock.iso()) : null;
    }
    if (plain.title !== undefined) pull.title = plain.title;
    if (plain.body !== undefined) pull.body = plain.body;
    if (plain.draft !== undefined) pull.draft = plain.draft;
    if (plain.base !== undefined) pull.base = plain.base;
    if (plain.author !== undefined) pull.author = accountOf(plain.author);
    if (previous) pull.updatedAt = this.clock.iso();
    else repository.pulls.push(pull);
  }

  private newPull(repository: Repository, definition: PullRequestDefinition): PullRequest {
    const { number, headRef } = definition;
    if (!Number.isSafeInteger(number) || number < 1) throw new Error("pulls: number: expected a positive integer");
    if (!headRef) throw new Error(`pulls: number ${number} is new: headRef: expected the name of its branch`);
    const now = this.clock.iso();
    return {
      number,
      title: `Pull request ${number}`,
      body: null,
      state: "open",
      draft: false,
      base: repository.defaultBranch,
      headRef,
      headRepository: repository.fullName,
      headSha: shaOf(`${definition.headRepo ?? repository.fullName}:${headRef}`),
      labels: [],
      author: accountOf(splitFullName(repository.fullName).owner),
      createdAt: now,
      updatedAt: now,
      closedAt: null,
    };
  }
}

function ensureLabel(repository: Repository, name: string): Label {
  const key = name.toLowerCase();
  const known = repository.labels[key];
  if (known) return known;
  const label: Label = {
    id: idOf("Label", `${repository.fullName}:${name}`),
    name,
    color: "ededed",
    description: null,
    default: false,
  };
  repository.labels[key] = label;
  return label;
}

function deleteLabel(repository: Repository, name: string): void {
  const key = name.toLowerCase();
  delete repository.labels[key];
  for (const pull of repository.pulls) pull.labels = pull.labels.filter((label) => label.toLowerCase() !== key);
}
