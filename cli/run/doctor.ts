import { styleText } from "node:util";
import { argoChecks } from "../doctor/argo.ts";
import { beforeChecks, planned } from "../doctor/beforeInstall.ts";
import { asText, type Check, type Line, pass, run, type Verdict } from "../doctor/check.ts";
import { clusterChecks } from "../doctor/cluster.ts";
import { configurationCheck } from "../doctor/configuration.ts";
import { Ground, Namespace } from "../doctor/context.ts";
import { controllerChecks } from "../doctor/controller.ts";
import { githubAppChecks } from "../doctor/githubApp.ts";
import { goodWriteChecks } from "../doctor/goodWrites.ts";
import { mainWorkflowChecks } from "../doctor/mainWorkflows.ts";
import { policyChecks } from "../doctor/policies.ts";
import { rightsChecks } from "../doctor/rights.ts";
import { wayInChecks } from "../doctor/route.ts";
import { toolChecks } from "../doctor/tools.ts";
import { webhookChecks } from "../doctor/webhook.ts";
import { webhookSecretChecks } from "../doctor/webhookSecret.ts";
import type { DoctorCall } from "../doctor.ts";
import { type ExitCode, exitCodes } from "../lib/call.ts";
import { connect, openInstallation } from "../lib/installation.ts";
import { namesOf } from "../lib/settings.ts";
import { openTerminal } from "../lib/terminal.ts";

export async function doctor(call: DoctorCall): Promise<ExitCode> {
  const checks = call.before ? before(call) : after(call);
  const terminal = openTerminal(call.json);
  terminal.waitFor("looking");
  const lines = await run(checks, (some) => {
    if (!call.json) for (const line of some) terminal.say(coloured(line));
  });
  terminal.waitFor(undefined);
  const counts = countsOf(lines);
  if (call.json) {
    console.log(JSON.stringify({ counts, lines }));
  } else {
    console.log(`${counts.pass} passed, ${counts.warn} warned, ${counts.fail} failed, ${counts.skip} skipped`);
  }
  return counts.fail === 0 ? exitCodes.well : exitCodes.failed;
}

const colours = { pass: "green", warn: "yellow", fail: "red", skip: "dim" } as const;

/** The line with its verdict in colour, on a terminal. */
function coloured(line: Line): string {
  const text = asText(line);
  const { length } = line.verdict;
  return styleText(colours[line.verdict], text.slice(0, length), { stream: process.stdout }) + text.slice(length);
}

function before({ mainWorkflow, ...choice }: DoctorCall): Check[] {
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

function after(options: DoctorCall): Check[] {
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
