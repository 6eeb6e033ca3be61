import { setTimeout as sleep } from "node:timers/promises";
import type { Octokit } from "@octokit/rest";
import { forEachOf, githubWithToken } from "../lib/github.ts";
import { ask, request } from "../lib/installation.ts";
import { type Check, type Finding, fail, pass, skip, warn } from "./check.ts";
import type { Ground } from "./context.ts";
import { type Answer, answered, appOf } from "./githubApp.ts";

/** GitHub's webhook: whether there is one that sends pushes here, and what became of what it sent. */

export interface WebhookOptions {
  /** Have GitHub send a ping, and look at the answer. */
  ping: boolean;
  /** Token of a person, for what the App may not see. */
  token: string | undefined;
}

export function webhookChecks(ground: Ground, options: WebhookOptions): Check[] {
  return [
    {
      what: "webhook",
      needs: ["App's installation"],
      look: async () => (await wayOf(ground, options)).map(({ finding }) => finding),
    },
    { what: "deliveries", needs: ["webhook"], look: () => deliveries(ground, options) },
  ];
}

/** A webhook as GitHub shows it; its secret it shows to nobody. */
export interface Hook {
  kind: "repository" | "organization" | "app";
  id: number;
  active: boolean;
  events: string[];
  updated_at?: string;
  config: { url?: string; content_type?: string; insecure_ssl?: string | number; secret?: string };
}

/** One attempt of GitHub's. */
export interface Delivery {
  id: number;
  guid: string;
  event: string;
  status: string;
  status_code: number;
  delivered_at: string;
}

/** Where a repository's pushes go. */
interface Way {
  repository: string;
  finding: Finding;
  hook?: Hook;
  /** Who may see the hook. */
  github?: Octokit;
}

function wayOf(ground: Ground, options: WebhookOptions): Promise<Way[]> {
  return ground.once("the webhooks", async () => {
    const { repositories } = await ground.settings();
    return forEachOf(repositories, (repository) => wayFrom(ground, repository, options));
  });
}

async function wayFrom(ground: Ground, repository: string, options: WebhookOptions): Promise<Way> {
  const { webhookUrl } = ground.installation.outputs;
  if (webhookUrl === undefined) {
    return {
      repository,
      finding: skip("because the EventSource is not the program's, and its URL is not known", repository),
    };
  }
  const seen = await seenFrom(ground, repository, options);
  const finding = registered(
    seen.hooks.map(({ hook }) => hook),
    { repository, webhookUrl, unseen: seen.unseen },
  );
  const here = seen.hooks.find(({ hook }) => sameUrl(hook.config.url, webhookUrl));
  return { repository, finding, ...here };
}

interface Seen {
  hooks: { hook: Hook; github: Octokit }[];
  /** What could not be looked at, and why. */
  unseen: string[];
}

async function seenFrom(ground: Ground, repository: string, { token }: WebhookOptions): Promise<Seen> {
  const [owner = "", repo = ""] = repository.split("/");
  const app = await ground.app();
  const person = token === undefined ? undefined : githubWithToken(token, (await ground.settings()).githubApiUrl);
  const seen: Seen = { hooks: [], unseen: [] };
  const take = (kind: Hook["kind"], github: Octokit, answer: Answer<unknown>): boolean => {
    if (!Array.isArray(answer.data)) return false;
    seen.hooks.push(...answer.data.map((hook) => ({ hook: { ...hook, kind }, github })));
    return true;
  };
  const own = await answered(app.asApp().rest.apps.getWebhookConfigForApp());
  if (own.data?.url) {
    const events = (await appOf(ground)).data?.events ?? [];
    seen.hooks.push({ hook: { kind: "app", id: 0, active: true, events, config: own.data }, github: app.asApp() });
  }
  const lookers = [await app.forRepository(repository), ...(person === undefined ? [] : [person])];
  let last: Answer<unknown> | undefined;
  for (const github of lookers) {
    last = await answered(github.rest.repos.listWebhooks({ owner, repo, per_page: 100 }));
    if (take("repository", github, last)) break;
  }
  if (last?.data === undefined) seen.unseen.push(`the repository's (${last?.status}: ${last?.said})`);
  if (person !== undefined) {
    take("organization", person, await answered(person.rest.orgs.listWebhooks({ org: owner, per_page: 100 })));
  }
  return seen;
}

function sameUrl(one: string | undefined, other: string): boolean {
  return one !== undefined && one.replace(/\/+$/, "") === other.replace(/\/+$/, "");
}

const register = "scripts/rex webhook register";

/** Whether one of the webhooks sends a repository's pushes to the stack, as the stack takes them. */
export function registered(
  hooks: Hook[],
  { repository, webhookUrl, unseen }: { repository: string; webhookUrl: string; unseen: string[] },
): Finding {
  const hook = hooks.find(({ config }) => sameUrl(config.url, webhookUrl));
  if (hook === undefined) {
    const others = hooks.map(({ config }) => withoutQuery(config.url)).filter((url) => url !== "");
    const there = others.length === 0 ? "" : `; there is one to ${others.join(", ")}`;
    return unseen.length > 0
      ? warn(
          `none to ${webhookUrl} is seen, but not all could be looked at: ${unseen.join(", ")}${there}`,
          "GITHUB_TOKEN=$(gh auth token) scripts/rex doctor, as an administrator of the repository",
          repository,
        )
      : fail(`none sends to ${webhookUrl}${there}`, register, repository);
  }
  const wrong = [
    ...(hook.active ? [] : ["it is not active"]),
    ...(hook.events.some((event) => event === "push" || event === "*")
      ? []
      : [`it sends ${hook.events.join(", ") || "no events"}, not push`]),
    ...(hook.config.content_type === "json" ? [] : [`its content type is ${hook.config.content_type}, not json`]),
    ...(hook.config.secret === undefined || hook.config.secret === ""
      ? ["it has no secret, so nothing it sends is signed"]
      : []),
  ];
  const which = hook.kind === "app" ? "the App's" : `the ${hook.kind}'s, ${hook.id}`;
  if (wrong.length > 0) return fail(`${which}: ${wrong.join("; ")}`, register, repository);
  return `${hook.config.insecure_ssl}` === "1" && webhookUrl.startsWith("https:")
    ? warn(`${which}: GitHub does not check the certificate of ${webhookUrl}`, register, repository)
    : pass(`${which}, to ${webhookUrl}`, repository);
}

/** A URL may carry a password or a token. */
function withoutQuery(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) return "";
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

async function deliveries(ground: Ground, options: WebhookOptions): Promise<Finding[]> {
  const since = await secretSince(ground);
  return Promise.all((await wayOf(ground, options)).map((way) => delivered(way, since, options)));
}

async function delivered(
  { repository, hook, github }: Way,
  since: string | undefined,
  { ping }: WebhookOptions,
): Promise<Finding> {
  if (hook === undefined || github === undefined) return skip("because no webhook of the stack is seen", repository);
  const list = () => deliveriesOf(github, hook, repository);
  const before = await list();
  if (before.data === undefined) {
    return warn(
      `cannot be seen (${before.status}: ${before.said})`,
      "GITHUB_TOKEN=$(gh auth token) scripts/rex doctor, as an administrator of the repository",
      repository,
    );
  }
  if (!ping) return judged(before.data, { repository, since: latest(since, hook.updated_at) });
  const asked = await sendPing(github, hook, repository);
  if (asked.status !== 204) {
    return warn(
      `GitHub sends no ping (${asked.status}: ${asked.said})`,
      "push to a task branch, and run this again",
      repository,
    );
  }
  const known = new Set(before.data.map(({ id }) => id));
  for (let tries = 0; tries < 20; tries += 1) {
    const fresh = (await list()).data?.filter(({ id, event }) => event === "ping" && !known.has(id));
    if (fresh !== undefined && fresh.length > 0) return judged(fresh, { repository });
    await sleep(1000);
  }
  return fail(
    "GitHub has not delivered the ping within 20 s",
    "scripts/rex doctor --ping once more; https://www.githubstatus.com",
    repository,
  );
}

async function deliveriesOf(github: Octokit, hook: Hook, repository: string): Promise<Answer<Delivery[]>> {
  const [owner = "", repo = ""] = repository.split("/");
  const { id: hook_id } = hook;
  const page = { per_page: 30 };
  const { rest } = github;
  if (hook.kind === "app") return answered(rest.apps.listWebhookDeliveries(page));
  if (hook.kind === "organization") return answered(rest.orgs.listWebhookDeliveries({ org: owner, hook_id, ...page }));
  return answered(rest.repos.listWebhookDeliveries({ owner, repo, hook_id, ...page }));
}

async function sendPing(github: Octokit, hook: Hook, repository: string): Promise<Answer<unknown>> {
  const [owner = "", repo = ""] = repository.split("/");
  if (hook.kind === "app") return { status: 0, said: "an App's webhook has none" };
  if (hook.kind === "organization") return answered(github.rest.orgs.pingWebhook({ org: owner, hook_id: hook.id }));
  return answered(github.rest.repos.pingWebhook({ owner, repo, hook_id: hook.id }));
}

/** @param since ISO 8601: what was delivered earlier proves nothing of the present secret */
export function judged(
  all: Delivery[],
  { repository, since }: { repository: string; since?: string | undefined },
): Finding {
  const newestFirst = [...all].sort(
    (one, other) => other.delivered_at.localeCompare(one.delivered_at) || other.id - one.id,
  );
  const [last] = newestFirst.filter(
    ({ delivered_at }) => since === undefined || Date.parse(delivered_at) >= Date.parse(since),
  );
  if (last === undefined) {
    const why = all.length === 0 ? "none yet" : "none since the webhook or its secret was changed last";
    return warn(`${why}, so none has proved that the secret is the same`, "scripts/rex doctor --ping", repository);
  }
  const said = `the last, a ${last.event} at ${last.delivered_at}, was answered with ${last.status_code}`;
  if (last.status_code === 400) {
    return fail(`${said}: the EventSource does not take its signature, the secrets differ`, register, repository);
  }
  if (last.status_code < 200 || last.status_code > 299) {
    const nothing =
      last.status_code === 0
        ? `the last, a ${last.event} at ${last.delivered_at}, reached nobody (${last.status})`
        : said;
    return fail(
      nothing,
      "mend the way from GitHub to the EventSource: host name, Ingress, certificate, NetworkPolicy; then scripts/rex doctor --ping",
      repository,
    );
  }
  const failed = newestFirst.filter(({ status_code }) => status_code < 200 || status_code > 299).length;
  const proof = `${said}: the secret is the same`;
  return failed === 0
    ? pass(proof, repository)
    : warn(
        `${proof}; ${failed} of the last ${newestFirst.length} failed`,
        "scripts/rex webhook deliveries says how; the sweep starts what they should have started",
        repository,
      );
}

/** When the Secret was made that the EventSource verifies with; undefined if that cannot be seen. */
async function secretSince(ground: Ground): Promise<string | undefined> {
  const { webhookSecret } = await ground.settings();
  if (webhookSecret === undefined) return undefined;
  const { core, cluster, name: namespace } = ground;
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
