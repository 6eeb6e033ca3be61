import { randomUUID } from "node:crypto";
import type { JsonObject } from "./answers.ts";
import type { App, Apps } from "./apps.ts";
import { type Clock, isoSeconds } from "./clock.ts";
import { idOf, splitFullName } from "./identity.ts";

/**
 * The greatest age at which a delivery can be redelivered, in days.
 * https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
 */
const redeliverableDays = 3;
const dayInMs = 24 * 60 * 60 * 1000;

/** Like GitHub's ids of deliveries, it needs more than 32 bits. */
const firstDeliveryId = 17_000_000_000;

/** Hooks created through the API have ids above those that tests choose. */
const firstHookId = 400_000_000;

const noOwner = { appId: null, repository: null, organization: null };

/** A webhook: an App's own, a repository's, or an organisation's. */
export interface Hook {
  id: number;
  /** The App that it belongs to, or null. */
  appId: number | null;
  /** Full name of the repository that it belongs to, or null. */
  repository: string | null;
  /** Login of the organisation that it belongs to, or null. */
  organization: string | null;
  active: boolean;
  url: string;
  contentType: "json" | "form";
  /** `1`: GitHub does not check the URL's certificate. */
  insecureSsl: "0" | "1";
  /** Whether its deliveries are signed. */
  hasSecret: boolean;
  /** The secret that signs its deliveries, if the double knows it. Only then does the double really deliver. */
  secret?: string;
  events: string[];
  createdAt: string;
  updatedAt: string;
}

/** What a test sets on a hook. An omitted field gets its default again. */
export interface HookDefinition {
  /** Where its deliveries go. Only an App's own hook may have an empty URL. It then delivers nothing. */
  url: string;
  /** Default: json. */
  contentType?: "json" | "form";
  /** Default: 0. */
  insecureSsl?: "0" | "1";
  /** Default: true. */
  hasSecret?: boolean;
  /** Default: unknown to the double, which then sends nothing. */
  secret?: string;
}

/** What the API sets on a hook. */
export interface HookSettings extends HookDefinition {
  events: string[];
  active: boolean;
}

export interface RepositoryHookDefinition extends HookDefinition {
  /** Unique among all hooks, as on GitHub. */
  id: number;
  /** Default: push. */
  events?: string[];
  /** Default: true. */
  active?: boolean;
}

/** One attempt to deliver an event to a hook. */
export interface HookDelivery {
  id: number;
  hookId: number;
  /** The event's UUID, the same in all attempts to deliver it. */
  guid: string;
  event: string;
  action: string | null;
  /** The receiver's status code; 0 if there was no answer. */
  statusCode: number;
  status: string;
  /** ISO 8601, whole seconds, UTC. */
  deliveredAt: string;
  redelivery: boolean;
  /** Full name of the repository that the event concerns, or null. */
  repository: string | null;
  payload: JsonObject | null;
}

/** A delivery, as a test describes it. */
export interface HookDeliveryDefinition {
  /** A hook's id, or `app`: the hook of the only App that has one. */
  hook: "app" | number;
  /** The event's UUID; a redelivery has that of the original delivery. Default: a fresh one. */
  guid?: string;
  /** Default: push. */
  event?: string;
  /** Default: null, as for a push. */
  action?: string | null;
  /** The receiver's status code; 0 if there was no answer. */
  statusCode: number;
  /** GitHub's text for that status. Default: the usual one for the code. */
  status?: string;
  /** Seconds since the epoch. Default: now. */
  deliveredAt?: number;
  /** Default: false. */
  redelivery?: boolean;
  /** Full name of the repository that the event concerns. Default: the hook's repository, or null for an App's hook. */
  repository?: string;
  /** What was sent. Default: unknown to the double. */
  payload?: JsonObject;
}

/** A request for a redelivery. */
export interface Redelivery {
  deliveryId: number;
  guid: string;
  hook: "app" | number;
  /** When it was requested, by GitHub's clock: ISO 8601, UTC. */
  at: string;
}

/** Webhooks, their deliveries, and the requested redeliveries. */
export class Hooks {
  all: Hook[] = [];
  deliveries: HookDelivery[] = [];
  redeliveries: Redelivery[] = [];
  private readonly apps: Apps;
  private readonly clock: Clock;

  constructor(apps: Apps, clock: Clock) {
    this.apps = apps;
    this.clock = clock;
  }

  /** Gives an App its hook, or changes it. */
  putForApp(appId: number, definition: HookDefinition): Hook {
    if (!this.apps.byId(appId)) throw new Error(`appId: expected a registered App, got ${appId}`);
    return this.put(definition, {
      ...noOwner,
      id: idOf("AppHook", String(appId)),
      appId,
      active: true,
      events: ["push"],
    });
  }

  /** Adds a hook to a repository, named by its full name, or changes it. */
  putForRepository(repository: string, definition: RepositoryHookDefinition): Hook {
    const { id, events = ["push"], active = true } = definition;
    if (!Number.isSafeInteger(id) || id < 1) throw new Error("id: expected a positive integer");
    const known = this.all.find((hook) => hook.id === id);
    if (known && !isOf(known, repository)) throw new Error(`id: hook ${id} belongs to ${known.repository ?? "an App"}`);
    return this.put(definition, { ...noOwner, id, repository, active, events: [...events] });
  }

  /** Adds a hook, as the API does. */
  add(owner: { repository: string } | { organization: string }, { events, active, ...definition }: HookSettings): Hook {
    const id = Math.max(firstHookId, ...this.all.map(({ id }) => id)) + 1;
    return this.put(definition, { ...noOwner, ...owner, id, active, events });
  }

  /** Changes a hook, as the API does. */
  change({ id, appId, repository, organization }: Hook, { events, active, ...definition }: HookSettings): Hook {
    return this.put(definition, { id, appId, repository, organization, active, events });
  }

  /** Removes a hook by its id, along with its deliveries. */
  remove(id: number): void {
    this.all = this.all.filter((hook) => hook.id !== id);
    this.deliveries = this.deliveries.filter(({ hookId }) => hookId !== id);
  }

  ofApp(app: App): Hook | undefined {
    return this.all.find((hook) => hook.appId === app.appId);
  }

  ofRepository(repository: string): Hook[] {
    return this.all.filter((hook) => isOf(hook, repository));
  }

  ofOrganization(login: string): Hook[] {
    return this.all.filter(({ organization }) => organization?.toLowerCase() === login.toLowerCase());
  }

  /** The deliveries to a hook, newest first. */
  deliveriesTo({ id }: Hook): HookDelivery[] {
    return this.deliveries
      .filter(({ hookId }) => hookId === id)
      .sort((one, other) => other.deliveredAt.localeCompare(one.deliveredAt) || other.id - one.id);
  }

  /** Records a delivery. Throws if the definition is invalid. */
  note(definition: HookDeliveryDefinition): HookDelivery {
    const { statusCode, deliveredAt } = definition;
    const hook = this.named(definition.hook);
    if (!Number.isInteger(statusCode) || statusCode < 0 || statusCode > 599)
      throw new Error("statusCode: expected 0 to 599");
    const repository = definition.repository ?? hook.repository;
    if (repository !== null) splitFullName(repository);
    const delivery: HookDelivery = {
      id: Math.max(firstDeliveryId, ...this.deliveries.map(({ id }) => id)) + 1,
      hookId: hook.id,
      guid: definition.guid ?? randomUUID(),
      event: definition.event ?? "push",
      action: definition.action ?? null,
      statusCode,
      status: definition.status ?? usualStatus(statusCode),
      deliveredAt: deliveredAt === undefined ? this.clock.iso() : isoSeconds(deliveredAt * 1000),
      redelivery: definition.redelivery ?? false,
      repository,
      payload: definition.payload ?? null,
    };
    this.deliveries.push(delivery);
    return delivery;
  }

  /** Whether a delivery is too old to be redelivered. */
  isTooOld({ deliveredAt }: HookDelivery): boolean {
    return this.clock.now() - Date.parse(deliveredAt) > redeliverableDays * dayInMs;
  }

  /** Records a request for a redelivery. */
  requestRedelivery(hook: Hook, { id, guid }: HookDelivery): void {
    const at = new Date(this.clock.now()).toISOString();
    this.redeliveries.push({ deliveryId: id, guid, hook: hook.appId === null ? hook.id : "app", at });
  }

  private put(
    { url, contentType = "json", insecureSsl = "0", hasSecret = true, secret }: HookDefinition,
    rest: Pick<Hook, "id" | "appId" | "repository" | "organization" | "active" | "events">,
  ): Hook {
    if (!URL.canParse(url ?? "") && !(url === "" && rest.appId !== null)) throw new Error("url: expected a URL");
    if (!["json", "form"].includes(contentType)) throw new Error("contentType: expected json or form");
    if (!["0", "1"].includes(insecureSsl)) throw new Error('insecureSsl: expected "0" or "1"');
    const updatedAt = this.clock.iso();
    const createdAt = this.all.find(({ id }) => id === rest.id)?.createdAt ?? updatedAt;
    const known = secret === undefined ? {} : { secret };
    const hook: Hook = { ...rest, url, contentType, insecureSsl, hasSecret, ...known, createdAt, updatedAt };
    this.all = [...this.all.filter(({ id }) => id !== rest.id), hook];
    return hook;
  }

  private named(name: "app" | number): Hook {
    const found = this.all.filter(({ id, appId }) => (name === "app" ? appId !== null : id === name));
    if (found.length > 1) throw new Error("hook: several Apps have one: expected its id");
    if (!found[0]) throw new Error(`hook: expected "app" or the id of a hook that was put, got ${name}`);
    return found[0];
  }
}

function isOf(hook: Hook, repository: string): boolean {
  return hook.repository?.toLowerCase() === repository.toLowerCase();
}

function usualStatus(statusCode: number): string {
  if (statusCode === 0) return "failed to connect to host";
  return statusCode < 400 ? "OK" : `Invalid HTTP Response: ${statusCode}`;
}
