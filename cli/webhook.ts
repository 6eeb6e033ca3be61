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

/** Which webhooks to work on. Default: those of the watched repositories. */
export interface WebhookChoice extends InstallationChoice {
  repository?: string;
  organization?: string;
  app: boolean;
  /** The URL that they go to. Default: the stack's output. */
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
  /** Undefined: all failed deliveries. */
  deliveryId?: number;
  /** Milliseconds since 1970. */
  since: number;
  waitSeconds: number;
}

const choice = {
  repository: text(
    "NAME: owner/name: the webhook of this repository (default: the webhooks of all watched repositories and, except for register, the App's own if it goes to the installation)",
  ),
  organization: text("NAME: the webhook of this organization"),
  app: flag("the App's own webhook"),
  url: text("URL: the URL that the webhook goes to (default: the stack's output webhookUrl)"),
  json: jsonAtTheEnd,
  ...installationOptions,
};
const wait = text("SECONDS: how long to wait for the answers (default: 30)");
const sinceForms = "TIME: a time such as 2026-01-31T12:00:00Z, or how long ago: 30m, 2h or 3d";

const variables = `Variables:
  GITHUB_TOKEN  a token with the right to write webhooks; used where the App lacks that right`;
const badCallOrNoAnswer = "the call is wrong, or the cluster or GitHub does not answer";

const register = command({
  command: "register",
  describe: "create the webhook, or correct its settings",
  usage: `usage: $0 webhook register [OPTION...]

Creates the webhook, or corrects its settings: push events, as JSON, signed with the installation's secret. It shows what it will change,
and asks first. It always sets the secret, because GitHub never reveals which one a webhook has. After you have changed the secret with
pulumi up, run register, then scripts/rex webhook redeliver --failed.`,
  options: {
    ...choice,
    app: flag("the App's own webhook; it is changed only if it has no URL yet"),
    replace: flag("with --app: change its URL even if it goes elsewhere; the old URL is shown first"),
    ...writingOptions,
  },
  epilogue: `${variables}

Exit codes:
  0  every webhook has the right settings
  1  GitHub refused to create or change a webhook
  2  nothing was changed: not confirmed, or ${badCallOrNoAnswer}`,
  read: ({ replace = false, ...values }): RegisterCall => {
    if (replace && values.app !== true) {
      throw new Refusal("--replace needs --app: only an App is limited to one webhook");
    }
    return { ...choiceOf(values), replace, ...consentOf(values) };
  },
  run: async (call) => (await implementation()).register(call),
});

const status = command({
  command: "status",
  describe: "show each webhook's URL, whether its settings are right, and the answer to its last delivery",
  usage: `usage: $0 webhook status [OPTION...]

Shows each webhook's URL, whether its settings are right, and the answer to its last delivery.`,
  options: choice,
  epilogue: `${variables}

Exit codes:
  0  every webhook has the right settings, and its last delivery was accepted
  1  a webhook has a wrong setting or a failed delivery, or there is none
  2  nothing was read: ${badCallOrNoAnswer}`,
  read: (values): WebhookChoice => choiceOf(values),
  run: async (call) => (await implementation()).status(call),
});

const ping = command({
  command: "ping",
  describe: "have GitHub send a ping to each webhook, and show the answer",
  usage: `usage: $0 webhook ping [OPTION...]

Has GitHub send a ping to each webhook, and shows the answer. A ping starts no remediation.`,
  options: { ...choice, wait },
  epilogue: `${variables}

Exit codes:
  0  every ping was accepted
  1  a ping was not accepted
  2  no ping was sent: ${badCallOrNoAnswer}`,
  read: ({ wait = "30", ...values }): PingCall => ({ ...choiceOf(values), waitSeconds: secondsOf(wait, 4) }),
  run: async (call) => (await implementation()).ping(call),
});

const deliveries = command({
  command: "deliveries",
  describe: "list the last deliveries, newest first",
  usage: `usage: $0 webhook deliveries [OPTION...]

Lists the last deliveries, newest first, with their answers. GitHub keeps deliveries for three days.`,
  options: {
    ...choice,
    since: text(`${sinceForms}. Show no earlier deliveries`),
    limit: text("N: show at most N deliveries of each webhook (default: 20)"),
    details: flag("also show the branch of each push"),
  },
  epilogue: `${variables}

Exit codes:
  0  the deliveries were listed
  2  nothing was listed: ${badCallOrNoAnswer}`,
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
  describe: "have GitHub repeat a delivery, or all failed ones",
  usage: `usage: $0 webhook redeliver ID|--failed [OPTION...]

Has GitHub repeat this delivery; with --failed, every push delivery that has never succeeded. It shows which ones, and asks first.
A repeated push is remediated as if it had arrived in time: agents whose work it made stale are cancelled.`,
  options: {
    ...choice,
    failed: flag("repeat every push delivery that has never succeeded"),
    since: text(
      `${sinceForms}. With --failed, repeat no earlier deliveries (default: 1h); GitHub keeps deliveries for three days`,
    ),
    wait,
    ...writingOptions,
  },
  epilogue: `${variables}

Exit codes:
  0  every repeated delivery was accepted
  1  a repeated delivery was not accepted
  2  nothing was repeated: not confirmed, or ${badCallOrNoAnswer}`,
  read: ({ failed = false, since, wait = "30", ...values }): RedeliverCall => {
    const { id } = values as { id?: string };
    if ((id !== undefined) === failed) {
      throw new Refusal(
        "redeliver: expected the id of a delivery (scripts/rex webhook deliveries lists them), or --failed",
      );
    }
    if (id !== undefined) must("redeliver", id, "^[1-9][0-9]{0,15}$", "the id of a delivery, a number");
    if (id !== undefined && since !== undefined) {
      throw new Refusal("--since needs --failed: a single delivery is chosen by its id");
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

/** The subcommands of `webhook`. */
export const webhookCommands = [register, status, ping, deliveries, redeliver];

export const webhook: CommandModule<object, object> = {
  command: "webhook",
  describe: "manage the GitHub webhooks of the installation: register, status, ping, deliveries, redeliver",
  builder: (yargs: Argv<object>) =>
    yargs
      .usage(
        flowing(`usage: $0 webhook COMMAND [OPTION...]

Manages the GitHub webhooks that go to the installation: one for each watched repository, one of an organization, or the App's own. Each
command has its own --help.`),
      )
      .epilogue(`Exit codes:
  0  every webhook has the right settings, and every requested delivery was accepted
  1  a webhook has a wrong setting, or a delivery was not accepted
  2  nothing was changed: not confirmed, or ${badCallOrNoAnswer}`)
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
    throw new Refusal("--repository, --organization and --app each choose the webhook; give only one of them");
  }
  mustBeRepository(repository);
  if (organization !== undefined) must("--organization", organization, "^[A-Za-z0-9-]+$", "its login, such as acme");
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
      `--since: expected a time within the last three days, such as 30m, 2h, 3d or 2026-01-31T12:00:00Z; got ${JSON.stringify(text)}`,
    );
  }
  return time;
}
