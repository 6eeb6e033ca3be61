import type { Octokit } from "@octokit/rest";
import { forEachOf, renamedTo } from "../lib/github.ts";
import { Refusal } from "../lib/installation.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import type { Ground } from "./context.ts";

/** The App that the remediation acts as: its key, where it is installed, what it may, and the labels that it takes off. */

export function githubAppChecks(ground: Ground): Check[] {
  const eachRepository = (look: (repository: string) => Promise<Finding>) => async () =>
    forEachOf((await ground.settings()).repositories, look);
  return [
    { what: "App's key", needs: ["installation"], look: () => key(ground) },
    { what: "App's installation", needs: ["App's key"], look: eachRepository((name) => installed(ground, name)) },
    {
      what: "App's permissions",
      needs: ["App's installation"],
      look: eachRepository((name) => permissions(ground, name)),
    },
    {
      what: "label removal",
      needs: ["App's permissions"],
      look: eachRepository((name) => labelRemoval(ground, name)),
    },
    { what: "labels", needs: ["App's permissions"], look: eachRepository((name) => labels(ground, name)) },
  ];
}

/** GitHub's answer, a refusal too. */
export type Answer<T> = { status: number; data: T; said: "" } | { status: number; data?: undefined; said: string };

/** @returns status 0 if there is no answer, or none of GitHub's own */
export async function answered<T>(question: Promise<{ status: number; data: T }>): Promise<Answer<T>> {
  try {
    const { status, data } = await question;
    return { status, data, said: "" };
  } catch (error) {
    const { status = 0, message } = error as { status?: number; message: string };
    const said = message
      .trim()
      .replaceAll(/\s+/g, " ")
      .replace(/ - https:\/\/docs\.github\.com\S*$/, "");
    // Octokit, too, calls it 500 where nothing came.
    return status >= 500 ? { status: 0, said: `${status}: ${said.slice(0, 100)}` } : { status, said };
  }
}

const silent = (apiUrl: string, said: string) =>
  fail(
    `GitHub at ${apiUrl} does not answer (${said})`,
    "mend the way there from this machine; if the address is wrong: pulumi config set --path githubApp.apiUrl URL",
  );

/** The App, as GitHub knows it. */
export function appOf(ground: Ground) {
  return ground.once("GET /app", async () => answered((await ground.app()).asApp().rest.apps.getAuthenticated()));
}

async function key(ground: Ground): Promise<Finding> {
  const { githubAppId, githubApiUrl, privateKey } = await ground.settings();
  const set = `pulumi config set --secret githubAppPrivateKey < APP.private-key.pem, then pulumi up; of a Secret of yours: kubectl -n ${ground.name} create secret generic ${privateKey.name} --from-file=${privateKey.key}=FILE --dry-run=client -o yaml | kubectl apply -f -`;
  let answer: Awaited<ReturnType<typeof appOf>>;
  try {
    answer = await appOf(ground);
  } catch (error) {
    if (error instanceof Refusal && error.message.startsWith("Secret ")) return fail(error.message, set);
    throw error;
  }
  if (answer.status === 0) return silent(githubApiUrl, answer.said);
  if (answer.data === null || answer.data === undefined) {
    return fail(
      `GitHub does not take it for a key of App ${githubAppId} (${answer.status}: ${answer.said})`,
      `make one at GitHub (the App's settings, Private keys), and ${set}; if the App is another: pulumi config set --path githubApp.id ID`,
    );
  }
  return pass(`App ${githubAppId} is ${answer.data.slug}`);
}

interface Installation {
  id: number;
  html_url: string;
  suspended_at: string | null;
  permissions: Record<string, string | undefined>;
}

function installationOn(ground: Ground, repository: string): Promise<Answer<Installation>> {
  const [owner = "", repo = ""] = repository.split("/");
  return ground.once(`the installation on ${repository}`, async () =>
    answered(
      (await ground.app()).asApp().rest.apps.getRepoInstallation({ owner, repo }) as Promise<{
        status: number;
        data: Installation;
      }>,
    ),
  );
}

async function installed(ground: Ground, repository: string): Promise<Finding> {
  const { githubInstallationId, githubApiUrl, repositories } = await ground.settings();
  const { status, data, said } = await installationOn(ground, repository);
  if (data === undefined) {
    const app = (await appOf(ground)).data;
    if (status === 0) return silent(githubApiUrl, said);
    return fail(
      `the App is not installed there (${status}: ${said})`,
      `install it: ${app?.html_url}/installations/new; if the repository's name is wrong, or was changed: pulumi config set --path 'repositories[${repositories.indexOf(repository)}]' OWNER/NAME, then pulumi up`,
      repository,
    );
  }
  if (data.suspended_at !== null) {
    return fail(
      `installation ${data.id} is suspended since ${data.suspended_at}`,
      `unsuspend it: ${data.html_url}`,
      repository,
    );
  }
  if (githubInstallationId !== undefined && githubInstallationId !== `${data.id}`) {
    return fail(
      `githubApp.installationId is ${githubInstallationId}; the installation there is ${data.id}`,
      "pulumi config rm --path githubApp.installationId, then pulumi up: GitHub is asked for it then",
      repository,
    );
  }
  const [owner = "", repo = ""] = repository.split("/");
  const seen = await answered((await asInstalled(ground, repository)).rest.repos.get({ owner, repo }));
  const renamed = seen.data && renamedTo(seen.data.full_name, repository, await ground.settings());
  if (renamed !== undefined) return fail(renamed.found, renamed.fix, repository);
  return pass(`installation ${data.id}`, repository);
}

/** What it needs, and at which level. */
const needed = { contents: "read", metadata: "read", pull_requests: "write" } as const;
/** With it, failed deliveries of a repository's webhook are asked for again. */
const optional = { repository_hooks: "write" } as const;
const levels = ["read", "write", "admin"];

async function permissions(ground: Ground, repository: string): Promise<Finding> {
  const { data } = await installationOn(ground, repository);
  const app = (await appOf(ground)).data;
  return granted(data?.permissions ?? {}, { repository, app: app?.html_url ?? "", installation: data?.html_url ?? "" });
}

/** @param at the pages at GitHub where they are changed */
export function granted(
  has: Record<string, string | undefined>,
  at: { repository: string; app: string; installation: string },
): Finding {
  const level = (name: string) => levels.indexOf(has[name] ?? "");
  const lacks = Object.entries(needed).filter(([name, least]) => level(name) < levels.indexOf(least));
  const change = `the App's settings, Permissions & events (${at.app}), then accept it at ${at.installation}`;
  const list = (some: [string, string | undefined][]) => some.map(([name, wanted]) => `${name}: ${wanted}`).join(", ");
  if (lacks.length > 0) return fail(`it lacks ${list(lacks)}`, `grant it: ${change}`, at.repository);
  const known: Record<string, string> = { ...needed, ...optional };
  const beyond = Object.entries(has).filter(([name]) => level(name) > levels.indexOf(known[name] ?? ""));
  if (beyond.length > 0)
    return warn(`it has more than it needs: ${list(beyond)}`, `take it away: ${change}`, at.repository);
  const rest =
    level("repository_hooks") < 1
      ? "; without repository_hooks: write failed deliveries of a repository's webhook are not asked for again"
      : "";
  return pass(`${list(Object.entries(needed))}, and nothing beyond${rest}`, at.repository);
}

/** A label that no pull request carries. */
const probe = "rex-remediation-doctor-probe";

/**
 * Takes a label off that is not there: GitHub looks at the right first, and says that there is no such label only to who has it.
 * A pull request that is closed does for that as well.
 */
async function labelRemoval(ground: Ground, repository: string): Promise<Finding> {
  const [owner = "", repo = ""] = repository.split("/");
  const github = await asInstalled(ground, repository);
  const {
    data: pulls,
    status,
    said,
  } = await answered(github.rest.pulls.list({ owner, repo, state: "all", per_page: 1 }));
  if (pulls === undefined)
    return fail(`its pull requests cannot be listed (${status}: ${said})`, "see the App's permissions", repository);
  const pull = pulls[0]?.number;
  if (pull === undefined) {
    return warn("not proved: there is no pull request to try it on", "run this again when there is one", repository);
  }
  return removed(
    await answered(github.rest.issues.removeLabel({ owner, repo, issue_number: pull, name: probe })),
    repository,
    pull,
  );
}

export function removed({ status, said }: { status: number; said: string }, repository: string, pull: number): Finding {
  if (status === 404 && said.startsWith("Label does not exist"))
    return pass(`GitHub lets it (tried with a label that #${pull} does not carry)`, repository);
  return fail(
    `GitHub refuses it on #${pull} (${status}: ${said})`,
    "the App needs pull_requests: write, and the change accepted where it is installed",
    repository,
  );
}

async function labels(ground: Ground, repository: string): Promise<Finding> {
  const [owner = "", repo = ""] = repository.split("/");
  const { readyLabel, holdLabel } = await ground.settings();
  const github = await asInstalled(ground, repository);
  const there = async (name: string) => answered(github.rest.issues.getLabel({ owner, repo, name }));
  const [ready, hold] = [await there(readyLabel), holdLabel === "" ? undefined : await there(holdLabel)];
  for (const answer of [ready, hold]) {
    if (answer !== undefined && answer.status !== 200 && answer.status !== 404) {
      return warn(
        `cannot be seen (${answer.status}: ${answer.said})`,
        `look at them: gh label list --repo ${repository}`,
        repository,
      );
    }
  }
  if (ready.status === 404) {
    return fail(
      `there is no label ${readyLabel}, so no push ever takes it off`,
      `gh label create ${quoted(readyLabel)} --repo ${repository}; if yours has another name: pulumi config set --path pullRequest.readyLabel NAME, then pulumi up`,
      repository,
    );
  }
  if (hold?.status === 404) {
    return warn(
      `${readyLabel} is there; there is no label ${holdLabel}, with which a person holds a task`,
      `gh label create ${quoted(holdLabel)} --repo ${repository}`,
      repository,
    );
  }
  return pass([readyLabel, ...(hold === undefined ? [] : [holdLabel])].join(", "), repository);
}

/** As the App where it is installed, with the rights that the installation has. */
async function asInstalled(ground: Ground, repository: string): Promise<Octokit> {
  return (await ground.app()).forRepository(repository);
}

function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
