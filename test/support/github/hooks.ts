import { randomUUID } from "node:crypto";
import type { JsonObject } from "./answers.ts";
import type { App, Apps } from "./apps.ts";
import { type Clock, isoSeconds } from "./clock.ts";
import { idOf, splitFullName } from "./identity.ts";

/** How far back a delivery can be redelivered. https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks */
const redeliverableDays = 3;
const dayInMs = 24 * 60 * 60 * 1000;

/** More than 32 bits, as GitHub's ids of deliveries have. */
const firstDeliveryId = 17_000_000_000;

/** A webhook: an App's own, or a repository's. */
export interface Hook {
  id: number;
  /** The App that it belongs to; null for a repository's. */
  appId: number | null;
  /** Full name of the repository that it belongs to; null for an App's. */
  repository: string | null;
  url: string;
  contentType: "json" | "form";
  /** `1`: GitHub does not check the URL's certificate. */
  insecureSsl: "0" | "1";
  /** Whether what it sends is signed; the secret itself the double does not know. */
  hasSecret: boolean;
  events: string[];
  createdAt: string;
  updatedAt: string;
}

/** What a test sets on a hook; what it leaves out gets its default again. */
export interface HookDefinition {
  /** Where its deliveries go. */
  url: string;
  /** Default: json. */
  contentType?: "json" | "form";
  /** Default: 0. */
  insecureSsl?: "0" | "1";
  /** Default: true. */
  hasSecret?: boolean;
}

export interface RepositoryHookDefinition extends HookDefinition {
  /** Unique among all hooks, as on GitHub. */
  id: number;
  /** Default: push. */
  events?: string[];
}

/** One attempt to deliver an event to a hook. */
export interface HookDelivery {
  id: number;
  hookId: number;
  /** The event's UUID, which all attempts to deliver it have in common. */
  guid: string;
  event: string;
  action: string | null;
  /** What the receiver answered; 0 when nothing came. */
  statusCode: number;
  status: string;
  /** ISO 8601, whole seconds, UTC. */
  deliveredAt: string;
  redelivery: boolean;
  /** Full name of the repository that the event concerns; null for none. */
  repository: string | null;
  payload: JsonObject | null;
}

/** What a test tells of a delivery; the double itself sends nothing. */
export interface HookDeliveryDefinition {
  /** A hook's id, or `app`: the hook of the only App that has one. */
  hook: "app" | number;
  /** The event's UUID: a redelivery has that of the delivery before. Default: a fresh one. */
  guid?: string;
  /** Default: push. */
  event?: string;
  /** Default: none, as for a push. */
  action?: string | null;
  /** What the receiver answered; 0 when nothing came. */
  statusCode: number;
  /** GitHub's words for that. Default: those for the status code. */
  status?: string;
  /** Seconds since the epoch. Default: now. */
  deliveredAt?: number;
  /** Default: false. */
  redelivery?: boolean;
  /** Full name of the repository that the event concerns. Default: the hook's; none for an App's. */
  repository?: string;
  /** What was sent. Default: nothing that the double would know. */
  payload?: JsonObject;
}

/** A redelivery that was asked for. */
export interface Redelivery {
  deliveryId: number;
  guid: string;
  hook: "app" | number;
  /** When it was asked for, by GitHub's clock: ISO 8601, UTC. */
  at: string;
}

/** Webhooks, what was delivered to them, and what should be delivered again. */
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
    return this.put(definition, { id: idOf("AppHook", String(appId)), appId, repository: null, events: ["push"] });
  }

  /** Adds a hook to a repository, named by its full name, or changes it. */
  putForRepository(repository: string, definition: RepositoryHookDefinition): Hook {
    const { id, events = ["push"] } = definition;
    if (!Number.isSafeInteger(id) || id < 1) throw new Error("id: expected a positive integer");
    const known = this.all.find((hook) => hook.id === id);
    if (known && !isOf(known, repository)) throw new Error(`id: hook ${id} belongs to ${known.repository ?? "an App"}`);
    return this.put(definition, { id, appId: null, repository, events: [...events] });
  }

  ofApp(app: App): Hook | undefined {
    return this.all.find((hook) => hook.appId === app.appId);
  }

  ofRepository(repository: string): Hook[] {
    return this.all.filter((hook) => isOf(hook, repository));
  }

  /** The deliveries to a hook, newest first. */
  deliveriesTo({ id }: Hook): HookDelivery[] {
    return this.deliveries
      .filter(({ hookId }) => hookId === id)
      .sort((one, other) => other.deliveredAt.localeCompare(one.deliveredAt) || other.id - one.id);
  }

  /** Notes a delivery. Throws for one that makes no sense. */
  note(definition: HookDeliveryDefinition): HookDelivery {
    const { statusCode, deliveredAt } = definition;
    const hook = this.named(definition.hook);
    if (!Number.isInteger(statusCode) || statusCode < 0 || statusCode > 599)
      throw new Error("statusCode: expected 0 to 599");
    const repository = definition.repository ?? hook.repository;
    if (repository !== null) splitFullName(repository);
    const delivery: HookDelivery = {
      id: (this.deliveries.at(-1)?.id ?? firstDeliveryId) + 1,
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

  /** Whether a delivery is too old to be made again. */
  isTooOld({ deliveredAt }: HookDelivery): boolean {
    return this.clock.now() - Date.parse(deliveredAt) > redeliverableDays * dayInMs;
  }

  /** Notes that a redelivery was asked for. To send it is up to the test. */
  askAgain(hook: Hook, { id, guid }: HookDelivery): void {
    const at = new Date(this.clock.now()).toISOString();
    this.redeliveries.push({ deliveryId: id, guid, hook: hook.appId === null ? hook.id : "app", at });
  }

  private put(
    { url, contentType = "json", insecureSsl = "0", hasSecret = true }: HookDefinition,
    rest: Pick<Hook, "id" | "appId" | "repository" | "events">,
  ): Hook {
    if (!URL.canParse(url ?? "")) throw new Error("url: expected a URL");
    if (!["json", "form"].includes(contentType)) throw new Error("contentType: expected json or form");
    if (!["0", "1"].includes(insecureSsl)) throw new Error('insecureSsl: expected "0" or "1"');
    const updatedAt = this.clock.iso();
    const createdAt = this.all.find(({ id }) => id === rest.id)?.createdAt ?? updatedAt;
    const hook: Hook = { ...rest, url, contentType, insecureSsl, hasSecret, createdAt, updatedAt };
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
