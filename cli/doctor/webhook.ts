import { forEachOf, type GithubRefusal, githubWithToken, refusal } from "../lib/github.ts";
import { ask, request } from "../lib/installation.ts";
import {
  answerOf,
  appHook,
  type Delivery,
  differences,
  faultsOf,
  type Hook,
  type HookPlace,
  listDeliveries,
  listHooks,
  organizationHooks,
  pinged,
  register,
  repositoryHooks,
  sameUrl,
  succeeded,
} from "../lib/webhooks.ts";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";
import type { InstalledContext } from "./context.ts";
import { appInstallationCheck } from "./githubApp.ts";

/** GitHub's webhook: whether there is one that sends pushes here, and what became of what it sent. */

export const webhookCheck: Check<InstalledContext> = {
  name: "webhook",
  needs: [appInstallationCheck],
  look: async (context) => (await routes(context)).map(({ finding }) => finding),
};
export const deliveriesCheck: Check<InstalledContext> = {
  name: "deliveries",
  needs: [webhookCheck],
  look: deliveries,
};

const asAdministrator = "GITHUB_TOKEN=$(gh auth token) npm run doctor, as an administrator of the repository";

/** Where a repository's pushes go. */
interface Route {
  repository: string;
  finding: Finding;
  hook?: Hook;
}

function routes(context: InstalledContext): Promise<Route[]> {
  return context.once("the webhooks", async () => {
    const { repositories } = await context.settings();
    return forEachOf(repositories, (repository) => routeFrom(context, repository));
  });
}

async function routeFrom(context: InstalledContext, repository: string): Promise<Route> {
  const { webhookUrl } = context.installation.outputs;
  if (webhookUrl === undefined) {
    return {
      repository,
      finding: skip("because the EventSource is not the program's, and its URL is not known", repository),
    };
  }
  const { hooks, unseen } = await seenFrom(context, repository);
  const finding = registered(hooks, { repository, webhookUrl, unseen });
  return { repository, finding, hook: hooks.find(({ url }) => sameUrl(url, webhookUrl)) };
}

interface Seen {
  hooks: Hook[];
  /** What could not be looked at, and why. */
  unseen: string[];
}

/** As the App, and where that may not see them, as the person whose token there is. */
async function seenFrom(context: InstalledContext, repository: string): Promise<Seen> {
  const { token } = context.webhook;
  const { githubAppId, githubApiUrl } = await context.settings();
  const app = await context.app();
  const person = token === undefined ? undefined : githubWithToken(token, githubApiUrl);
  const hooks = await hooksOf(appHook(githubAppId, app.asApp()));
  const seen: Seen = { hooks: isSeen(hooks) ? hooks.filter(({ url }) => url !== "") : [], unseen: [] };
  let own = await hooksOf(repositoryHooks(repository, await app.forRepository(repository)));
  if (!isSeen(own) && person !== undefined) own = await hooksOf(repositoryHooks(repository, person));
  if (isSeen(own)) seen.hooks.push(...own);
  else seen.unseen.push(`the repository's (${own.status}: ${own.said})`);
  if (person !== undefined) {
    const [owner = ""] = repository.split("/");
    const others = await hooksOf(organizationHooks(owner, person));
    if (isSeen(others)) seen.hooks.push(...others);
  }
  return seen;
}

function hooksOf(place: HookPlace): Promise<Hook[] | GithubRefusal> {
  return listHooks(place).catch(refusal);
}

function isSeen<T>(answer: T[] | GithubRefusal): answer is T[] {
  return Array.isArray(answer);
}

/** Whether one of the webhooks sends a repository's pushes to the stack, as the stack takes them. */
export function registered(
  hooks: Hook[],
  { repository, webhookUrl, unseen }: { repository: string; webhookUrl: string; unseen: string[] },
): Finding {
  const hook = hooks.find(({ url }) => sameUrl(url, webhookUrl));
  if (hook === undefined) {
    const others = hooks.map(({ url }) => withoutQuery(url)).filter((url) => url !== "");
    const there = others.length === 0 ? "" : `; there is one to ${others.join(", ")}`;
    return unseen.length > 0
      ? warn(
          `none to ${webhookUrl} is seen, but not all could be looked at: ${unseen.join(", ")}${there}`,
          asAdministrator,
          repository,
        )
      : fail(`none sends to ${webhookUrl}${there}`, register, repository);
  }
  // What it sends beside pushes, the Sensor leaves alone.
  const { events, insecure_ssl: unverified, ...others } = differences(hook, webhookUrl);
  const takesPushes = hook.events.some((event) => event === "push" || event === "*");
  const faults = faultsOf({ ...others, ...(!takesPushes && events && { events }) });
  const which = hook.id === undefined ? "the App's" : `the ${hook.place.kind}'s, ${hook.id}`;
  if (faults.length > 0) return fail(`${which}: ${faults.join("; ")}`, register, repository);
  return unverified !== undefined && webhookUrl.startsWith("https:")
    ? warn(`${which}: GitHub does not check the certificate of ${webhookUrl}`, register, repository)
    : pass(`${which}, to ${webhookUrl}`, repository);
}

/** A URL may carry a password or a token. */
function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return "";
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

async function deliveries(context: InstalledContext): Promise<Finding[]> {
  const since = await secretSince(context);
  const { ping } = context.webhook;
  return Promise.all(
    (await routes(context)).map(({ repository, hook }) => {
      if (hook === undefined) return skip("because no webhook of the stack is seen", repository);
      return ping ? answeredPing(hook, repository) : delivered(hook, repository, latest(since, hook.updatedAt));
    }),
  );
}

async function delivered(hook: Hook, repository: string, since: string | undefined): Promise<Finding> {
  const found = await listDeliveries(hook, { most: 30 }).catch(refusal);
  return isSeen(found) ? judged(found, { repository, since }) : unseenDeliveries(found, repository);
}

function unseenDeliveries({ status, said }: GithubRefusal, repository: string): Finding {
  return warn(`cannot be seen (${status}: ${said})`, asAdministrator, repository);
}

/** How long a ping may take, in seconds. */
const pingSeconds = 20;

async function answeredPing(hook: Hook, repository: string): Promise<Finding> {
  const instead = "push to a task branch, and run this again";
  if (hook.place.kind === "app") return warn("GitHub has no ping for an App's webhook", instead, repository);
  const answer = await pinged(hook, pingSeconds).catch(refusal);
  if (answer === undefined) {
    return fail(
      `GitHub has not delivered the ping within ${pingSeconds} s`,
      "npm run doctor -- --ping once more; https://www.githubstatus.com",
      repository,
    );
  }
  return "guid" in answer
    ? judged([answer], { repository })
    : warn(`no ping can be sent and seen (${answer.status}: ${answer.said})`, asAdministrator, repository);
}

/** @param since ISO 8601: what was delivered earlier proves nothing of the present secret */
export function judged(
  all: Delivery[],
  { repository, since }: { repository: string; since?: string | undefined },
): Finding {
  const newestFirst = [...all].sort(
    (one, other) => other.deliveredAt.localeCompare(one.deliveredAt) || other.id - one.id,
  );
  const [last] = newestFirst.filter(
    ({ deliveredAt }) => since === undefined || Date.parse(deliveredAt) >= Date.parse(since),
  );
  if (last === undefined) {
    const why = all.length === 0 ? "none yet" : "none since the webhook or its secret was changed last";
    return warn(`${why}, so none has proved that the secret is the same`, "npm run doctor -- --ping", repository);
  }
  const { found, fix } = answerOf(last);
  const said = `the last, a ${last.event} at ${last.deliveredAt}, ${last.statusCode === 0 ? "was not answered" : `was answered ${last.statusCode}`}: ${found}`;
  if (fix !== undefined) return fail(said, `${fix}; then npm run doctor -- --ping`, repository);
  const failed = newestFirst.filter((one) => !succeeded(one)).length;
  return failed === 0
    ? pass(said, repository)
    : warn(
        `${said}; ${failed} of the last ${newestFirst.length} failed`,
        "npm run webhook -- deliveries says how; the sweep starts what they should have started",
        repository,
      );
}

/** When the Secret was made that the EventSource verifies with; undefined if that cannot be seen. */
async function secretSince(context: InstalledContext): Promise<string | undefined> {
  const { webhookSecret } = await context.settings();
  if (webhookSecret === undefined) return undefined;
  const { core, cluster, namespace } = context;
  try {
    const secret = await ask(
      cluster,
      "read the webhook's Secret",
      core.readNamespacedSecret({ namespace, name: webhookSecret.name }, request),
    );
    return secret?.metadata?.creationTimestamp?.toISOString();
  } catch {
    return undefined;
  }
}

function latest(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Date.parse(one) > Date.parse(other) ? one : other;
}
