import type { Octokit } from "@octokit/rest";
import { askGithub, forEachOf, type GithubRefusal, labelIsAbsent, refusal, renamedTo } from "../lib/github.ts";
import { MissingSecret } from "../lib/settings.ts";
import { type Check, type Finding, fail, pass, warn } from "./check.ts";
import type { InstalledContext } from "./context.ts";
import { installationCheck } from "./installation.ts";

/** The GitHub App that the remediation acts as: its key, its installations, its permissions, and the labels that it removes. */

const ofEachRepository =
  (look: (context: InstalledContext, repository: string) => Promise<Finding>) => async (context: InstalledContext) =>
    forEachOf((await context.settings()).repositories, (repository) => look(context, repository));

export const appKeyCheck: Check<InstalledContext> = { name: "App's key", needs: [installationCheck], look: key };
export const appInstallationCheck: Check<InstalledContext> = {
  name: "App's installation",
  needs: [appKeyCheck],
  look: ofEachRepository(installed),
};
export const appPermissionsCheck: Check<InstalledContext> = {
  name: "App's permissions",
  needs: [appInstallationCheck],
  look: ofEachRepository(permissions),
};
export const labelRemovalCheck: Check<InstalledContext> = {
  name: "label removal",
  needs: [appPermissionsCheck],
  look: ofEachRepository(labelRemoval),
};
export const labelsCheck: Check<InstalledContext> = {
  name: "labels",
  needs: [appPermissionsCheck],
  look: ofEachRepository(labels),
};

/** GitHub's answer, or its refusal. */
type Answer<T> = { data: T; refused?: undefined } | { data?: undefined; refused: GithubRefusal };

async function answered<T>(what: string, question: Promise<{ data: T }>): Promise<Answer<T>> {
  try {
    return { data: (await askGithub(what, question)).data };
  } catch (error) {
    return { refused: refusal(error) };
  }
}

const silent = (apiUrl: string, { said }: GithubRefusal) =>
  fail(
    `GitHub at ${apiUrl} does not answer (${said})`,
    "repair the network path from this machine to it; if the address is wrong: pulumi config set --path githubApp.apiUrl URL",
  );

/** The App as GitHub describes it. */
function appOf(context: InstalledContext) {
  return context.once("GET /app", async () =>
    answered("read the App", (await context.app()).asApp().rest.apps.getAuthenticated()),
  );
}

async function key(context: InstalledContext): Promise<Finding> {
  const { githubAppId, githubApiUrl, privateKey } = await context.settings();
  const set = `pulumi config set --secret githubAppPrivateKey < APP.private-key.pem, then pulumi up; if the Secret is your own: kubectl -n ${context.namespace} create secret generic ${privateKey.name} --from-file=${privateKey.key}=FILE --dry-run=client -o yaml | kubectl apply -f -`;
  let answer: Awaited<ReturnType<typeof appOf>>;
  try {
    answer = await appOf(context);
  } catch (error) {
    if (error instanceof MissingSecret) return fail(error.found, set);
    throw error;
  }
  const { refused, data } = answer;
  if (refused?.status === 0) return silent(githubApiUrl, refused);
  if (data === null || data === undefined) {
    return fail(
      `GitHub does not accept it as a key of App ${githubAppId} (${refused === undefined ? "no answer" : wordsOf(refused)})`,
      `create a key at GitHub (the App's settings, Private keys), and ${set}; if this is the wrong App: pulumi config set --path githubApp.id ID`,
    );
  }
  return pass(`App ${githubAppId} is ${data.slug}`);
}

const wordsOf = ({ status, said }: GithubRefusal) => `${status}: ${said}`;

interface Installation {
  id: number;
  html_url: string;
  suspended_at: string | null;
  permissions: Record<string, string | undefined>;
}

function installationOn(context: InstalledContext, repository: string): Promise<Answer<Installation>> {
  const [owner = "", repo = ""] = repository.split("/");
  return context.once(`the installation on ${repository}`, async () =>
    answered(
      `find the App's installation on ${repository}`,
      (await context.app()).asApp().rest.apps.getRepoInstallation({ owner, repo }) as Promise<{ data: Installation }>,
    ),
  );
}

async function installed(context: InstalledContext, repository: string): Promise<Finding> {
  const { githubInstallationId, githubApiUrl, repositories } = await context.settings();
  const { data, refused } = await installationOn(context, repository);
  if (data === undefined) {
    const app = (await appOf(context)).data;
    if (refused.status === 0) return silent(githubApiUrl, refused);
    return fail(
      `the App is not installed there (${wordsOf(refused)})`,
      `install it: ${app?.html_url}/installations/new; if the repository's name is wrong or was changed: pulumi config set --path 'repositories[${repositories.indexOf(repository)}]' OWNER/NAME, then pulumi up`,
      repository,
    );
  }
  if (data.suspended_at !== null) {
    return fail(
      `installation ${data.id} has been suspended since ${data.suspended_at}`,
      `unsuspend it: ${data.html_url}`,
      repository,
    );
  }
  if (githubInstallationId !== undefined && githubInstallationId !== `${data.id}`) {
    return fail(
      `githubApp.installationId is ${githubInstallationId}, but the App's installation on this repository is ${data.id}`,
      "pulumi config rm --path githubApp.installationId, then pulumi up; the program then asks GitHub for it",
      repository,
    );
  }
  const [owner = "", repo = ""] = repository.split("/");
  const github = await asInstalled(context, repository);
  const seen = await answered(`read ${repository}`, github.rest.repos.get({ owner, repo }));
  const renamed = seen.data && renamedTo(seen.data.full_name, repository, await context.settings());
  if (renamed !== undefined) return fail(renamed.found, renamed.fix, repository);
  return pass(`installation ${data.id}`, repository);
}

/** The permissions that the App needs, with their least level. */
const needed = { contents: "read", metadata: "read", pull_requests: "write" } as const;
/** With this permission the sweep can have GitHub repeat failed deliveries of a repository's webhook. */
const optional = { repository_hooks: "write" } as const;
const levels = ["read", "write", "admin"];

async function permissions(context: InstalledContext, repository: string): Promise<Finding> {
  const { data } = await installationOn(context, repository);
  const app = (await appOf(context)).data;
  return granted(data?.permissions ?? {}, { repository, app: app?.html_url ?? "", installation: data?.html_url ?? "" });
}

/** @param at the repository, and the GitHub pages on which its permissions are changed */
export function granted(
  has: Record<string, string | undefined>,
  at: { repository: string; app: string; installation: string },
): Finding {
  const level = (name: string) => levels.indexOf(has[name] ?? "");
  const lacks = Object.entries(needed).filter(([name, least]) => level(name) < levels.indexOf(least));
  const change = `the App's settings, Permissions & events (${at.app}), then accept it at ${at.installation}`;
  const list = (some: [string, string | undefined][]) => some.map(([name, wanted]) => `${name}: ${wanted}`).join(", ");
  if (lacks.length > 0) return fail(`the App lacks ${list(lacks)}`, `grant it: ${change}`, at.repository);
  const known: Record<string, string> = { ...needed, ...optional };
  const beyond = Object.entries(has).filter(([name]) => level(name) > levels.indexOf(known[name] ?? ""));
  if (beyond.length > 0)
    return warn(`the App has more permissions than it needs: ${list(beyond)}`, `remove them: ${change}`, at.repository);
  const rest =
    level("repository_hooks") < 1
      ? "; without repository_hooks: write, the sweep cannot ask GitHub to repeat failed deliveries of a repository's webhook"
      : "";
  return pass(`${list(Object.entries(needed))}, and no more${rest}`, at.repository);
}

/** A label that no pull request carries. */
const probe = "rex-remediation-doctor-probe";

/**
 * Tries to remove a label that does not exist. GitHub checks the permission first, and reports the missing label only to a caller with the
 * permission. A closed pull request works too.
 */
async function labelRemoval(context: InstalledContext, repository: string): Promise<Finding> {
  const [owner = "", repo = ""] = repository.split("/");
  const { rest } = await asInstalled(context, repository);
  const { data: pulls, refused } = await answered(
    `list the pull requests of ${repository}`,
    rest.pulls.list({ owner, repo, state: "all", per_page: 1 }),
  );
  if (pulls === undefined) {
    return fail(
      `the pull requests of the repository cannot be listed (${wordsOf(refused)})`,
      "see the App's permissions",
      repository,
    );
  }
  const pull = pulls[0]?.number;
  if (pull === undefined) {
    return warn("not checked: there is no pull request to try it on", "run this again when there is one", repository);
  }
  const answer = await answered(
    `take a label off #${pull}`,
    rest.issues.removeLabel({ owner, repo, issue_number: pull, name: probe }),
  );
  return removed(answer.refused, repository, pull);
}

/** @param refused GitHub's refusal to remove the probe label; undefined if GitHub did not refuse, which is wrong too */
export function removed(
  refused: Pick<GithubRefusal, "status" | "said"> | undefined,
  repository: string,
  pull: number,
): Finding {
  if (refused !== undefined && labelIsAbsent(refused))
    return pass(`GitHub allows it (tried with a label that #${pull} does not have)`, repository);
  return fail(
    `GitHub refuses it on #${pull} (${refused === undefined ? "no answer" : `${refused.status}: ${refused.said}`})`,
    "give the App pull_requests: write, and accept the change in its installation",
    repository,
  );
}

async function labels(context: InstalledContext, repository: string): Promise<Finding> {
  const [owner = "", repo = ""] = repository.split("/");
  const { readyLabel, holdLabel } = await context.settings();
  const { rest } = await asInstalled(context, repository);
  const missing = async (name: string) => {
    const { refused } = await answered(`read label ${name}`, rest.issues.getLabel({ owner, repo, name }));
    return refused;
  };
  const [ready, hold] = [await missing(readyLabel), holdLabel === "" ? undefined : await missing(holdLabel)];
  const unseen = [ready, hold].find((refused) => refused !== undefined && refused.status !== 404);
  if (unseen !== undefined) {
    return warn(
      `cannot be read (${wordsOf(unseen)})`,
      `check them by hand: gh label list --repo ${repository}`,
      repository,
    );
  }
  if (ready !== undefined) {
    return fail(
      `there is no label ${readyLabel}, so no push can ever remove it`,
      `gh label create ${quoted(readyLabel)} --repo ${repository}; if your label has another name: pulumi config set --path pullRequest.readyLabel NAME, then pulumi up`,
      repository,
    );
  }
  if (hold !== undefined) {
    return warn(
      `${readyLabel} exists, but there is no label ${holdLabel}, so nobody can hold a task`,
      `gh label create ${quoted(holdLabel)} --repo ${repository}`,
      repository,
    );
  }
  return pass([readyLabel, holdLabel].filter(Boolean).join(", "), repository);
}

/** GitHub as the App's installation on the repository. */
async function asInstalled(context: InstalledContext, repository: string): Promise<Octokit> {
  return (await context.app()).forRepository(repository);
}

function quoted(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
