#!/usr/bin/env node
import { argoChecks } from "./doctor/argo.ts";
import { beforeChecks, planned } from "./doctor/beforeInstall.ts";
import { asText, type Check, type Line, pass, run, type Verdict } from "./doctor/check.ts";
import { clusterChecks } from "./doctor/cluster.ts";
import { configurationCheck } from "./doctor/configuration.ts";
import { Ground, Namespace } from "./doctor/context.ts";
import { controllerChecks } from "./doctor/controller.ts";
import { githubAppChecks } from "./doctor/githubApp.ts";
import { goodWriteChecks } from "./doctor/goodWrites.ts";
import { mainWorkflowChecks } from "./doctor/mainWorkflows.ts";
import { policyChecks } from "./doctor/policies.ts";
import { rightsChecks } from "./doctor/rights.ts";
import { wayInChecks } from "./doctor/route.ts";
import { toolChecks } from "./doctor/tools.ts";
import { webhookChecks } from "./doctor/webhook.ts";
import { webhookSecretChecks } from "./doctor/webhookSecret.ts";
import { readCall } from "./lib/call.ts";
import {
  connect,
  type ExitCode,
  exitCodes,
  type InstallationChoice,
  installationHelp,
  installationOptions,
  openInstallation,
  Refusal,
  runTool,
} from "./lib/installation.ts";
import { namesOf } from "./lib/settings.ts";

const help = `usage: npm run doctor [-- OPTION...]

Looks at everything that a remediation rests on, and says what is wrong and how it is mended: a line for each check,
  pass|warn|fail|skip  WHAT: what was found; fix: the command or the edit
and at the end how many of each. A check whose ground is missing is skipped, so that one cause is one failure.
It changes nothing: what has to be refused is tried as a dry run, taking labels off with one that is not there.

Options:
  --before            before installation: tools, configuration, cluster, Argo, event bus, CodeRuns, and your rights to install; --stack
                      then names the stack whose Pulumi.NAME.yaml is read (default: the defaults alone), and there need be no outputs
  --main-workflow X   whether a main workflow keeps the contract of docs/main-workflow.md: the name of a WorkflowTemplate, or a file
  --ping              let GitHub send a ping through the webhook, and look at its answer: it proves that the secrets are the same
  --json              print one object on standard output instead
${installationHelp}

The variable GITHUB_TOKEN may hold a token of yours, for the webhooks that the App may not see.

Exit codes:
  0  nothing failed
  1  something failed
  2  nothing was looked at: the call is wrong, or there are no outputs`;

interface Options extends InstallationChoice {
  before: boolean;
  mainWorkflow: string | undefined;
  ping: boolean;
  json: boolean;
}

await runTool("doctor", main);

async function main(args: string[]): Promise<ExitCode> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(help);
    return exitCodes.well;
  }
  const checks = options.before ? before(options) : after(options);
  const lines = await run(checks, (some) => options.json || console.log(some.map(asText).join("\n")));
  const counts = countsOf(lines);
  if (options.json) {
    console.log(JSON.stringify({ counts, lines }));
  } else {
    console.log(`${counts.pass} passed, ${counts.warn} warned, ${counts.fail} failed, ${counts.skip} skipped`);
  }
  return counts.fail === 0 ? exitCodes.well : exitCodes.failed;
}

function before({ mainWorkflow, ...choice }: Options): Check[] {
  const plan = planned(choice.stack);
  const namespace = new Namespace(connect(choice, plan.context), plan.namespace);
  return [
    ...toolChecks({ installs: true }),
    configurationCheck(choice.stack),
    ...clusterChecks(namespace),
    ...argoChecks(namespace, async () => plan.eventBus),
    ...controllerChecks(namespace, async () => plan, ["namespace"]),
    ...beforeChecks(namespace, plan),
    ...mainWorkflowChecks(namespace, async () => plan, mainWorkflow, ["namespace"]),
  ];
}

function after(options: Options): Check[] {
  const ground = new Ground(openInstallation(options));
  return [
    ...toolChecks({ installs: false }),
    ...clusterChecks(ground),
    ...argoChecks(ground, async () => ({
      name: (await ground.sensor())?.spec.eventBusName ?? "default",
      created: false,
    })),
    installed(ground),
    ...controllerChecks(ground, () => ground.settings(), ["installation"]),
    ...wayInChecks(ground),
    ...rightsChecks(ground),
    ...policyChecks(ground),
    ...goodWriteChecks(ground),
    ...githubAppChecks(ground),
    ...webhookSecretChecks(ground),
    ...webhookChecks(ground, { ping: options.ping, token: process.env.GITHUB_TOKEN || undefined }),
    ...mainWorkflowChecks(ground, () => ground.settings(), options.mainWorkflow, ["installation"]),
  ];
}

/** What the steps are told is what most of the checks ask by. */
function installed(ground: Ground): Check {
  return {
    what: "installation",
    needs: ["namespace", "Argo Workflows' kinds"],
    otherwise: "pulumi up --refresh, or name the right one with --stack, --outputs or --context",
    look: async () => {
      const { repositories } = await ground.settings();
      return pass(`${ground.prefix} in namespace ${ground.name}, for ${namesOf(repositories)}`);
    },
  };
}

function countsOf(lines: Line[]): Record<Verdict, number> {
  const counts = { pass: 0, warn: 0, fail: 0, skip: 0 };
  for (const { verdict } of lines) counts[verdict] += 1;
  return counts;
}

/** @returns undefined if help is asked for */
function readOptions(args: string[]): Options | undefined {
  const values = parsed(args);
  if (values.help === true) return undefined;
  const { outputs, stack, context, before = false, ping = false, json = false, "main-workflow": mainWorkflow } = values;
  if (before && outputs !== undefined) {
    throw new Refusal("--before and --outputs: before installation there are no outputs; give one of them");
  }
  if (before && ping) {
    throw new Refusal("--before and --ping: before installation nothing would answer; give one of them");
  }
  return { outputs, stack, context, before, ping, json, mainWorkflow };
}

function parsed(args: string[]) {
  return readCall({
    args,
    options: {
      ...installationOptions,
      before: { type: "boolean" },
      "main-workflow": { type: "string" },
      ping: { type: "boolean" },
      json: { type: "boolean" },
    },
  }).values;
}
