import { setTimeout as sleep } from "node:timers/promises";
import type { Octokit } from "@octokit/rest";
import { absent, askGithub } from "./github.ts";

/** Reads and changes GitHub webhooks, and reads their deliveries. */

/** A GitHub repository, organization or App that can have webhooks. */
export interface HookPlace {
  kind: "repository" | "organization" | "app";
  /** For example "acme/shop", "organization acme" or "App 4711". */
  name: string;
  /** Path of its webhooks in GitHub's API, or of the only webhook of an App. */
  path: string;
  github: Octokit;
}

/** A webhook as GitHub describes it. */
export interface Hook {
  place: HookPlace;
  /** Undefined for an App, which has only one webhook. */
  id?: number;
  /** For example "acme/shop: webhook 7". */
  name: string;
  /** Its path in GitHub's API. */
  path: string;
  /** Empty if the App's webhook has no URL. */
  url: string;
  /** Undefined if GitHub does not say. */
  active?: boolean;
  events: string[];
  contentType: string;
  insecureSsl: string;
  /** GitHub never reveals the secret itself. */
  hasSecret: boolean;
  /** Time of the last change, ISO 8601; undefined if GitHub does not say. */
  updatedAt?: string;
}

/** One attempt by GitHub to deliver an event. */
export interface Delivery {
  id: number;
  /** Identifies the event: the same for all attempts to deliver it. */
  guid: string;
  event: string;
  action: string | null;
  deliveredAt: string;
  redelivery: boolean;
  /** 0: there was no answer. */
  statusCode: number;
  /** GitHub's description of the result. */
  status: string;
}

interface HookConfig {
  url?: string;
  content_type?: string;
  insecure_ssl?: string | number;
  secret?: string;
}

export function repositoryHooks(repository: string, github: Octokit): HookPlace {
  const [owner = "", name = ""] = repository.split("/").map(encodeURIComponent);
  return { kind: "repository", name: repository, path: `/repos/${owner}/${name}/hooks`, github };
}

export function organizationHooks(login: string, github: Octokit): HookPlace {
  const path = `/orgs/${encodeURIComponent(login)}/hooks`;
  return { kind: "organization", name: `organization ${login}`, path, github };
}

export function appHook(appId: string, github: Octokit): HookPlace {
  return { kind: "app", name: `App ${appId}`, path: "/app/hook", github };
}

/** The command that creates webhooks and corrects their settings. */
export const register = "scripts/rex webhook register";

/** Whether both URLs are the same except for slashes at the end. The sweep compares them in the same way. */
export function sameUrl(one: string, other: string): boolean {
  return one.replace(/\/+$/, "") === other.replace(/\/+$/, "");
}

/** @throws Refusal if GitHub refuses */
export async function listHooks(place: HookPlace): Promise<Hook[]> {
  if (place.kind === "app") return listAppHook(place);
  const found = (await askGithub(
    `list the webhooks of ${place.name}`,
    place.github.paginate(`GET ${place.path}`, { per_page: 100 }),
  )) as { id: number; active: boolean; events: string[]; updated_at?: string; config: HookConfig }[];
  return found.map(({ id, active, events, updated_at: updatedAt, config }) => ({
    ...hookOf(place, config),
    id,
    updatedAt,
    name: `${place.name}: webhook ${id}`,
    path: `${place.path}/${id}`,
    active,
    events,
  }));
}

async function listAppHook(place: HookPlace): Promise<Hook[]> {
  const { apps } = place.github.rest;
  const config = await askGithub(`read the webhook of ${place.name}`, apps.getWebhookConfigForApp().catch(absent));
  if (config === undefined) return [];
  const { data } = await askGithub(`read which events ${place.name} receives`, apps.getAuthenticated());
  return [{ ...hookOf(place, config.data), events: data?.events ?? [] }];
}

function hookOf(place: HookPlace, config: HookConfig): Hook {
  const { url = "", content_type: contentType = "form", insecure_ssl: insecureSsl = "0", secret = "" } = config;
  return {
    place,
    name: `${place.name}: its webhook`,
    path: place.path,
    url: url ?? "",
    events: [],
    contentType,
    insecureSsl: String(insecureSsl),
    hasSecret: secret !== "",
  };
}

/** The wrong settings of a webhook to this URL, by name: the current value and the right one. */
export function differences(hook: Hook, url: string): Record<string, { is: string; shall: string }> {
  const wanted = [
    ["url", hook.url, sameUrl(hook.url, url) ? hook.url : url],
    ["active", String(hook.active ?? true), "true"],
    ["events", hook.events.join(", "), "push"],
    ["content_type", hook.contentType, "json"],
    ["insecure_ssl", hook.insecureSsl, "0"],
    ["secret", hook.hasSecret ? "set" : "none", "set"],
  ] as const;
  return Object.fromEntries(
    wanted.filter(([, is, shall]) => is !== shall).map(([what, is, shall]) => [what, { is, shall }]),
  );
}

/** The wrong settings in words. */
export function faultsOf(differences: Record<string, { is: string; shall: string }>): string[] {
  return Object.entries(differences).map(([what, { is, shall }]) => `${what} is ${is || "none"}, not ${shall}`);
}

/** Creates a webhook. @throws Refusal if GitHub refuses */
export async function createHook(place: HookPlace, url: string, secret: string): Promise<string> {
  const { data } = (await askGithub(
    `create a webhook of ${place.name}`,
    place.github.request(`POST ${place.path}`, {
      name: "web",
      active: true,
      events: ["push"],
      ...settings(url, secret),
    }),
  )) as { data: { id: number } };
  return `webhook ${data.id}`;
}

/** Corrects the settings of a webhook to this URL. @throws Refusal if GitHub refuses */
export async function updateHook({ place, name, path }: Hook, url: string, secret: string): Promise<void> {
  const { config } = settings(url, secret);
  await askGithub(
    `change ${name}`,
    place.kind === "app"
      ? // Octokit would use a top-level `url` as the URL of the request.
        place.github.request(`PATCH ${path}/config`, { data: config })
      : place.github.request(`PATCH ${path}`, { active: true, events: ["push"], config }),
  );
}

function settings(url: string, secret: string) {
  return { config: { url, content_type: "json", insecure_ssl: "0", secret } };
}

async function pingHook({ place, name, path }: Hook): Promise<void> {
  await askGithub(`ping ${name}`, place.github.request(`POST ${path}/pings`));
}

/** Which deliveries to read. */
export interface DeliveryChoice {
  /** How many of the newest to read. Default: all. */
  most?: number;
  /** The time of the oldest to read, in milliseconds since 1970. Default: all. */
  since?: number;
}

/** The deliveries of a webhook, newest first. @throws Refusal if GitHub refuses */
export async function listDeliveries({ place, name, path }: Hook, choice: DeliveryChoice): Promise<Delivery[]> {
  const { most = Number.POSITIVE_INFINITY, since = 0 } = choice;
  const found: Delivery[] = [];
  const pages = place.github.paginate.iterator(`GET ${path}/deliveries`, { per_page: Math.min(most, 100) });
  const read = async () => {
    for await (const { data } of pages) {
      found.push(...(data as DeliveryItem[]).map(deliveryOf));
      const last = found.at(-1);
      if (found.length >= most || (last !== undefined && Date.parse(last.deliveredAt) < since)) return;
    }
  };
  await askGithub(`list the deliveries to ${name}`, read());
  return found.filter(({ deliveredAt }) => Date.parse(deliveredAt) >= since).slice(0, most);
}

interface DeliveryItem {
  id: number;
  guid: string;
  event: string;
  action: string | null;
  delivered_at: string;
  redelivery: boolean;
  status_code: number;
  status: string;
}

function deliveryOf({ delivered_at, status_code, ...item }: DeliveryItem): Delivery {
  const { id, guid, event, action, redelivery, status } = item;
  return { id, guid, event, action, deliveredAt: delivered_at, redelivery, statusCode: status_code, status };
}

/** The branch of a push, without `refs/heads/`; undefined if GitHub no longer has the payload. @throws Refusal if GitHub refuses */
export async function branchOf({ place, name, path }: Hook, { id }: Delivery): Promise<string | undefined> {
  const { data } = (await askGithub(
    `read delivery ${id} to ${name}`,
    place.github.request(`GET ${path}/deliveries/${id}`),
  )) as { data: { request?: { payload?: { ref?: string } | null } } };
  return data.request?.payload?.ref?.replace(/^refs\/heads\//, "");
}

/** Asks GitHub to repeat a delivery. @throws Refusal if GitHub refuses */
export async function redeliver({ place, name, path }: Hook, id: number): Promise<void> {
  await askGithub(`repeat delivery ${id} to ${name}`, place.github.request(`POST ${path}/deliveries/${id}/attempts`));
}

export function succeeded({ statusCode }: Delivery): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** For each push whose attempts have all failed, the last attempt. */
export function failedPushes(deliveries: Delivery[]): Delivery[] {
  const through = new Set(deliveries.filter(succeeded).map(({ guid }) => guid));
  const last = new Map<string, Delivery>();
  for (const delivery of deliveries) {
    const { guid, event } = delivery;
    if (event === "push" && !through.has(guid) && !last.has(guid)) last.set(guid, delivery);
  }
  return [...last.values()];
}

/**
 * Waits until GitHub lists new deliveries.
 *
 * @param known ids of the earlier deliveries
 * @param guids the events to wait for; undefined: any ping
 * @returns the new deliveries by the guids of their events, without those that GitHub did not list in time
 */
export async function newDeliveries(
  hook: Hook,
  known: ReadonlySet<number>,
  guids: readonly string[] | undefined,
  seconds: number,
): Promise<Map<string, Delivery>> {
  const deadline = Date.now() + 1000 * seconds;
  for (;;) {
    const fresh = (await listDeliveries(hook, { most: 100 }))
      .filter(({ id }) => !known.has(id))
      .filter(({ event, guid }) => (guids === undefined ? event === "ping" : guids.includes(guid)));
    const found = new Map(fresh.map((delivery) => [delivery.guid, delivery]));
    if (found.size >= (guids?.length ?? 1) || Date.now() > deadline) return found;
    await sleep(1000);
  }
}

/** Has GitHub send a ping, and waits for it. @returns undefined if GitHub does not list it in time @throws GithubRefusal */
export async function pinged(hook: Hook, seconds: number): Promise<Delivery | undefined> {
  const known = new Set((await listDeliveries(hook, { most: 100 })).map(({ id }) => id));
  await pingHook(hook);
  return [...(await newDeliveries(hook, known, undefined, seconds)).values()][0];
}

const repairPath =
  "repair the network path from GitHub to the EventSource: host name, Ingress, certificate, NetworkPolicy";

/** What an answer means, and how to fix it. */
export function answerOf({ statusCode, status }: Delivery): { found: string; fix?: string } {
  if (statusCode === 400) {
    return {
      found:
        "the EventSource refuses it: the signature is wrong, so GitHub and the installation have different secrets",
      fix: register,
    };
  }
  if (statusCode === 0) {
    return {
      found: `GitHub got no answer (${status}): the URL is wrong, or it does not lead to the EventSource`,
      fix: repairPath,
    };
  }
  if (statusCode >= 500) {
    return {
      found: `${status}: the proxy in front of the EventSource cannot reach it, or the event bus is unavailable`,
      fix: repairPath,
    };
  }
  if (statusCode < 200 || statusCode > 299) {
    return { found: `${status}: something other than the EventSource answers at this URL`, fix: repairPath };
  }
  return { found: "it was accepted, so the signature is right" };
}

/** The meaning of an answer as one text. */
export function meaningOf(delivery: Delivery): string {
  const { found, fix } = answerOf(delivery);
  return fix === undefined ? found : `${found}; ${fix}`;
}
