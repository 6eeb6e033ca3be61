#!/usr/bin/env node
import { setTimeout as sleep } from "node:timers/promises";
import { repositoryPattern, shaPattern, taskPattern, whole } from "../components/vocabulary/patterns.ts";
import { runName } from "../components/vocabulary/runName.ts";
import { isOfPush, type ToldPush } from "../components/vocabulary/samePush.ts";
import { must, readCall } from "./lib/call.ts";
import { conclusion, follow, hasWorked, printReport } from "./lib/followRun.ts";
import { GithubApp } from "./lib/github.ts";
import { findPush, type GithubPush, type PushChoice, pushEvent } from "./lib/githubPush.ts";
import {
  type ExitCode,
  exitCodes,
  type Installation,
  type InstallationChoice,
  installationHelp,
  installationOptions,
  openInstallation,
  Refusal,
  runTool,
  webhookUrlOf,
} from "./lib/installation.ts";
import { hasRun } from "./lib/remediationRun.ts";
import { listRuns, pushOf, selector } from "./lib/remediations.ts";
import { readRunSalt, readSettings, readWebhookSecret } from "./lib/settings.ts";
import { signedDelivery } from "./lib/signedDelivery.ts";
import { type Answer, post } from "./lib/webhookRequest.ts";

const help = `usage: npm run push -- --task N [OPTION...]

Sends a push of the task's branch to the installation's EventSource as GitHub would, signed, from the configured pusher; waits, and says
what came of it. It acts for real: what the push makes stale is cancelled. To look only: npm run remediate -- --task N --dry-run

By default it is the push that made the branch what it is, as GitHub recorded it: one that has its run already gets no other.

Options:
  --task N            the task's number
  --repository NAME   owner/name; needed where several repositories are watched
  --branch NAME       needed where the task has several branches
  --sha SHA           the commit pushed (default: the branch's head)
  --before SHA        the commit before (default: as GitHub recorded it). Another one makes it another push, of now
  --url URL           where to send it (default: the stack's output webhookUrl; if that is inside the cluster, through a port that the
                      API server forwards)
  --wait SECONDS      how long to wait for the end (default: 300); the run goes on in any case
  --json              print one object on standard output at the end; what the steps did goes to standard error
${installationHelp}

Exit codes:
  0  the push was taken, and its run ended with any outcome but failed; there may have been nothing to do
  1  it was not taken, no run came, or the run failed or has not ended in time
  2  nothing was sent: the call is wrong, the push would not have counted, or the cluster or GitHub cannot be asked`;

interface Options extends InstallationChoice, PushChoice {
  url?: string;
  waitSeconds: number;
  json: boolean;
}

/** What came of the push. */
interface Result {
  well: boolean;
  /** For a person on call. */
  message: string;
  run?: string;
  outcome?: string;
  report: string[];
}

await runTool("push", main);

async function main(args: string[]): Promise<ExitCode> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(help);
    return exitCodes.well;
  }
  const installation = openInstallation(options);
  const settings = await readSettings(installation);
  const secret = await readWebhookSecret(installation, settings);
  const push = await findPush(await GithubApp.open(installation, settings), settings, options);
  const { run, known, pushedAt } = await runOf(installation, options.task, push);
  const url = webhookUrlOf(installation, options.url);
  const say = options.json ? console.error : console.log;
  if (secret.note !== undefined) say(`warning: ${secret.note}`);
  say(
    `push of ${push.sender.login} to ${push.branch} of ${push.repository}, ${push.before.slice(0, 12)} -> ${push.after.slice(0, 12)}, to ${url}`,
  );
  const answer = await post(
    installation.cluster,
    url,
    await signedDelivery(secret.text, pushEvent({ ...push, pushedAt })),
  );
  say(`answered ${answer.status}`);
  const result =
    answer.status === 200
      ? await waitForRun(installation, run, known, options.waitSeconds, say)
      : { well: false, message: refusalWords(answer, url), report: [] };
  if (options.json) {
    const { well, ...rest } = result;
    const { repository, branch, before, after } = push;
    const sent = { url, repository, branch, before, after, pushedAt };
    console.log(JSON.stringify({ task: options.task, ...sent, answer: answer.status, well, ...rest }));
  } else {
    printReport(result.report);
    console.log(result.message);
  }
  return result.well ? exitCodes.well : exitCodes.failed;
}

/** @returns undefined if help is asked for */
function readOptions(args: string[]): Options | undefined {
  const values = parsed(args);
  if (values.help === true || args.length === 0) return undefined;
  const { task, repository, branch, sha, before, url, wait = "300", json = false, outputs, stack, context } = values;
  if (values["dry-run"] === true) {
    throw new Refusal(
      `a push has no dry run: the EventSource cannot tell it from another; npm run remediate -- --task ${task ?? "N"} --dry-run says what would be touched`,
    );
  }
  if (task === undefined) {
    throw new Refusal("--task is missing; expected the task's number: npm run push -- --task 3");
  }
  must("--task", task, whole(taskPattern), "the number of a task, without leading zeros and letters, as 3");
  if (repository !== undefined) {
    must("--repository", repository, whole(repositoryPattern), "owner/name, as acme/shop");
  }
  if (sha !== undefined) must("--sha", sha, `^(?!0{40})${shaPattern}$`, "the 40 digits of a commit");
  if (before !== undefined) must("--before", before, whole(shaPattern), "the 40 digits of a commit");
  if (url !== undefined) must("--url", url, "^https?://[^/]", "a URL, as https://hooks.example.com/push");
  must("--wait", wait, "^[1-9][0-9]{0,4}$", "whole seconds, from 1 to 99999");
  return { task, repository, branch, sha, before, url, waitSeconds: Number(wait), json, outputs, stack, context };
}

function parsed(args: string[]) {
  return readCall({
    args,
    options: {
      ...installationOptions,
      task: { type: "string" },
      repository: { type: "string" },
      branch: { type: "string" },
      sha: { type: "string" },
      before: { type: "string" },
      url: { type: "string" },
      "dry-run": { type: "boolean" },
      wait: { type: "string" },
      json: { type: "boolean" },
    },
  }).values;
}

/**
 * The run that the Sensor has made of the push, or will make. GitHub's event told another time of the push than its record does, by
 * seconds: with the event's the push is the same.
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

/** @param known whether there was one for this push before */
async function waitForRun(
  installation: Installation,
  name: string,
  known: boolean,
  waitSeconds: number,
  say: (line: string) => void,
): Promise<Result> {
  const { namespace, eventSource, sensor } = installation.outputs;
  const deadline = Date.now() + 1000 * waitSeconds;
  while (!known && !(await hasRun(installation, name))) {
    if (Date.now() > deadline) {
      const logs = [`eventsource-name=${eventSource}`, `sensor-name=${sensor}`]
        .map((label) => `kubectl -n ${namespace} logs -l ${label} --tail 50`)
        .join("; ");
      return {
        well: false,
        message: `the EventSource took the push, and no run ${name} has come within ${waitSeconds} s: it was lost on its way over event bus and Sensor, or filtered; ${logs}; docs/troubleshooting.md, "There is no run"`,
        report: [],
      };
    }
    await sleep(500);
  }
  say(known ? `run ${name} was there already` : `run ${name}, in namespace ${namespace}`);
  const { run, steps } = await follow(installation, name, waitSeconds, known ? () => {} : say);
  const words = conclusion(run, steps, waitSeconds, namespace);
  const message = known
    ? `already remediated: this push has its run, and gets no other; it ended ${words}; npm run remediate starts another`
    : words;
  return { well: hasWorked(run), message, run: name, outcome: run.outcome, report: run.report };
}

/** Why a push was not taken. */
function refusalWords({ status, body }: Answer, url: string): string {
  const words = body.trim().replaceAll(/\s+/g, " ").slice(0, 200);
  if (status === 400) {
    return `the EventSource refuses the push (${words}): its pod has another secret than the installation's Secret, and reads it only when it starts; docs/troubleshooting.md, "The EventSource answers 400"`;
  }
  if (status >= 500) {
    return `${url} answers ${status} (${words}): the event bus is away, or what stands before the EventSource does not reach it; docs/troubleshooting.md, "The EventSource answers 500, or not at all"`;
  }
  return `${url} answers ${status} (${words}): it leads to something else than the EventSource; --url names another way`;
}
