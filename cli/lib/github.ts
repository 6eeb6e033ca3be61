import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { type Installation, Refusal } from "./installation.ts";
import { readSecret, type Settings } from "./settings.ts";

/** GitHub as the tools for operators ask it: as the installation's App, or as whoever's token they are given. */

/** How long one request may take, in milliseconds. */
const requestMilliseconds = 15_000;

/** Octokit would tell of deprecations and failures on standard error; the tools say what matters. */
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** Where the App is installed, and what it may do there. */
export interface AppInstallation {
  id: number;
  /** Levels (read, write) by what they are for, in GitHub's names. */
  permissions: Record<string, string>;
}

/** The App that an installation acts as. */
export class GithubApp {
  readonly #settings: Settings;
  readonly #auth: { appId: string; privateKey: string };

  private constructor(settings: Settings, privateKey: string) {
    this.#settings = settings;
    this.#auth = { appId: settings.githubAppId, privateKey };
  }

  /** @throws Refusal if the App's key may not be read */
  static async open(installation: Installation, settings: Settings): Promise<GithubApp> {
    return new GithubApp(settings, await readSecret(installation, settings.privateKey));
  }

  /** As the App itself: its webhook, its installations. */
  asApp(): Octokit {
    return this.#octokit(this.#auth);
  }

  /**
   * As the App where it is installed on a repository.
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
          "npm run doctor says whether it is the App's id, its key, the repository's name, or that it is not installed there",
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

  /** As the App where this installation of it is. */
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
 * What GitHub is asked for each of many, so many side by side that it takes no offence.
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

/** A repository that has another name now. GitHub goes on answering to the old one, but pushes carry the new one, which nobody watches. */
export interface Renamed {
  found: string;
  fix: string;
}

/**
 * @param fullName what GitHub calls it
 * @returns undefined if that is the name that is watched
 */
export function renamedTo(fullName: string, repository: string, { repositories }: Settings): Renamed | undefined {
  if (fullName.toLowerCase() === repository) return undefined;
  return {
    found: `${repository} was renamed to ${fullName}, whose pushes nobody takes`,
    fix: `correct repositories: pulumi config set --path 'repositories[${repositories.indexOf(repository)}]' ${fullName}, then pulumi up`,
  };
}

/** For a request's catch: undefined where GitHub says that there is no such thing. */
export function absent(error: { status?: number }): undefined {
  if (error.status !== 404) throw error;
}

/** GitHub as the owner of a token. */
export function githubWithToken(token: string, baseUrl: string): Octokit {
  return new Octokit({ baseUrl, auth: token, log, request: { fetch: boundedFetch } });
}

function boundedFetch(url: string, options: RequestInit): Promise<Response> {
  return fetch(url, { ...options, signal: AbortSignal.timeout(requestMilliseconds) });
}

/** GitHub does not answer, or refuses. */
export class GithubRefusal extends Refusal {
  /** The HTTP status; 0 if there is no answer, or none of GitHub's own. */
  readonly status: number;
  /** GitHub's words, or why there are none. */
  readonly said: string;

  constructor(what: string, { status, said }: { status: number; said: string }, way?: string) {
    super(
      `cannot ${what}: GitHub ${status === 0 ? `does not answer as it should (${said})` : `says ${status}: ${said}`}`,
      status === 0 ? undefined : way,
    );
    this.status = status;
    this.said = said;
  }
}

/**
 * Asks GitHub.
 *
 * @param what what is asked for, as in "list the webhooks of acme/shop"
 * @param way the way out where it refuses
 * @throws GithubRefusal if it does not answer, or refuses, with GitHub's own words
 */
export async function askGithub<T>(what: string, answer: Promise<T>, way?: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const { status = 0, message } = error as { status?: number; message: string };
    const said = message
      .trim()
      .replaceAll(/\s+/g, " ")
      .replace(/ - https:\/\/docs\.github\.com\S*$/, "");
    // Octokit, too, calls it 500 where nothing came.
    const silent = status === 0 || status >= 500;
    throw new GithubRefusal(
      what,
      silent ? { status: 0, said: `${status}: ${said.slice(0, 100)}` } : { status, said },
      way,
    );
  }
}

/** For the catch of a request: GitHub's refusal as a value. @throws any other error */
export function refusal(error: unknown): GithubRefusal {
  if (error instanceof GithubRefusal) return error;
  throw error;
}

/**
 * Whether GitHub refuses to take a label off only because the label is not there. GitHub checks the permission first. A pull request that
 * does not exist, or may not be seen, is 404 as well: only the English tells them apart.
 */
export function labelIsAbsent({ status, said }: Pick<GithubRefusal, "status" | "said">): boolean {
  return status === 404 && said.startsWith("Label does not exist");
}
