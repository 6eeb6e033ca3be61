#!/usr/bin/env node
import { repositoryPattern, whole } from "../components/vocabulary/patterns.ts";
import { must, readCall } from "./lib/call.ts";
import {
  type ExitCode,
  exitCodes,
  installationHelp,
  installationOptions,
  Refusal,
  runTool,
} from "./lib/installation.ts";
import { type Command, commands, type Options, open, run, unitMilliseconds } from "./lib/webhookCommands.ts";

const help = `usage: npm run webhook -- COMMAND [OPTION...]

GitHub's webhooks that go to the installation: a webhook of each watched repository, or of an organization, or the App's own.

Commands:
  register            make the webhook, or make it as it has to be: push events, as JSON, signed with the installation's secret. Says
                      first what it changes. GitHub never tells a webhook's secret, so that one is always set. After pulumi up
                      with another secret: register, then redeliver --failed
  status              each webhook: where it goes, whether it is as it has to be, what its last delivery was answered
  ping                have GitHub send a ping to each webhook, and say what was answered
  deliveries          the last deliveries, newest first
  redeliver ID        have GitHub make this delivery again
  redeliver --failed  the same for all deliveries of pushes that no attempt has brought through

Options:
  --repository NAME   owner/name: the webhook of this repository (default: of each watched one; all but register look at the App's
                      own, too, if it goes to the installation)
  --organization NAME the webhook of this organization
  --app               the App's own webhook; register changes it only if it goes nowhere yet
  --replace           with register --app: even if it goes elsewhere; where to is said first
  --url URL           where the webhook goes (default: the stack's output webhookUrl)
  --dry-run           with register and redeliver: say what would be changed or made again; change nothing
  --failed            with redeliver: see above
  --since TIME        with redeliver --failed and deliveries: as 30m, 2h or 3d, or 2026-01-31T12:00:00Z (default of redeliver: 1h);
                      GitHub keeps deliveries for three days
  --limit N           with deliveries: at most so many of each webhook (default: 20)
  --details           with deliveries: the branch of each push, too
  --wait SECONDS      with ping and redeliver: how long to wait for the answers (default: 30)
  --json              print one object on standard output at the end; what is done goes to standard error
${installationHelp}

Variables:
  GITHUB_TOKEN        a token that may write webhooks; used where the App may not

Exit codes:
  0  every webhook is as it has to be, and every delivery that was asked for was taken
  1  one is not, or was not
  2  nothing was changed: the call is wrong, or the cluster or GitHub cannot be asked`;

await runTool("webhook", main);

async function main(args: string[]): Promise<ExitCode> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(help);
    return exitCodes.well;
  }
  const context = await open(options);
  const { well, json } = await run[options.command](context);
  if (options.json) {
    const { url, warnings } = context;
    console.log(JSON.stringify({ command: options.command, url, well, ...json, warnings }));
  }
  return well ? exitCodes.well : exitCodes.failed;
}

/** @returns undefined if help is asked for */
function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parsed(args);
  if (values.help === true || args.length === 0) return undefined;
  const { repository, organization, url, since, limit, wait = "30", outputs, stack, context } = values;
  const { app = false, replace = false, failed = false, details = false, json = false } = values;
  const [command, id, ...more] = positionals;
  if (!isCommand(command) || more.length > 0 || (id !== undefined && command !== "redeliver")) {
    throw new Refusal(
      `expected one command of ${commands.join(", ")}; got ${JSON.stringify(positionals.join(" "))}; see --help`,
    );
  }
  if ([repository !== undefined, organization !== undefined, app].filter(Boolean).length > 1) {
    throw new Refusal("--repository, --organization and --app each say whose webhook is meant; give one of them");
  }
  if (replace && !(app && command === "register")) {
    throw new Refusal("--replace goes with register --app only: all other webhooks stay beside one another");
  }
  if (command === "redeliver" && (id !== undefined) === failed) {
    throw new Refusal(
      "redeliver: expected the id of a delivery, as npm run webhook -- deliveries shows it, or --failed",
    );
  }
  if (repository !== undefined) {
    must("--repository", repository, whole(repositoryPattern), "owner/name, as acme/shop");
  }
  if (organization !== undefined) must("--organization", organization, "^[A-Za-z0-9-]+$", "its login, as acme");
  if (id !== undefined) must("redeliver", id, "^[1-9][0-9]{0,15}$", "the id of a delivery, a number");
  if (limit !== undefined) must("--limit", limit, "^[1-9][0-9]{0,3}$", "a number from 1 to 9999");
  if (url !== undefined) must("--url", url, "^https?://[^/]", "a URL, as https://hooks.example.com/push");
  must("--wait", wait, "^[1-9][0-9]{0,3}$", "whole seconds, from 1 to 9999");
  return {
    command,
    ...(id !== undefined && { deliveryId: Number(id) }),
    repository,
    organization,
    app,
    replace,
    url,
    dryRun: values["dry-run"] ?? false,
    details,
    ...(since !== undefined && { since: readTime(since) }),
    ...(limit !== undefined && { limit: Number(limit) }),
    waitSeconds: Number(wait),
    json,
    outputs,
    stack,
    context,
  };
}

function parsed(args: string[]) {
  return readCall({
    args,
    allowPositionals: true,
    options: {
      ...installationOptions,
      repository: { type: "string" },
      organization: { type: "string" },
      app: { type: "boolean" },
      replace: { type: "boolean" },
      url: { type: "string" },
      "dry-run": { type: "boolean" },
      failed: { type: "boolean" },
      since: { type: "string" },
      limit: { type: "string" },
      details: { type: "boolean" },
      wait: { type: "string" },
      json: { type: "boolean" },
    },
  });
}

function isCommand(text: string | undefined): text is Command {
  return (commands as readonly string[]).includes(text ?? "");
}

/** Milliseconds since 1970. */
function readTime(text: string): number {
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
