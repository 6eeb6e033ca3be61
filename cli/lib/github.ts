import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { type Installation, Refusal } from "./installation.ts";
import { readSecret, type Settings } from "./settings.ts";

/** GitHub's API for the operators' tools, used as the installation's App or with a user's token. */

/** How long one request may take, in milliseconds. */
const requestMilliseconds = 15_000;

/** Keeps Octokit from writing deprecations and failures to standard error. The tools report what matters themselves. */
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** An installation of the App, and its permissions. */
export interface AppInstallation {
  id: number;
  /** Levels (read, write) by permission, in GitHub's names. */
  permissions: Record<string, string>;
}

/** The GitHub App that the installation acts as. */
export class GithubApp {
  readonly #settings: Settings;
  readonly #auth: { appId: string; privateKey: string };

  private constructor(settings: Settings, privateKey: string) {
    this.#settings = settings;
    this.#auth = { appId: settings.githubAppId, privateKey };
  }

  /** @throws Refusal if the App's key cannot be read */
  static async open(installation: Installation, settings: Settings): Promise<GithubApp> {
    return new GithubApp(settings, await readSecret(installation, settings.privateKey));
  }

  /** GitHub as the App itself, for its webhook and its installations. */
  asApp(): Octokit {
    return this.#octokit(this.#auth);
  }

  /**
   * GitHub as the App's installation on a repository.
   *
   * @param repository owner/name
   * @throws Refusal if it is not installed there, or GitHub refuses
   */
  async forRepository(repository: string): Promise<Octokit> {
    const [owner = "", repo = ""] = repository.split("/");
    const { githubInstallationId, githubAppId } = this.#settings;
    const installationId =
      githubInstallationId ??
      (
        await askGithub(
          `find App ${githubAppId}'s installation on ${repository}`,
          this.asApp().rest.apps.getRepoInstallation({ owner, repo }),
          "scripts/rex doctor finds out whether the App's id, its key or the repository's name is wrong, or the App is not installed there",
        )
      ).data.id;
    return this.#octokit({ ...this.#auth, installationId });
  }

  /**
   * The App's installation on a repository or an organization.
   *
   * @param where owner/name, or an organization's login
   * @returns undefined if it is not installed there
   * @throws Refusal if GitHub refuses
   */
  async installationOn(where: string): Promise<AppInstallation | undefined> {
    const [owner = "", repo] = where.split("/");
    const { githubInstallationId, githubAppId } = this.#settings;
    const { apps } = this.asApp().rest;
    const asked =
      repo === undefined
        ? apps.getOrgInstallation({ org: owner })
        : githubInstallationId === undefined
          ? apps.getRepoInstallation({ owner, repo })
          : apps.getInstallation({ installation_id: Number(githubInstallationId) });
    const answer = await askGithub(`find App ${githubAppId}'s installation on ${where}`, asked.catch(absent));
    return answer && { id: answer.data.id, permissions: answer.data.permissions as Record<string, string> };
  }

  /** GitHub as one of the App's installations. */
  asInstallation({ id }: AppInstallation): Octokit {
    return this.#octokit({ ...this.#auth, installationId: id });
  }

  #octokit(auth: object): Octokit {
    return new Octokit({
      baseUrl: this.#settings.githubApiUrl,
      authStrategy: createAppAuth,
      auth,
      log,
      request: { fetch: boundedFetch },
    });
  }
}

/**
 * Asks GitHub about each of many objects, with few enough requests in parallel to stay within its secondary rate limits.
 *
 * @see https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
 */
export async function forEachOf<T, R>(all: readonly T[], ask: (one: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  const rest = all.entries();
  const worker = async () => {
    for (const [index, one] of rest) answers[index] = await ask(one);
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  return answers;
}

/** A repository that was renamed. GitHub still answers to the old name, but pushes carry the new name, which is not watched. */
export interface Renamed {
  found: string;
  fix: string;
}

/**
 * @param fullName the name that GitHub uses
 * @returns undefined if that is the watched name
 */
export function renamedTo(fullName: string, repository: string, { repositories }: Settings): Renamed | undefined {
  if (fullName.toLowerCase() === repository) return undefined;
  return {
    found: `${repository} was renamed to ${fullName}, and pushes under the new name are ignored`,
    fix: `correct repositories: pulumi config set --path 'repositories[${repositories.indexOf(repository)}]' ${fullName}, then pulumi up`,
  };
}

/** Pass this to the catch() of a request, to get undefined if GitHub answers 404. @throws any other error */
export function absent(error: { status?: number }): undefined {
  if (error.status !== 404) throw error;
}

/** GitHub with a user's token. */
export function githubWithToken(token: string, baseUrl: string): Octokit {
  return new Octokit({ baseUrl, auth: token, log, request: { fetch: boundedFetch } });
}

function boundedFetch(url: string, options: RequestInit): Promise<Response> {
  return fetch(url, { ...options, signal: AbortSignal.timeout(requestMilliseconds) });
}

/** GitHub did not answer, or refused. */
export class GithubRefusal extends Refusal {
  /** The HTTP status; 0 if there was no answer, or a server error. */
  readonly status: number;
  /** GitHub's message, or why there is none. */
  readonly said: string;

  constructor(what: string, { status, said }: { status: number; said: string }, fix?: string) {
    super(
      `cannot ${what}: GitHub ${status === 0 ? `does not answer properly (${said})` : `says ${status}: ${said}`}`,
      status === 0 ? undefined : fix,
    );
    this.status = status;
    this.said = said;
  }
}

/**
 * Waits for an answer of GitHub.
 *
 * @param what what the request does, for example "list the webhooks of acme/shop"
 * @param fix how to fix it if GitHub refuses
 * @throws GithubRefusal with GitHub's own message if it does not answer or refuses
 */
export async function askGithub<T>(what: string, answer: Promise<T>, fix?: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { status = 0, message } = error as { status?: number; message: string };
    const said = message
      .trim()
      .replaceAll(/\s+/g, " ")
      .replace(/ - https:\/\/docs\.github\.com\S*$/, "");
    // Octokit reports a missing answer as 500.
    const silent = status === 0 || status >= 500;
    throw new GithubRefusal(
      what,
      silent ? { status: 0, said: `${status}: ${said.slice(0, 100)}` } : { status, said },
      fix,
    );
  }
}

/** Pass this to the catch() of a request, to get GitHub's refusal as a value. @throws any other error */
export function refusal(error: unknown): GithubRefusal {
  if (error instanceof GithubRefusal) return error;
  throw error;
}

/**
 * Whether GitHub refused to remove a label only because the pull request does not have it. GitHub checks the permission first. It also
 * answers 404 if the pull request does not exist or may not be read: only the message tells the difference.
 */
export function labelIsAbsent({ status, said }: Pick<GithubRefusal, "status" | "said">): boolean {
  return status === 404 && said.startsWith("Label does not exist");
}
