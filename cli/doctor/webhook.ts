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

/** Whether a GitHub webhook sends pushes to the installation, and how its deliveries were answered. */

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

const asAdministrator = "as an administrator of the repository: GITHUB_TOKEN=$(gh auth token) scripts/rex doctor";

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
      finding: skip("because the EventSource is your own (existingEventSource), so its URL is unknown", repository),
    };
  }
  const { hooks, unseen } = await seenFrom(context, repository);
  const finding = registered(hooks, { repository, webhookUrl, unseen });
  return { repository, finding, hook: hooks.find(({ url }) => sameUrl(url, webhookUrl)) };
}

interface Seen {
  hooks: Hook[];
  /** Webhooks that could not be read, and why. */
  unseen: string[];
}

/** Reads the webhooks as the App. Where the App may not, it uses the user's token, if there is one. */
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

/** Whether one of the webhooks sends the repository's pushes to the stack, in the form that the stack accepts. */
export function registered(
  hooks: Hook[],
  { repository, webhookUrl, unseen }: { repository: string; webhookUrl: string; unseen: string[] },
): Finding {
  const hook = hooks.find(({ url }) => sameUrl(url, webhookUrl));
  if (hook === undefined) {
    const others = hooks.map(({ url }) => withoutQuery(url)).filter((url) => url !== "");
    const there = others.length === 0 ? "" : `; there are webhooks to ${others.join(", ")}`;
    return unseen.length > 0
      ? warn(
          `no webhook to ${webhookUrl} was found, but some could not be read: ${unseen.join(", ")}${there}`,
          asAdministrator,
          repository,
        )
      : fail(`no webhook sends to ${webhookUrl}${there}`, register, repository);
  }
  // The webhook may send other events too: the Sensor ignores them.
  const { events, insecure_ssl: unverified, ...others } = differences(hook, webhookUrl);
  const takesPushes = hook.events.some((event) => event === "push" || event === "*");
  const faults = faultsOf({ ...others, ...(!takesPushes && events && { events }) });
  const which = hook.id === undefined ? "the App's" : `the ${hook.place.kind}'s, ${hook.id}`;
  if (faults.length > 0) return fail(`${which}: ${faults.join("; ")}`, register, repository);
  return unverified !== undefined && webhookUrl.startsWith("https:")
    ? warn(`${which}: GitHub does not check the certificate of ${webhookUrl}`, register, repository)
    : pass(`${which}, to ${webhookUrl}`, repository);
}

/** The query is removed because it may contain a password or a token. */
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
      if (hook === undefined) return skip("because no webhook of the stack was found", repository);
      return ping ? answeredPing(hook, repository) : delivered(hook, repository, latest(since, hook.updatedAt));
    }),
  );
}

async function delivered(hook: Hook, repository: string, since: string | undefined): Promise<Finding> {
  const found = await listDeliveries(hook, { most: 30 }).catch(refusal);
  return isSeen(found) ? judged(found, { repository, since }) : unseenDeliveries(found, repository);
}

function unseenDeliveries({ status, said }: GithubRefusal, repository: string): Finding {
  return warn(`cannot be read (${status}: ${said})`, asAdministrator, repository);
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
      "run scripts/rex doctor --ping again; if it fails again, see https://www.githubstatus.com",
      repository,
    );
  }
  return "guid" in answer
    ? judged([answer], { repository })
    : warn(
        `no ping could be sent, or its answer could not be read (${answer.status}: ${answer.said})`,
        asAdministrator,
        repository,
      );
}

/** @param since ISO 8601; earlier deliveries are ignored, because they prove nothing about the current secret */
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
    const why =
      all.length === 0
        ? "there are no deliveries yet"
        : "there is no delivery since the last change of the webhook or its secret";
    return warn(
      `${why}, so it is not proved that both sides have the same secret`,
      "scripts/rex doctor --ping",
      repository,
    );
  }
  const { found, fix } = answerOf(last);
  const said = `the last delivery, a ${last.event} at ${last.deliveredAt}, ${last.statusCode === 0 ? "was not answered" : `was answered ${last.statusCode}`}: ${found}`;
  if (fix !== undefined) return fail(said, `${fix}; then scripts/rex doctor --ping`, repository);
  const failed = newestFirst.filter((one) => !succeeded(one)).length;
  return failed === 0
    ? pass(said, repository)
    : warn(
        `${said}; ${failed} of the last ${newestFirst.length} deliveries failed`,
        "scripts/rex webhook deliveries shows why; the sweep finds their pushes and starts the remediations",
        repository,
      );
}

/** When the Secret that signatures are verified with was created; undefined if it cannot be read. */
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
