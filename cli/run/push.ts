import { setTimeout as sleep } from "node:timers/promises";
import type { Ending } from "../../components/vocabulary/ending.ts";
import { runName } from "../../components/vocabulary/runName.ts";
import { isOfPush, type ToldPush } from "../../components/vocabulary/samePush.ts";
import { type ExitCode, exitCodes } from "../lib/call.ts";
import { conclusion, follow, hasWorked, printReport } from "../lib/followRun.ts";
import { GithubApp } from "../lib/github.ts";
import { findPush, type GithubPush, pushEvent } from "../lib/githubPush.ts";
import { type Installation, openInstallation, webhookUrlOf } from "../lib/installation.ts";
import { hasRun } from "../lib/remediationRun.ts";
import { listRuns, pushOf, selector } from "../lib/remediations.ts";
import { readRunSalt, readSettings, readWebhookSecret } from "../lib/settings.ts";
import { signedDelivery } from "../lib/signedDelivery.ts";
import { confirm, openTerminal, type Terminal } from "../lib/terminal.ts";
import { type Answer, post } from "../lib/webhookRequest.ts";
import type { PushCall } from "../push.ts";

/** The result of the push. */
interface Result {
  well: boolean;
  /** For a person on call. */
  message: string;
  run?: string;
  outcome?: string;
  report: Ending[];
}

export async function push(call: PushCall): Promise<ExitCode> {
  const { task, dryRun, yes, json, waitSeconds } = call;
  const installation = openInstallation(call);
  const settings = await readSettings(installation);
  const secret = await readWebhookSecret(installation, settings);
  const push = await findPush(await GithubApp.open(installation, settings), settings, call);
  const { run, known, pushedAt } = await runOf(installation, task, push);
  const url = webhookUrlOf(installation, call.url);
  const { repository, branch, before, after } = push;
  const sent = { task, url, repository, branch, before, after, pushedAt };
  const terminal = openTerminal(json);
  if (secret.note !== undefined) terminal.say(`warning: ${secret.note}`);
  terminal.say(
    `push of ${push.sender.login} to ${branch} of ${repository}, ${before.slice(0, 12)} -> ${after.slice(0, 12)}, to ${url}`,
  );
  if (dryRun) {
    terminal.say(
      known
        ? `a dry run: nothing was sent; this push already has run ${run} and would not get another one`
        : `a dry run: nothing was sent; the run would be ${run}; scripts/rex remediate --task ${task} --dry-run shows what it would touch`,
    );
    if (json) console.log(JSON.stringify({ ...sent, dryRun, run, known }));
    return exitCodes.well;
  }
  if (!yes) await confirm("Send it? Its run will cancel the agents whose work it makes stale.");
  const answer = await post(
    installation.cluster,
    url,
    await signedDelivery(secret.text, pushEvent({ ...push, pushedAt })),
  );
  terminal.say(`answered ${answer.status}`);
  const result =
    answer.status === 200
      ? await waitForRun(installation, run, known, waitSeconds, terminal)
      : { well: false, message: refusalWords(answer, url), report: [] };
  if (json) {
    console.log(JSON.stringify({ ...sent, answer: answer.status, ...result }));
  } else {
    printReport(result.report);
    console.log(result.message);
  }
  return result.well ? exitCodes.well : exitCodes.failed;
}

/**
 * The run that the Sensor has created for the push, or will create. GitHub's event and its activity record give times that differ by
 * seconds. The name of the run depends on the time of the event, so a push that already has a run is sent with that time.
 */
async function runOf(
  installation: Installation,
  task: string,
  push: GithubPush,
): Promise<{ run: string; known: boolean; pushedAt: number }> {
  const { before, after, repository, recorded } = push;
  const salt = await readRunSalt(installation);
  const nameOf = (pushedAt: number) =>
    runName(installation.outputs.workflowTemplate, salt, { task, before, after, repository, pushedAt });
  const { items } = recorded ? await listRuns(installation, selector(installation, task)) : { items: [] };
  const ofPush = items
    .map((item) => ({ name: item.metadata.name, told: pushOf(item).push }))
    .filter((one): one is { name: string; told: ToldPush } => recorded !== undefined && isOfPush(one.told, recorded));
  const known = ofPush.find(({ name, told }) => name === nameOf(told.pushedAt));
  const pushedAt = (known ?? ofPush[0])?.told.pushedAt ?? push.pushedAt;
  return { run: nameOf(pushedAt), known: known !== undefined, pushedAt };
}

/** @param known whether this push already had a run */
async function waitForRun(
  installation: Installation,
  name: string,
  known: boolean,
  waitSeconds: number,
  terminal: Terminal,
): Promise<Result> {
  const { namespace, eventSource, sensor } = installation.outputs;
  const deadline = Date.now() + 1000 * waitSeconds;
  terminal.waitFor(`waiting for run ${name}`);
  while (!known && !(await hasRun(installation, name))) {
    if (Date.now() > deadline) {
      terminal.waitFor(undefined);
      const logs = [`eventsource-name=${eventSource}`, `sensor-name=${sensor}`]
        .map((label) => `kubectl -n ${namespace} logs -l ${label} --tail 50`)
        .join("; ");
      return {
        well: false,
        message: `the EventSource accepted the push, but run ${name} did not appear within ${waitSeconds} s: the push was lost on the way through event bus and Sensor, or filtered out; ${logs}; docs/troubleshooting.md, "There is no run"`,
        report: [],
      };
    }
    await sleep(500);
  }
  terminal.say(known ? `run ${name} already exists` : `run ${name}, in namespace ${namespace}`);
  terminal.waitFor("waiting for its end");
  const { run, steps } = await follow(installation, name, waitSeconds, known ? () => {} : terminal.say);
  terminal.waitFor(undefined);
  const words = conclusion(run, steps, waitSeconds, namespace);
  const message = known
    ? `this push already has a run and does not get another one; ${words}; scripts/rex remediate starts a new run`
    : words;
  return { well: hasWorked(run), message, run: name, outcome: run.outcome, report: run.report };
}

/** Why a push was not accepted. */
function refusalWords({ status, body }: Answer, url: string): string {
  const words = body.trim().replaceAll(/\s+/g, " ").slice(0, 200);
  if (status === 400) {
    return `the EventSource refuses the push (${words}): its pod uses a different secret from the one in the installation's Secret, because it reads the Secret only at its start; docs/troubleshooting.md, "The EventSource answers 400"`;
  }
  if (status >= 500) {
    return `${url} answers ${status} (${words}): the event bus is unavailable, or the proxy in front of the EventSource cannot reach it; docs/troubleshooting.md, "The EventSource answers 500, or not at all"`;
  }
  return `${url} answers ${status} (${words}): something other than the EventSource answers there; --url URL sends to another address`;
}
