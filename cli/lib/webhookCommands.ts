import type { Octokit } from "@octokit/rest";
import { GithubApp, githubWithToken } from "./github.ts";
import { type Installation, type InstallationChoice, openInstallation, Refusal, webhookUrlOf } from "./installation.ts";
import { namesOf, readSettings, readWebhookSecret, type Settings } from "./settings.ts";
import {
  appHook,
  branchOf,
  createHook,
  type Delivery,
  differences,
  failedPushes,
  faultsOf,
  type Hook,
  type HookPlace,
  listDeliveries,
  listHooks,
  meaningOf,
  newDeliveries,
  organizationHooks,
  pinged,
  redeliver,
  repositoryHooks,
  sameUrl,
  succeeded,
  updateHook,
} from "./webhooks.ts";

/** The commands of cli/webhook.ts. */

export const commands = ["register", "status", "ping", "deliveries", "redeliver"] as const;
export type Command = (typeof commands)[number];

/** What the call says; see --help. */
export interface Options extends InstallationChoice {
  command: Command;
  /** With redeliver; or else all failed ones. */
  deliveryId?: number;
  repository?: string;
  organization?: string;
  app: boolean;
  replace: boolean;
  url?: string;
  dryRun: boolean;
  details: boolean;
  /** Milliseconds since 1970. */
  since?: number;
  limit?: number;
  waitSeconds: number;
  json: boolean;
}

/** What all commands work with. */
export interface Context {
  options: Options;
  installation: Installation;
  settings: Settings;
  app: GithubApp;
  /** Where the webhooks go. */
  url: string;
  say: (line: string) => void;
  /** What a person should know beside the result. */
  warn: (line: string) => void;
  warnings: string[];
}

/** What a command came to. */
export interface Result {
  well: boolean;
  json: object;
}

/** Of the units that --since knows. */
export const unitMilliseconds = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @throws Refusal if the installation cannot be read */
export async function open(options: Options): Promise<Context> {
  const installation = openInstallation(options);
  const settings = await readSettings(installation);
  const app = await GithubApp.open(installation, settings);
  const say = options.json ? console.error : console.log;
  const warnings: string[] = [];
  const warn = (line: string) => {
    warnings.push(line);
    say(`warning: ${line}`);
  };
  const url = webhookUrlOf(installation, options.url);
  return { options, installation, settings, app, url, say, warn, warnings };
}

/** What each command does. @throws Refusal if something is not as it has to be before anything is changed */
export const run: Record<Command, (context: Context) => Promise<Result>> = {
  register,
  status,
  ping,
  deliveries,
  redeliver: makeAgain,
};

/** The places that the call names, or the watched repositories. */
async function places(context: Context, level: "read" | "write"): Promise<HookPlace[]> {
  const { options, settings } = context;
  if (options.app) return [ownPlace(context)];
  const { organization } = options;
  if (organization !== undefined) {
    return [organizationHooks(organization, await githubFor(context, organization, "organization_hooks", level))];
  }
  const repositories = options.repository === undefined ? settings.repositories : [options.repository];
  if (options.repository !== undefined && !settings.repositories.includes(options.repository.toLowerCase())) {
    context.warn(
      `${options.repository} is not watched, so that its pushes do nothing; the configuration's repositories are ${namesOf(settings.repositories)}`,
    );
  }
  const own =
    options.command !== "register" && options.repository === undefined && (await ownHook(context)) !== undefined;
  const found: HookPlace[] = [];
  for (const repository of repositories) {
    try {
      found.push(repositoryHooks(repository, await githubFor(context, repository, "repository_hooks", level)));
    } catch (error) {
      // With the App's own webhook there need be no other.
      if (!(own && error instanceof Refusal)) throw error;
      context.warn(`${repository}: not looked at; ${error.message}`);
    }
  }
  return found;
}

/** As the App where it may, else with the token that the caller gives. */
async function githubFor(
  { app, settings }: Context,
  where: string,
  permission: string,
  needed: "read" | "write",
): Promise<Octokit> {
  const at = await app.installationOn(where);
  const granted = at?.permissions[permission];
  if (at !== undefined && (granted === "write" || granted === needed)) return app.asInstallation(at);
  const { GITHUB_TOKEN } = process.env;
  if (GITHUB_TOKEN) return githubWithToken(GITHUB_TOKEN, settings.githubApiUrl);
  const name = permission === "repository_hooks" ? "Webhooks (repository)" : "Webhooks (organization)";
  const why =
    at === undefined
      ? `it is not installed there; if the name is right, install it ("Install App" in the App's settings); if not, correct it: pulumi config set --path 'repositories[0]' OWNER/NAME, then pulumi up`
      : `it needs the permission ${name}: ${needed}, and has ${granted ?? "no access"}; grant it in the App's settings and accept it in the installation's`;
  throw new Refusal(
    `App ${settings.githubAppId} may not ${needed} the webhooks of ${where}: ${why}; or set the variable GITHUB_TOKEN to a token that may, as: GITHUB_TOKEN=$(gh auth token) npm run webhook -- …`,
  );
}

function ownPlace({ app, settings }: Context): HookPlace {
  return appHook(settings.githubAppId, app.asApp());
}

/** The App's own webhook, if it goes to the installation. */
async function ownHook(context: Context): Promise<Hook | undefined> {
  return (await listHooks(ownPlace(context))).find(({ url }) => sameUrl(url, context.url));
}

/** The webhooks that go to the installation, and the places that have none. */
async function registered(context: Context): Promise<{ hooks: Hook[]; without: HookPlace[] }> {
  const { options } = context;
  const hooks: Hook[] = [];
  const without: HookPlace[] = [];
  for (const place of await places(context, options.command === "redeliver" ? "write" : "read")) {
    const found = (await listHooks(place)).filter(({ url }) => sameUrl(url, context.url));
    hooks.push(...found);
    if (found.length === 0) without.push(place);
  }
  const byDefault = !options.app && options.organization === undefined && options.repository === undefined;
  const own = byDefault ? await ownHook(context) : undefined;
  return own === undefined ? { hooks, without } : { hooks: [...hooks, own], without: [] };
}

/** The same where there has to be one. */
async function someRegistered(context: Context): Promise<Hook[]> {
  const { hooks, without } = await registered(context);
  if (hooks.length > 0) return hooks;
  throw new Refusal(
    `no webhook of ${without.map(({ name }) => name).join(", ")} goes to ${context.url}; npm run webhook -- register makes it; --url names another URL`,
  );
}

interface Plan {
  place: HookPlace;
  /** Undefined: there is none yet. */
  hook?: Hook;
  changes: Record<string, { is: string; shall: string }>;
}

async function register(context: Context): Promise<Result> {
  const { options, installation, settings, url, say, warn } = context;
  refuseInCluster(context);
  const { text: secret, note } = await readWebhookSecret(installation, settings);
  if (note !== undefined) warn(note);
  const plans: Plan[] = [];
  for (const place of await places(context, "write")) plans.push(await planFor(context, place));
  await warnOfTwo(context);
  for (const plan of plans) say(intention(plan, url));
  let well = true;
  const done: object[] = [];
  for (const { place, hook, changes } of plans) {
    let name = hook?.name ?? place.name;
    if (!options.dryRun) {
      try {
        if (hook === undefined) name = `${place.name}: ${await createHook(place, url, secret)}`;
        else await updateHook(hook, url, secret);
        say(`${name}: ${hook === undefined ? "made" : "set"}`);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        well = false;
        say(`${place.name}: ${error.message}`);
      }
    }
    done.push({ name, action: hook === undefined ? "create" : "update", changes });
  }
  if (options.dryRun) say("a dry run: nothing was changed");
  return { well, json: { dryRun: options.dryRun, hooks: done } };
}

function refuseInCluster({ options, url }: Context): void {
  if (options.url !== undefined || !/\.svc(\.|$)/.test(new URL(url).hostname)) return;
  throw new Refusal(
    `${url} is reached inside the cluster only, not by GitHub; set ingress.host (pulumi config set --path ingress.host NAME) and run pulumi up, or name the URL of a tunnel or a gateway that leads there with --url URL`,
  );
}

async function planFor({ options, url }: Context, place: HookPlace): Promise<Plan> {
  const hooks = await listHooks(place);
  if (place.kind !== "app") {
    const hook = hooks.find((one) => sameUrl(one.url, url));
    return { place, hook, changes: hook === undefined ? {} : differences(hook, url) };
  }
  const [hook] = hooks;
  if (hook === undefined) {
    throw new Refusal(
      `${place.name} has no webhook; check "Active" below "Webhook" in its settings, and run this again`,
    );
  }
  if (hook.url !== "" && !sameUrl(hook.url, url) && !options.replace) {
    throw new Refusal(
      `${place.name}'s own webhook, of which there is one only, goes to ${hook.url}; --replace points it to ${url} all the same; without --app each repository gets a webhook of its own`,
    );
  }
  if (!hook.events.includes("push")) {
    throw new Refusal(
      `${place.name} is not told of pushes; check "Push" below "Subscribe to events" in its settings, and run this again`,
    );
  }
  return { place, hook, changes: differencesOfApp(hook, url) };
}

/** What else it is told than pushes is the App's own matter. */
function differencesOfApp(hook: Hook, url: string): Plan["changes"] {
  const { events: _, ...changes } = differences(hook, url);
  return changes;
}

function intention({ place, hook, changes }: Plan, url: string): string {
  if (hook === undefined)
    return `${place.name}: make a webhook to ${url}: active, push events, as JSON, signed with the installation's secret`;
  const words = Object.entries(changes).map(([what, { is, shall }]) => `${what} ${is || "none"} -> ${shall}`);
  const seen = words.length === 0 ? "is as it has to be" : words.join("; ");
  return `${hook.name}: ${seen}; set its secret to the installation's (GitHub does not tell which it has)`;
}

/** A repository with both has two deliveries for a push. */
async function warnOfTwo(context: Context): Promise<void> {
  const { options, app, settings, url, warn } = context;
  const harmless = "so GitHub delivers each push twice, which is harmless: it has one run all the same";
  if (!options.app) {
    if ((await ownHook(context)) !== undefined) {
      warn(`App ${settings.githubAppId}'s own webhook goes to ${url}, too, ${harmless}`);
    }
    return;
  }
  for (const repository of settings.repositories) {
    const at = await app.installationOn(repository);
    if (at?.permissions.repository_hooks === undefined) continue;
    const hooks = await listHooks(repositoryHooks(repository, app.asInstallation(at)));
    if (hooks.some((hook) => sameUrl(hook.url, url)))
      warn(`a webhook of ${repository} goes to ${url}, too, ${harmless}`);
  }
}

async function status(context: Context): Promise<Result> {
  const { url, say } = context;
  const { hooks, without } = await registered(context);
  const told: object[] = [];
  let well = hooks.length > 0 && without.length === 0;
  for (const hook of hooks) {
    const [last] = await listDeliveries(hook, { most: 1 });
    const changes = hook.place.kind === "app" ? differencesOfApp(hook, url) : differences(hook, url);
    const faults = faultsOf(changes);
    if (hook.place.kind === "app" && !hook.events.includes("push")) faults.push("the App is not told of pushes");
    if (last !== undefined && !succeeded(last))
      faults.push(`the last delivery was answered ${last.statusCode}: ${meaningOf(last)}`);
    if (faults.length > 0) well = false;
    const { name, active, events, contentType, insecureSsl, hasSecret } = hook;
    const lastAnswer =
      last === undefined ? null : { at: last.deliveredAt, event: last.event, statusCode: last.statusCode };
    say(
      `${name} to ${hook.url}: ${active === undefined ? "" : active ? "active, " : "not active, "}events ${events.join(", ")}, ${contentType}, secret ${hasSecret ? "set" : "not set"}, insecure_ssl ${insecureSsl}, last answer ${last === undefined ? "none yet" : `${last.statusCode} at ${last.deliveredAt}`}`,
    );
    for (const fault of faults) say(`  wrong: ${fault}`);
    told.push({
      name,
      url: hook.url,
      active: active ?? null,
      events,
      contentType,
      insecureSsl,
      hasSecret,
      lastAnswer,
      faults,
    });
  }
  for (const { name } of without) say(`${name}: no webhook goes to ${url}`);
  if (!well) say("npm run webhook -- register puts webhooks right; npm run webhook -- ping tries them");
  return { well, json: { hooks: told, without: without.map(({ name }) => name) } };
}

async function ping(context: Context): Promise<Result> {
  const { options, say } = context;
  if (options.app) {
    throw new Refusal(
      "GitHub has no ping for an App's own webhook; npm run webhook -- deliveries --app shows what it was answered, and redeliver ID makes one again",
    );
  }
  const hooks = (await someRegistered(context)).filter(({ place }) => place.kind !== "app");
  if (hooks.length === 0) {
    throw new Refusal(
      "the App's own webhook alone goes there, and GitHub has no ping for it; see npm run webhook -- deliveries",
    );
  }
  const told: object[] = [];
  let well = true;
  for (const hook of hooks) {
    const answer = await pinged(hook, options.waitSeconds);
    say(
      answer === undefined
        ? `${hook.name}: GitHub lists no ping within ${options.waitSeconds} s; npm run webhook -- deliveries shows it when it does`
        : `${hook.name}: answered ${answer.statusCode}: ${meaningOf(answer)}`,
    );
    if (answer === undefined || !succeeded(answer)) well = false;
    told.push({ name: hook.name, statusCode: answer?.statusCode ?? null });
  }
  return { well, json: { hooks: told } };
}

async function deliveries(context: Context): Promise<Result> {
  const { options, say } = context;
  const told: object[] = [];
  for (const hook of await someRegistered(context)) {
    const found = await listDeliveries(hook, { most: options.limit ?? 20, since: options.since });
    say(`${hook.name}: ${found.length === 0 ? "no deliveries" : `${found.length} deliveries`}`);
    const items: object[] = [];
    for (const delivery of found) {
      const branch = options.details && delivery.event === "push" ? await branchOf(hook, delivery) : undefined;
      say(`  ${lineOf(delivery)}${branch === undefined ? "" : ` ${branch}`}`);
      items.push({ ...delivery, ...(branch !== undefined && { branch }) });
    }
    told.push({ name: hook.name, deliveries: items });
  }
  return { well: true, json: { hooks: told } };
}

function lineOf({ id, deliveredAt, event, action, statusCode, redelivery, guid }: Delivery): string {
  const what = `${event}${action === null ? "" : `.${action}`}`;
  return `${id} ${deliveredAt} ${what} ${statusCode}${redelivery ? " again" : ""} ${guid}`;
}

async function makeAgain(context: Context): Promise<Result> {
  const { options, say } = context;
  const hooks = await someRegistered(context);
  const wanted =
    options.deliveryId === undefined
      ? await failedOnes(hooks, options.since ?? Date.now() - unitMilliseconds.h)
      : [await theOne(hooks, options.deliveryId)];
  if (wanted.every(({ chosen }) => chosen.length === 0)) say("no delivery of a push has failed");
  for (const { hook, chosen } of wanted) for (const delivery of chosen) say(`${hook.name}: ${lineOf(delivery)}`);
  if (options.dryRun) say("a dry run: nothing was asked for");
  const told: object[] = [];
  let well = true;
  for (const { hook, chosen, known } of wanted) {
    if (options.dryRun) {
      told.push(...chosen.map(({ id, guid }) => ({ id, guid })));
      continue;
    }
    for (const { id } of chosen) await redeliver(hook, id);
    const guids = chosen.map(({ guid }) => guid);
    const answers =
      chosen.length === 0 ? new Map<string, Delivery>() : await newDeliveries(hook, known, guids, options.waitSeconds);
    for (const { id, guid } of chosen) {
      const answer = answers.get(guid);
      say(
        answer === undefined
          ? `${hook.name}: delivery ${id} was asked for again, and GitHub lists no answer within ${options.waitSeconds} s`
          : `${hook.name}: delivery ${id}, made again as ${answer.id}, was answered ${answer.statusCode}: ${meaningOf(answer)}`,
      );
      if (answer === undefined || !succeeded(answer)) well = false;
      told.push({ id, guid, again: answer?.id ?? null, statusCode: answer?.statusCode ?? null });
    }
  }
  return { well, json: { dryRun: options.dryRun, deliveries: told } };
}

interface Chosen {
  hook: Hook;
  chosen: Delivery[];
  /** Ids of all deliveries that there are by now. */
  known: Set<number>;
}

async function failedOnes(hooks: Hook[], since: number): Promise<Chosen[]> {
  const found: Chosen[] = [];
  for (const hook of hooks) {
    const all = await listDeliveries(hook, { since });
    found.push({ hook, chosen: failedPushes(all).reverse(), known: new Set(all.map(({ id }) => id)) });
  }
  return found;
}

async function theOne(hooks: Hook[], id: number): Promise<Chosen> {
  for (const hook of hooks) {
    const all = await listDeliveries(hook, {});
    const delivery = all.find((one) => one.id === id);
    if (delivery !== undefined) return { hook, chosen: [delivery], known: new Set(all.map((one) => one.id)) };
  }
  throw new Refusal(
    `redeliver: no webhook that goes to the installation has a delivery ${id}; npm run webhook -- deliveries shows which there are; GitHub keeps them for three days`,
  );
}
