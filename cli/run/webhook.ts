import type { Octokit } from "@octokit/rest";
import { type Consent, type ExitCode, exitCodes, Refusal } from "../lib/call.ts";
import { counted } from "../lib/counted.ts";
import { GithubApp, githubWithToken } from "../lib/github.ts";
import { type Installation, openInstallation, webhookUrlOf } from "../lib/installation.ts";
import { namesOf, readSettings, readWebhookSecret, type Settings } from "../lib/settings.ts";
import { confirm, openTerminal, type Terminal } from "../lib/terminal.ts";
import {
  appHook,
  redeliver as askAgain,
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
  repositoryHooks,
  sameUrl,
  succeeded,
  updateHook,
} from "../lib/webhooks.ts";
import type { DeliveriesCall, PingCall, RedeliverCall, RegisterCall, WebhookChoice } from "../webhook.ts";

/** The implementation of the `webhook` commands. */

/** What all `webhook` commands work with. */
interface Context {
  command: string;
  choice: WebhookChoice;
  installation: Installation;
  settings: Settings;
  app: GithubApp;
  /** The URL that the webhooks go to. */
  url: string;
  terminal: Terminal;
  say: (line: string) => void;
  /** Prints a warning, and keeps it for the JSON output. */
  warn: (line: string) => void;
  warnings: string[];
}

/** @throws Refusal if the installation cannot be read */
async function open(command: string, choice: WebhookChoice): Promise<Context> {
  const installation = openInstallation(choice);
  const settings = await readSettings(installation);
  const app = await GithubApp.open(installation, settings);
  const terminal = openTerminal(choice.json);
  const { say } = terminal;
  const warnings: string[] = [];
  const warn = (line: string) => {
    warnings.push(line);
    say(`warning: ${line}`);
  };
  const url = webhookUrlOf(installation, choice.url);
  return { command, choice, installation, settings, app, url, terminal, say, warn, warnings };
}

/** Ends a command: prints the JSON object if requested, and returns the exit code. */
function end({ command, choice, url, warnings }: Context, well: boolean, json: object): ExitCode {
  if (choice.json) console.log(JSON.stringify({ command, url, well, ...json, warnings }));
  return well ? exitCodes.well : exitCodes.failed;
}

/** Whether to make the changes: not in a dry run. Asks for confirmation, unless --yes was given. @throws Refusal if not confirmed */
async function agreed(
  { say }: Context,
  { dryRun, yes }: Consent,
  ifDryRun: string,
  question: string,
): Promise<boolean> {
  if (dryRun) say(`a dry run: ${ifDryRun}`);
  else if (!yes) await confirm(question);
  return !dryRun;
}

/** The places that the call chooses, or by default the watched repositories. */
async function places(context: Context, level: "read" | "write"): Promise<HookPlace[]> {
  const { choice: options, settings } = context;
  if (options.app) return [ownPlace(context)];
  const { organization } = options;
  if (organization !== undefined) {
    return [organizationHooks(organization, await githubFor(context, organization, "organization_hooks", level))];
  }
  const repositories = options.repository === undefined ? settings.repositories : [options.repository];
  if (options.repository !== undefined && !settings.repositories.includes(options.repository.toLowerCase())) {
    context.warn(
      `${options.repository} is not watched, so its pushes are ignored; the watched repositories are ${namesOf(settings.repositories)}`,
    );
  }
  const own =
    context.command !== "register" && options.repository === undefined && (await ownHook(context)) !== undefined;
  const found: HookPlace[] = [];
  for (const repository of repositories) {
    try {
      found.push(repositoryHooks(repository, await githubFor(context, repository, "repository_hooks", level)));
    } catch (error) {
      // If the App's own webhook goes here, repository webhooks are optional.
      if (!(own && error instanceof Refusal)) throw error;
      context.warn(`${repository}: not checked; ${error.message}`);
    }
  }
  return found;
}

/** GitHub as the App if its permissions suffice, or else with the caller's token. */
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
  const watched = settings.repositories.indexOf(where);
  const correct =
    watched < 0
      ? "correct it"
      : `correct it: pulumi config set --path 'repositories[${watched}]' OWNER/NAME, then pulumi up`;
  const name = permission === "repository_hooks" ? "Webhooks (repository)" : "Webhooks (organization)";
  const why =
    at === undefined
      ? `it is not installed there; if the name is right, install the App ("Install App" in its settings); if the name is wrong, ${correct}`
      : `it needs the permission ${name}: ${needed}, but has ${granted ?? "no access"}; grant it in the App's settings and accept it in the settings of the installation`;
  throw new Refusal(
    `App ${settings.githubAppId} may not ${needed} the webhooks of ${where}: ${why}; or set the variable GITHUB_TOKEN to a token that may, for example: GITHUB_TOKEN=$(gh auth token) scripts/rex webhook …`,
  );
}

function ownPlace({ app, settings }: Context): HookPlace {
  return appHook(settings.githubAppId, app.asApp());
}

/** The App's own webhook, if it goes to the installation. */
async function ownHook(context: Context): Promise<Hook | undefined> {
  return (await listHooks(ownPlace(context))).find(({ url }) => sameUrl(url, context.url));
}

/** The webhooks that go to the installation, and the places without one. */
async function registered(context: Context): Promise<{ hooks: Hook[]; without: HookPlace[] }> {
  const { choice: options } = context;
  const hooks: Hook[] = [];
  const without: HookPlace[] = [];
  for (const place of await places(context, context.command === "redeliver" ? "write" : "read")) {
    const found = (await listHooks(place)).filter(({ url }) => sameUrl(url, context.url));
    hooks.push(...found);
    if (found.length === 0) without.push(place);
  }
  const byDefault = !options.app && options.organization === undefined && options.repository === undefined;
  const own = byDefault ? await ownHook(context) : undefined;
  return own === undefined ? { hooks, without } : { hooks: [...hooks, own], without: [] };
}

/** The webhooks that go to the installation. @throws Refusal if there are none */
async function someRegistered(context: Context): Promise<Hook[]> {
  const { hooks, without } = await registered(context);
  if (hooks.length > 0) return hooks;
  throw new Refusal(
    `no webhook of ${without.map(({ name }) => name).join(", ")} goes to ${context.url}; create it with scripts/rex webhook register, or choose another URL with --url URL`,
  );
}

interface Plan {
  place: HookPlace;
  /** Undefined: it does not exist yet. */
  hook?: Hook;
  changes: Record<string, { is: string; shall: string }>;
}

export async function register(call: RegisterCall): Promise<ExitCode> {
  const context = await open("register", call);
  const { installation, settings, url, say, warn } = context;
  refuseInCluster(context);
  const { text: secret, note } = await readWebhookSecret(installation, settings);
  if (note !== undefined) warn(note);
  const plans: Plan[] = [];
  for (const place of await places(context, "write")) plans.push(await planFor(context, place, call.replace));
  await warnOfTwo(context);
  for (const plan of plans) say(intention(plan, url));
  const confirmed = plans.length > 0 && (await agreed(context, call, "nothing was changed", "Make these changes?"));
  let well = true;
  const done: object[] = [];
  for (const { place, hook, changes } of plans) {
    let name = hook?.name ?? place.name;
    if (confirmed) {
      try {
        if (hook === undefined) name = `${place.name}: ${await createHook(place, url, secret)}`;
        else await updateHook(hook, url, secret);
        say(`${name}: ${hook === undefined ? "created" : "updated"}`);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        well = false;
        say(`${place.name}: ${error.message}`);
      }
    }
    done.push({ name, action: hook === undefined ? "create" : "update", changes });
  }
  return end(context, well, { dryRun: call.dryRun, hooks: done });
}

function refuseInCluster({ choice, url }: Context): void {
  if (choice.url !== undefined || !/\.svc(\.|$)/.test(new URL(url).hostname)) return;
  throw new Refusal(
    `${url} can be reached only inside the cluster, not by GitHub; set ingress.host (pulumi config set --path ingress.host NAME) and run pulumi up, or give the URL of a tunnel or gateway that leads there with --url URL`,
  );
}

async function planFor({ url }: Context, place: HookPlace, replace: boolean): Promise<Plan> {
  const hooks = await listHooks(place);
  if (place.kind !== "app") {
    const hook = hooks.find((one) => sameUrl(one.url, url));
    return { place, hook, changes: hook === undefined ? {} : differences(hook, url) };
  }
  const [hook] = hooks;
  if (hook === undefined) {
    throw new Refusal(
      `${place.name} has no webhook; tick "Active" under "Webhook" in its settings, and run this again`,
    );
  }
  if (hook.url !== "" && !sameUrl(hook.url, url) && !replace) {
    throw new Refusal(
      `${place.name}'s only webhook goes to ${hook.url}; --replace points it to ${url} instead; without --app each repository gets its own webhook`,
    );
  }
  if (!hook.events.includes("push")) {
    throw new Refusal(
      `${place.name} does not receive push events; tick "Push" under "Subscribe to events" in its settings, and run this again`,
    );
  }
  return { place, hook, changes: differencesOfApp(hook, url) };
}

/** An App may receive other events too, so its list of events is not compared. */
function differencesOfApp(hook: Hook, url: string): Plan["changes"] {
  const { events: _, ...changes } = differences(hook, url);
  return changes;
}

function intention({ place, hook, changes }: Plan, url: string): string {
  if (hook === undefined)
    return `${place.name}: create a webhook to ${url}: active, push events, as JSON, signed with the installation's secret`;
  const words = Object.entries(changes).map(([what, { is, shall }]) => `${what} ${is || "none"} -> ${shall}`);
  const seen = words.length === 0 ? "settings are right" : words.join("; ");
  return `${hook.name}: ${seen}; set its secret to the installation's (GitHub does not show the current one)`;
}

/** Warns if GitHub delivers each push twice: through the App's own webhook and through one of the repository. */
async function warnOfTwo(context: Context): Promise<void> {
  const { choice: options, app, settings, url, warn } = context;
  const harmless = "so GitHub delivers each push twice; this is harmless, because each push still gets only one run";
  if (!options.app) {
    if ((await ownHook(context)) !== undefined) {
      warn(`App ${settings.githubAppId}'s own webhook also goes to ${url}, ${harmless}`);
    }
    return;
  }
  for (const repository of settings.repositories) {
    const at = await app.installationOn(repository);
    if (at?.permissions.repository_hooks === undefined) continue;
    const hooks = await listHooks(repositoryHooks(repository, app.asInstallation(at)));
    if (hooks.some((hook) => sameUrl(hook.url, url)))
      warn(`a webhook of ${repository} also goes to ${url}, ${harmless}`);
  }
}

export async function status(choice: WebhookChoice): Promise<ExitCode> {
  const context = await open("status", choice);
  const { url, say } = context;
  const { hooks, without } = await registered(context);
  const reported: object[] = [];
  let well = hooks.length > 0 && without.length === 0;
  for (const hook of hooks) {
    const [last] = await listDeliveries(hook, { most: 1 });
    const changes = hook.place.kind === "app" ? differencesOfApp(hook, url) : differences(hook, url);
    const faults = faultsOf(changes);
    if (hook.place.kind === "app" && !hook.events.includes("push")) faults.push("the App does not receive push events");
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
    reported.push({
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
  if (!well) say("scripts/rex webhook register corrects webhooks; scripts/rex webhook ping tests them");
  return end(context, well, { hooks: reported, without: without.map(({ name }) => name) });
}

export async function ping(call: PingCall): Promise<ExitCode> {
  if (call.app) {
    throw new Refusal(
      "GitHub has no ping for an App's own webhook; scripts/rex webhook deliveries --app shows its deliveries, and redeliver ID repeats one",
    );
  }
  const context = await open("ping", call);
  const { say, terminal } = context;
  const hooks = (await someRegistered(context)).filter(({ place }) => place.kind !== "app");
  if (hooks.length === 0) {
    throw new Refusal(
      "only the App's own webhook goes to the installation, and GitHub has no ping for it; see scripts/rex webhook deliveries",
    );
  }
  const reported: object[] = [];
  let well = true;
  for (const hook of hooks) {
    terminal.waitFor("waiting for the answer");
    const answer = await pinged(hook, call.waitSeconds);
    terminal.waitFor(undefined);
    say(
      answer === undefined
        ? `${hook.name}: GitHub did not list the ping within ${call.waitSeconds} s; scripts/rex webhook deliveries shows it later`
        : `${hook.name}: answered ${answer.statusCode}: ${meaningOf(answer)}`,
    );
    if (answer === undefined || !succeeded(answer)) well = false;
    reported.push({ name: hook.name, statusCode: answer?.statusCode ?? null });
  }
  return end(context, well, { hooks: reported });
}

export async function deliveries(call: DeliveriesCall): Promise<ExitCode> {
  const context = await open("deliveries", call);
  const { say } = context;
  const reported: object[] = [];
  for (const hook of await someRegistered(context)) {
    const found = await listDeliveries(hook, { most: call.limit, since: call.since });
    say(`${hook.name}: ${found.length === 0 ? "no deliveries" : counted(found.length, "delivery", "deliveries")}`);
    const items: object[] = [];
    for (const delivery of found) {
      const branch = call.details && delivery.event === "push" ? await branchOf(hook, delivery) : undefined;
      say(`  ${lineOf(delivery)}${branch === undefined ? "" : ` ${branch}`}`);
      items.push({ ...delivery, ...(branch !== undefined && { branch }) });
    }
    reported.push({ name: hook.name, deliveries: items });
  }
  return end(context, true, { hooks: reported });
}

function lineOf({ id, deliveredAt, event, action, statusCode, redelivery, guid }: Delivery): string {
  const what = `${event}${action === null ? "" : `.${action}`}`;
  return `${id} ${deliveredAt} ${what} ${statusCode}${redelivery ? " again" : ""} ${guid}`;
}

export async function redeliver(call: RedeliverCall): Promise<ExitCode> {
  const context = await open("redeliver", call);
  const { say, terminal } = context;
  const hooks = await someRegistered(context);
  const wanted =
    call.deliveryId === undefined ? await failedOnes(hooks, call.since) : [await theOne(hooks, call.deliveryId)];
  const number = wanted.flatMap(({ chosen }) => chosen).length;
  if (number === 0) say("no push delivery has failed");
  for (const { hook, chosen } of wanted) for (const delivery of chosen) say(`${hook.name}: ${lineOf(delivery)}`);
  const question = `Have GitHub repeat ${number === 1 ? "it" : "them"}?`;
  const confirmed = number > 0 && (await agreed(context, call, "nothing was repeated", question));
  const reported: object[] = [];
  let well = true;
  for (const { hook, chosen, known } of wanted) {
    if (!confirmed) {
      reported.push(...chosen.map(({ id, guid }) => ({ id, guid })));
      continue;
    }
    for (const { id } of chosen) await askAgain(hook, id);
    const guids = chosen.map(({ guid }) => guid);
    terminal.waitFor("waiting for the answers");
    const answers =
      chosen.length === 0 ? new Map<string, Delivery>() : await newDeliveries(hook, known, guids, call.waitSeconds);
    terminal.waitFor(undefined);
    for (const { id, guid } of chosen) {
      const answer = answers.get(guid);
      say(
        answer === undefined
          ? `${hook.name}: GitHub was asked to repeat delivery ${id}, but listed no answer within ${call.waitSeconds} s`
          : `${hook.name}: delivery ${id}, repeated as ${answer.id}, was answered ${answer.statusCode}: ${meaningOf(answer)}`,
      );
      if (answer === undefined || !succeeded(answer)) well = false;
      reported.push({ id, guid, again: answer?.id ?? null, statusCode: answer?.statusCode ?? null });
    }
  }
  return end(context, well, { dryRun: call.dryRun, deliveries: reported });
}

interface Chosen {
  hook: Hook;
  chosen: Delivery[];
  /** Ids of all existing deliveries, to recognize new ones. */
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
    `redeliver: no webhook of the installation has a delivery ${id}; scripts/rex webhook deliveries lists them; GitHub keeps deliveries for three days`,
  );
}
