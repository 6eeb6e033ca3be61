import type { AppDefinition, Installation } from "./apps.ts";
import type { Settings, StateView } from "./control.ts";
import type { Credential } from "./credentials.ts";
import type { Fault, FaultDefinition } from "./faults.ts";
import type {
  Hook,
  HookDefinition,
  HookDelivery,
  HookDeliveryDefinition,
  Redelivery,
  RepositoryHookDefinition,
} from "./hooks.ts";
import { zeroSha } from "./identity.ts";
import { defaultRepository, type PushOptions, type PushPayload, pushPayload, refOf } from "./push.ts";
import type { Repository, RepositoryDefinition } from "./repositories.ts";
import type { LoggedRequest } from "./requestLog.ts";
import type { Token } from "./tokens.ts";

/** Controls a running double. If the double refuses a call, the call throws an Error with its message. */
export class GitHubDoubleClient {
  readonly url: string;

  /** `url`: the double's base URL. */
  constructor(url: string) {
    this.url = url.replace(/\/$/, "");
  }

  /** Registers an App and one of its installations, and creates repositories that do not exist yet. */
  putApp(definition: AppDefinition): Promise<Installation & { clientId: string }> {
    return this.call("PUT", "apps", definition);
  }

  /** Creates or changes a repository; omitted fields stay. */
  putRepository(fullName: string, definition: RepositoryDefinition = {}): Promise<Repository> {
    return this.call("PUT", `repositories/${fullName}`, definition);
  }

  /** Renames a repository, on which the App stays installed. GitHub redirects from the old name until another repository takes it. */
  renameRepository(from: string, to: string): Promise<Repository> {
    return this.call("POST", "renames", { from, to });
  }

  /**
   * Pushes to a branch, which moves, creates or deletes it, and returns the payload that GitHub would send. `before` is the branch's
   * current head by default.
   */
  async push(options: PushOptions = {}): Promise<PushPayload> {
    const fullName = options.repository ?? defaultRepository;
    const { branches } = await this.putRepository(fullName);
    const branch = /^refs\/heads\/(.+)$/.exec(refOf(options))?.[1];
    if (branch === undefined) throw new Error(`push: ${refOf(options)} is no branch`);
    const payload = pushPayload({ before: branches[branch] ?? zeroSha, ...options });
    await this.putRepository(fullName, {
      branches: { [branch]: payload.deleted ? null : payload.after },
      pushedAt: payload.repository.pushed_at,
      pushedBy: options.sender,
      forced: payload.forced,
    });
    return payload;
  }

  /** Gives an App its webhook, or changes it. */
  putAppHook(appId: number, definition: HookDefinition): Promise<Hook> {
    return this.call("PUT", `app-hooks/${appId}`, definition);
  }

  /** Adds a webhook to a repository, or changes it. Creates the repository if it does not exist. */
  putRepositoryHook(fullName: string, definition: RepositoryHookDefinition): Promise<Hook> {
    return this.call("PUT", `repository-hooks/${fullName}`, definition);
  }

  /** Removes a webhook and its deliveries. */
  async removeHook(id: number): Promise<void> {
    await this.call("DELETE", `hooks/${id}`);
  }

  /** Records a delivery to a hook, as if GitHub had made it. */
  noteDelivery(definition: HookDeliveryDefinition): Promise<HookDelivery> {
    return this.call("POST", "deliveries", definition);
  }

  /**
   * The requested redeliveries, oldest first. The double itself makes those whose secret and payload it knows. For the others, a test has to
   * act as GitHub: deliver again, and record that as another delivery with the same guid.
   */
  redeliveries(): Promise<Redelivery[]> {
    return this.call("GET", "redeliveries");
  }

  settings(settings: Settings): Promise<Required<Settings>> {
    return this.call("PUT", "settings", settings);
  }

  addFault(fault: FaultDefinition): Promise<Fault> {
    return this.call("POST", "faults", fault);
  }

  /** The faults that are still active. */
  faults(): Promise<Fault[]> {
    return this.call("GET", "faults");
  }

  async clearFaults(): Promise<void> {
    await this.call("DELETE", "faults");
  }

  /** The received requests, oldest first. `since`: only those after this id, or from this ISO 8601 time on. */
  requests(since?: number | string): Promise<LoggedRequest[]> {
    return this.call("GET", `requests${since === undefined ? "" : `?since=${encodeURIComponent(since)}`}`);
  }

  /** Every installation token that was ever issued, complete, to search for leaks. */
  tokens(): Promise<Token[]> {
    return this.call("GET", "tokens");
  }

  /**
   * Every credential, complete, to search for leaks: all installation tokens ever issued, and everything else that requests have carried
   * since the double was started.
   */
  credentials(): Promise<Credential[]> {
    return this.call("GET", "credentials");
  }

  state(): Promise<StateView> {
    return this.call("GET", "state");
  }

  /** The present state of one repository. Throws if it does not exist. */
  async repository(fullName: string): Promise<Repository> {
    const { repositories } = await this.state();
    const found = repositories.find((one) => one.fullName.toLowerCase() === fullName.toLowerCase());
    if (!found) throw new Error(`the GitHub double has no repository ${fullName}`);
    return found;
  }

  /** The labels of a pull request; undefined if it does not exist. */
  async labels(fullName: string, pull: number): Promise<string[] | undefined> {
    const { pulls } = await this.repository(fullName);
    return pulls.find(({ number }) => number === pull)?.labels;
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/_double/${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} /_double/${path}: ${(answer as { message: string }).message}`);
    return answer as T;
  }
}

/** GitHub's answer if the primary rate limit is used up. */
export function rateLimited(pathPattern: string, resetInSeconds: number): FaultDefinition {
  return {
    pathPattern,
    status: 403,
    headers: {
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-used": "5000",
      "x-ratelimit-resource": "core",
      "x-ratelimit-reset": String(Math.ceil(Date.now() / 1000) + resetInSeconds),
    },
    body: {
      message: "API rate limit exceeded for installation.",
      documentation_url: "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
      status: "403",
    },
  };
}

/** GitHub's answer if a secondary rate limit was hit, with status 403 or 429. */
export function secondaryLimit(
  pathPattern: string,
  retryAfterSeconds: number,
  status: 403 | 429 = 429,
): FaultDefinition {
  return {
    pathPattern,
    status,
    headers: { "retry-after": String(retryAfterSeconds) },
    body: {
      message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
      documentation_url:
        "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
      status: String(status),
    },
  };
}
