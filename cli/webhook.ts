import type { Argv, CommandModule } from "yargs";
import {
  type Consent,
  command,
  consentOf,
  flag,
  flowing,
  type InstallationChoice,
  installationOf,
  installationOptions,
  jsonAtTheEnd,
  must,
  mustBeRepository,
  mustBeUrl,
  Refusal,
  secondsOf,
  text,
  writingOptions,
} from "./lib/call.ts";

/** Whose webhooks are meant; by default those of the watched repositories. */
export interface WebhookChoice extends InstallationChoice {
  repository?: string;
  organization?: string;
  app: boolean;
  /** Where they go; by default as the stack's outputs say. */
  url?: string;
  json: boolean;
}

/** The arguments of `webhook register`. */
export interface RegisterCall extends WebhookChoice, Consent {
  replace: boolean;
}

/** The arguments of `webhook ping`. */
export interface PingCall extends WebhookChoice {
  waitSeconds: number;
}

/** The arguments of `webhook deliveries`. */
export interface DeliveriesCall extends WebhookChoice {
  /** Milliseconds since 1970. */
  since?: number;
  limit: number;
  details: boolean;
}

/** The arguments of `webhook redeliver`. */
export interface RedeliverCall extends WebhookChoice, Consent {
  /** Undefined: all failed ones. */
  deliveryId?: number;
  /** Milliseconds since 1970. */
  since: number;
  waitSeconds: number;
}

const choice = {
  repository: text(
    "NAME: owner/name: the webhook of this repository (default: of each watched one; all but register look at the App's own, too, if it goes to the installation)",
  ),
  organization: text("NAME: the webhook of this organization"),
  app: flag("the App's own webhook"),
  url: text("URL: where the webhook goes (default: the stack's output webhookUrl)"),
  json: jsonAtTheEnd,
  ...installationOptions,
};
const wait = text("SECONDS: how long to wait for the answers (default: 30)");
const sinceForms = "TIME: as 30m, 2h or 3d, or 2026-01-31T12:00:00Z";

const variables = `Variables:
  GITHUB_TOKEN  a token that may write webhooks; used where the App may not`;
const nothingDone = "the call is wrong, or the cluster or GitHub cannot be asked";

const register = command({
  command: "register",
  describe: "make the webhook, or make it as it has to be",
  usage: `usage: $0 webhook register [OPTION...]

Makes the webhook, or makes it as it has to be: push events, as JSON, signed with the installation's secret. Says first what it changes, and
asks. GitHub never tells a webhook's secret, so that one is always set. After pulumi up with another secret: register, then
scripts/rex webhook redeliver --failed.`,
  options: {
    ...choice,
    app: flag("the App's own webhook; it is changed only if it goes nowhere yet"),
    replace: flag("with --app: even if it goes elsewhere; where to is said first"),
    ...writingOptions,
  },
  epilogue: `${variables}

Exit codes:
  0  every webhook is as it has to be
  1  one is not, because GitHub refused
  2  nothing was changed: not confirmed, or ${nothingDone}`,
  read: ({ replace = false, ...values }): RegisterCall => {
    if (replace && values.app !== true) {
      throw new Refusal("--replace goes with --app only: all other webhooks stay beside one another");
    }
    return { ...choiceOf(values), replace, ...consentOf(values) };
  },
  run: async (call) => (await implementation()).register(call),
});

const status = command({
  command: "status",
  describe: "where each webhook goes, whether it is as it has to be, what its last delivery was answered",
  usage: `usage: $0 webhook status [OPTION...]

Says of each webhook where it goes, whether it is as it has to be, and what its last delivery was answered.`,
  options: choice,
  epilogue: `${variables}

Exit codes:
  0  every webhook is as it has to be
  1  one is not, or there is none
  2  nothing can be said: ${nothingDone}`,
  read: (values): WebhookChoice => choiceOf(values),
  run: async (call) => (await implementation()).status(call),
});

const ping = command({
  command: "ping",
  describe: "have GitHub send a ping to each webhook, and say what was answered",
  usage: `usage: $0 webhook ping [OPTION...]

Has GitHub send a ping to each webhook, and says what was answered. It starts nothing.`,
  options: { ...choice, wait },
  epilogue: `${variables}

Exit codes:
  0  every ping was taken
  1  one was not
  2  none was sent: ${nothingDone}`,
  read: ({ wait = "30", ...values }): PingCall => ({ ...choiceOf(values), waitSeconds: secondsOf(wait, 4) }),
  run: async (call) => (await implementation()).ping(call),
});

const deliveries = command({
  command: "deliveries",
  describe: "the last deliveries, newest first",
  usage: `usage: $0 webhook deliveries [OPTION...]

Lists the last deliveries, newest first, and what was answered. GitHub keeps them for three days.`,
  options: {
    ...choice,
    since: text(`${sinceForms}: none from before`),
    limit: text("N: at most so many of each webhook (default: 20)"),
    details: flag("the branch of each push, too"),
  },
  epilogue: `${variables}

Exit codes:
  0  they are listed
  2  nothing can be said: ${nothingDone}`,
  read: ({ since, limit = "20", details = false, ...values }): DeliveriesCall => {
    must("--limit", limit, "^[1-9][0-9]{0,3}$", "a number from 1 to 9999");
    return {
      ...choiceOf(values),
      ...(since !== undefined && { since: timeOf(since) }),
      limit: Number(limit),
      details,
    };
  },
  run: async (call) => (await implementation()).deliveries(call),
});

const redeliver = command({
  command: "redeliver [id]",
  describe: "have GitHub make a delivery again, or all that failed",
  usage: `usage: $0 webhook redeliver ID|--failed [OPTION...]

Has GitHub make this delivery again; with --failed all deliveries of pushes that no attempt has brought through. Says first which, and asks.
What such a push makes stale is cancelled, as if it had come in time.`,
  options: {
    ...choice,
    failed: flag("all deliveries of pushes that no attempt has brought through"),
    since: text(`${sinceForms}: with --failed, none from before (default: 1h); GitHub keeps deliveries for three days`),
    wait,
    ...writingOptions,
  },
  epilogue: `${variables}

Exit codes:
  0  every delivery that was asked for was taken
  1  one was not
  2  nothing was asked for: not confirmed, or ${nothingDone}`,
  read: ({ failed = false, since, wait = "30", ...values }): RedeliverCall => {
    const { id } = values as { id?: string };
    if ((id !== undefined) === failed) {
      throw new Refusal(
        "redeliver: expected the id of a delivery, as scripts/rex webhook deliveries shows it, or --failed",
      );
    }
    if (id !== undefined) must("redeliver", id, "^[1-9][0-9]{0,15}$", "the id of a delivery, a number");
    if (id !== undefined && since !== undefined) {
      throw new Refusal("--since goes with --failed only: a single delivery is named by its id");
    }
    return {
      ...choiceOf(values),
      ...(id !== undefined && { deliveryId: Number(id) }),
      since: timeOf(since ?? "1h"),
      waitSeconds: secondsOf(wait, 4),
      ...consentOf(values),
    };
  },
  run: async (call) => (await implementation()).redeliver(call),
});

/** The commands below `webhook`. */
export const webhookCommands = [register, status, ping, deliveries, redeliver];

export const webhook: CommandModule<object, object> = {
  command: "webhook",
  describe: "GitHub's webhooks that go to the installation: register, status, ping, deliveries, redeliver",
  builder: (yargs: Argv<object>) =>
    yargs
      .usage(
        flowing(`usage: $0 webhook COMMAND [OPTION...]

GitHub's webhooks that go to the installation: a webhook of each watched repository, or of an organization, or the App's own. Each command has
its own --help.`),
      )
      .epilogue(`Exit codes:
  0  every webhook is as it has to be, and every delivery that was asked for was taken
  1  one is not, or was not
  2  nothing was changed: not confirmed, or ${nothingDone}`)
      .command(webhookCommands)
      .demandCommand(1, 1, "expected a command", "expected one command"),
  handler: () => {},
};

const implementation = () => import("./run/webhook.ts");

function choiceOf(
  values: InstallationChoice & {
    repository?: string;
    organization?: string;
    app?: boolean;
    url?: string;
    json?: boolean;
  },
): WebhookChoice {
  const { repository, organization, app = false, url, json = false } = values;
  if ([repository !== undefined, organization !== undefined, app].filter(Boolean).length > 1) {
    throw new Refusal("--repository, --organization and --app each say whose webhook is meant; give one of them");
  }
  mustBeRepository(repository);
  if (organization !== undefined) must("--organization", organization, "^[A-Za-z0-9-]+$", "its login, as acme");
  mustBeUrl(url);
  return { repository, organization, app, url, json, ...installationOf(values) };
}

const unitMilliseconds = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds since 1970. */
function timeOf(text: string): number {
  const { number, unit } = /^(?<number>[1-9][0-9]{0,3})(?<unit>[mhd])$/.exec(text)?.groups ?? {};
  const time =
    unit === undefined ? Date.parse(text) : Date.now() - Number(number) * unitMilliseconds[unit as "m" | "h" | "d"];
  if (Number.isNaN(time) || time > Date.now() || time < Date.now() - 3 * unitMilliseconds.d - unitMilliseconds.m) {
    throw new Refusal(
      `--since: expected a time within the last three days, as 30m, 2h, 3d or 2026-01-31T12:00:00Z; got ${JSON.stringify(text)}`,
    );
  }
  return time;
}
