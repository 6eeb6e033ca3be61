import { mostRounds } from "../components/remediationWorkflow.ts";
import type { RexRemediationArgs } from "../components/rexRemediation.ts";
import { plainName, pusherNames } from "../components/taskPush.ts";
import {
  apiVersion,
  appLogin,
  baseUrl,
  branchPrefix,
  cronSchedule,
  dnsLabel,
  dnsSubdomain,
  hostName,
  imageName,
  labelKey,
  labelValue,
  networkPeer,
  numericId,
  objectPrefix,
  phase,
  pullRequestLabel,
  repository,
  rsaPrivateKey,
  storageSize,
  taskLabelPrefix,
  versionName,
  webhookSecret,
} from "./kinds.ts";
import { StackConfig, WayOut } from "./stackConfig.ts";

/** What the stack's configuration says, in the words of {@link RexRemediationArgs}. */
export interface RexRemediationConfig extends RexRemediationArgs {
  /** Prefix of every object's name. */
  name: string;
}

/**
 * Reads and checks the stack's configuration. Defaults and meanings stand in Pulumi.yaml.
 *
 * @throws pulumi.RunError listing every bad key with what is expected and the command that sets it. Nothing is registered before.
 */
export function readConfig(): RexRemediationConfig {
  const stack = new StackConfig();
  const config = readKeys(stack);
  stack.refuseUnknownKeys();
  stack.throwIfBad();
  return config;
}

function readKeys(stack: StackConfig): RexRemediationConfig {
  const name = stack.text("name", objectPrefix);
  const namespace = stack.text("namespace", dnsLabel);
  const existingEventSource = readExistingEventSource(stack);

  const repositories = stack.list("repositories", repository, { atLeast: 1 });
  refuseTooMany(stack, repositories);
  const repositoryLabels = readRepositoryLabels(stack, repositories);
  const pusher = stack.text("pusher", appLogin);
  const agentsToCancel = stack.list("agentsToCancel", labelValue, { atLeast: 1 });
  refusePusherAsTarget(stack, pusher, agentsToCancel);

  const stages = stack.list("stages", labelValue, { atLeast: 2 });
  const resetStage = stack.text("resetStage", labelValue);
  if (stages.length > 0 && resetStage !== "" && !stages.includes(resetStage)) {
    stack.refuse("resetStage", `one of stages (${stages.join(", ")})`, JSON.stringify(resetStage), stages[0] ?? "");
  }

  const cancelSeconds = stack.integer("cancelSeconds", 5, 600);
  const gateSeconds = stack.integer("gateSeconds", 5, 600);
  const stepDeadlineSeconds = stack.integer("stepDeadlineSeconds", 10, 3600);
  const longestWait = Math.max(cancelSeconds, gateSeconds);
  if (stepDeadlineSeconds > 0 && stepDeadlineSeconds <= longestWait) {
    stack.refuse(
      "stepDeadlineSeconds",
      `more than cancelSeconds (${cancelSeconds}) and gateSeconds (${gateSeconds})`,
      `${stepDeadlineSeconds}`,
      `${longestWait * 2}`,
    );
  }

  return {
    name,
    namespace,
    push: { pusher, repositories, branchPrefix: stack.text("taskBranchPrefix", branchPrefix) },
    repositoryLabels,
    agentsToCancel,
    maxAgentsToCancel: stack.integer("maxAgentsToCancel", 1, 1000),
    codeRuns: {
      group: stack.text("codeRunGroup", dnsSubdomain),
      version: stack.text("codeRunVersion", apiVersion),
      resource: stack.text("codeRunResource", dnsLabel),
      taskLabel: stack.text("codeRunTaskLabel", labelKey),
      agentLabel: stack.text("codeRunAgentLabel", labelKey),
      repositoryLabel: stack.text("codeRunRepositoryLabel", labelKey),
      finishedPhases: stack.list("codeRunFinishedPhases", phase, { atLeast: 1 }),
    },
    mainWorkflows: {
      typeLabel: stack.text("mainWorkflowTypeLabel", labelKey),
      type: stack.text("mainWorkflowType", labelValue),
      taskLabel: stack.text("mainWorkflowTaskLabel", labelKey),
      stageLabel: stack.text("mainWorkflowStageLabel", labelKey),
      repositoryLabel: stack.text("mainWorkflowRepositoryLabel", labelKey),
      stages,
      resetStage,
    },
    pullRequests: readPullRequests(stack),
    githubApp: readGithubApp(stack),
    webhook: readWebhook(stack, existingEventSource !== undefined),
    existingEventSource,
    eventSourceReplicas: stack.integer("eventSourceReplicas", 1, 20),
    sensorReplicas: stack.integer("sensorReplicas", 1, 5),
    eventBus: readEventBus(stack),
    admissionPolicies: stack.boolean("admissionPolicies"),
    sweep: readSweep(stack),
    steps: {
      image: stack.text("stepsImage", imageName),
      cancelSeconds,
      gateSeconds,
      deadlineSeconds: stepDeadlineSeconds,
      quietSeconds: stack.integer("quietSeconds", 0, 600),
    },
    pullRequestComments: stack.boolean("pullRequestComments"),
    argoInstanceId: stack.optionalText("argoInstanceId", labelValue),
    argoServerUrl: stack.optionalText("argoServerUrl", baseUrl)?.replace(/\/+$/, ""),
    alarms: readAlarms(stack),
    dashboard: readDashboard(stack),
    retentionDays: stack.integer("retentionDays", 1, 365),
    deployedSeconds: stack.integer("deployedSeconds", 10, 3600),
  };
}

function readExistingEventSource(stack: StackConfig): RexRemediationArgs["existingEventSource"] {
  const value = stack.object("existingEventSource");
  if (Object.keys(value).length === 0) {
    return undefined;
  }
  const { name, event, ...rest } = value;
  const legal = [name, event].every((text) => typeof text === "string" && dnsLabel.accepts(text));
  if (!legal || Object.keys(rest).length > 0) {
    stack.refuse("existingEventSource", "an object of exactly name and event, both names", JSON.stringify(value), {
      "existingEventSource.name": "github",
      "existingEventSource.event": "push",
    });
  }
  return { name: String(name), event: String(event) };
}

/**
 * What all repositories together may take, in bytes, of what lists them: at the most, base64 of EventSource or Sensor in one variable
 * of a pod, which ends at 128 KiB.
 */
const roomForRepositories = 80 * 1024;

/** What one takes at the most: its name twice, and what stands around that. */
function roomOf(fullName: string): number {
  return 2 * fullName.length + 32;
}

function refuseTooMany(stack: StackConfig, repositories: string[]): void {
  let left = roomForRepositories;
  const fitting = repositories.findIndex((fullName) => {
    left -= roomOf(fullName);
    return left < 0;
  });
  if (fitting >= 0) {
    const expected = `at most ${fitting} with names of this length, or they do not fit into the objects that list them`;
    const wayOut = `Leave the others to a second stack with a name of its own: docs/environments.md; the first that goes there: pulumi config rm --path 'repositories[${fitting}]'`;
    stack.refuse("repositories", expected, `${repositories.length}`, new WayOut(wayOut));
  }
}

/** The value of the repository label of CodeRuns and main workflows, for each repository in lower case. */
function readRepositoryLabels(stack: StackConfig, repositories: string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  const owners = new Map<string, string>();
  for (const fullName of repositories) {
    const label = repositoryLabelValue(fullName);
    const other = owners.get(label.toLowerCase());
    if (other !== undefined) {
      const expected = `repositories with distinct label values; ${other} and ${fullName} both give ${label}`;
      stack.refuse("repositories", expected, fullName, other);
    }
    owners.set(label.toLowerCase(), fullName);
    labels[fullName.toLowerCase()] = label;
  }
  return labels;
}

/** owner/name as a label value: owner-name, at most 63 characters, beginning and ending with a letter or digit. */
export function repositoryLabelValue(fullName: string): string {
  return fullName
    .replace("/", "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63)
    .replace(/[^A-Za-z0-9]+$/, "");
}

function refusePusherAsTarget(stack: StackConfig, pusher: string, agents: string[]): void {
  // A label's value, which an agent's name is, has no brackets: the login itself cannot be among them.
  const own = agents.filter((agent) => pusherNames(pusher).includes(plainName(agent)));
  if (own.length > 0) {
    const expected = `agents other than the pusher ${pusher}; ${own.join(", ")} would cancel the very agent that pushed`;
    stack.refuse("agentsToCancel", expected, agents.join(","), "5DLabs-Cleo,5DLabs-Tess");
  }
}

function readPullRequests(stack: StackConfig): RexRemediationArgs["pullRequests"] {
  const readyLabel = stack.text("readyLabel", pullRequestLabel);
  const holdLabel = stack.text("holdLabel", pullRequestLabel);
  if (holdLabel !== "" && holdLabel.toLowerCase() === readyLabel.toLowerCase()) {
    const expected = `a label that is not readyLabel (${readyLabel}), in whatever case`;
    stack.refuse("holdLabel", expected, JSON.stringify(holdLabel), "hold");
  }
  return { taskLabelPrefix: stack.text("taskLabelPrefix", taskLabelPrefix), readyLabel, holdLabel };
}

function readGithubApp(stack: StackConfig): RexRemediationArgs["githubApp"] {
  const existingSecret = stack.optionalText("existingGithubAppSecret", dnsSubdomain);
  const privateKey = stack.secret("githubAppPrivateKey", rsaPrivateKey, {
    needed: existingSecret === undefined,
    insteadOf: existingSecret === undefined ? undefined : "existingGithubAppSecret",
  });
  return {
    apiUrl: stack.text("githubApiUrl", baseUrl).replace(/\/+$/, ""),
    appId: stack.text("githubAppId", numericId),
    installationId: stack.optionalText("githubInstallationId", numericId),
    privateKey,
    existingSecret,
  };
}

function readWebhook(stack: StackConfig, eventSourceExists: boolean): RexRemediationArgs["webhook"] {
  const existingSecret = stack.optionalText("existingWebhookSecret", dnsSubdomain);
  const ingress = readIngress(stack);
  const gatewayRoute = readGatewayRoute(stack, ingress !== undefined);
  const secret = stack.secret("webhookSecret", webhookSecret, {
    needed: existingSecret === undefined && !eventSourceExists,
    insteadOf:
      existingSecret !== undefined ? "existingWebhookSecret" : eventSourceExists ? "existingEventSource" : undefined,
  });
  const allowedFrom = stack.list("webhookAllowedFrom", networkPeer, { atLeast: 0 });
  if (eventSourceExists) {
    if (allowedFrom.length > 0) {
      stack.refuse(
        "webhookAllowedFrom",
        "nothing, because existingEventSource has its own way in",
        allowedFrom.join(","),
        null,
      );
    }
    for (const [key, wayIn] of [["ingressHost", ingress] as const, ["gatewayHost", gatewayRoute] as const]) {
      if (wayIn !== undefined) {
        const expected = "nothing, because existingEventSource has its own way in";
        stack.refuse(key, expected, JSON.stringify(wayIn.host), null);
      }
    }
    if (existingSecret !== undefined) {
      stack.refuse(
        "existingWebhookSecret",
        "nothing, because existingEventSource has its own secret",
        existingSecret,
        null,
      );
    }
  }
  return { secret, existingSecret, allowedFrom, ingress, gatewayRoute };
}

function readIngress(stack: StackConfig) {
  const host = stack.optionalText("ingressHost", hostName);
  const ingress = {
    className: stack.optionalText("ingressClass", dnsSubdomain),
    tls: stack.boolean("ingressTls"),
    tlsSecretName: stack.optionalText("ingressTlsSecret", dnsSubdomain),
    annotations: stack.textMap("ingressAnnotations"),
  };
  if (!ingress.tls && ingress.tlsSecretName !== undefined) {
    stack.refuse("ingressTlsSecret", "nothing while ingressTls is false", JSON.stringify(ingress.tlsSecretName), null);
  }
  return host === undefined ? undefined : { host, ...ingress };
}

function readGatewayRoute(stack: StackConfig, hasIngress: boolean) {
  const host = stack.optionalText("gatewayHost", hostName);
  const gatewayName = stack.optionalText("gatewayName", dnsSubdomain);
  const route = {
    gatewayNamespace: stack.optionalText("gatewayNamespace", dnsLabel),
    sectionName: stack.optionalText("gatewaySectionName", dnsSubdomain),
    tls: stack.boolean("gatewayTls"),
  };
  if (host !== undefined && hasIngress) {
    stack.refuse("gatewayHost", "nothing, because ingressHost is set: one way in", JSON.stringify(host), null);
  }
  if (host !== undefined && gatewayName === undefined) {
    stack.refuse("gatewayName", "the name of the Gateway that serves gatewayHost", "nothing", "public");
  }
  const others = gatewayName ?? route.gatewayNamespace ?? route.sectionName;
  if (host === undefined && others !== undefined) {
    stack.refuse(
      "gatewayHost",
      `a host name, because other gateway keys are set (${others})`,
      "nothing",
      hostName.example,
    );
  }
  return host === undefined || gatewayName === undefined ? undefined : { host, gatewayName, ...route };
}

function readSweep(stack: StackConfig): RexRemediationArgs["sweep"] {
  const schedule = stack.optionalText("sweepSchedule", cronSchedule);
  // Less would let a late delivery find agents of whom nobody can say whether they began before the push.
  const afterSeconds = stack.integer("sweepAfterSeconds", 180, 86_400);
  return schedule === undefined ? undefined : { schedule, afterSeconds };
}

function readAlarms(stack: StackConfig): RexRemediationArgs["alarms"] {
  const alarms = {
    labels: stack.labels("prometheusRuleLabels"),
    maxRounds: stack.integer("maxRounds", 1, mostRounds),
    docsUrl: stack.optionalText("docsUrl", baseUrl)?.replace(/\/+$/, ""),
  };
  return stack.boolean("prometheusRule") ? alarms : undefined;
}

function readDashboard(stack: StackConfig): RexRemediationArgs["dashboard"] {
  const labels = stack.labels("grafanaDashboardLabels");
  return stack.boolean("grafanaDashboard") ? { labels } : undefined;
}

function readEventBus(stack: StackConfig): RexRemediationArgs["eventBus"] {
  const name = stack.text("eventBusName", dnsLabel);
  const created = {
    version: stack.text("eventBusVersion", versionName),
    replicas: stack.integer("eventBusReplicas", 1, 9),
    storageClassName: stack.optionalText("eventBusStorageClass", dnsSubdomain),
    volumeSize: stack.text("eventBusVolumeSize", storageSize),
  };
  if (created.replicas > 0 && created.replicas % 2 === 0) {
    stack.refuse("eventBusReplicas", "an odd number, so that the servers can agree", `${created.replicas}`, "3");
  }
  return { name, created: stack.boolean("createEventBus") ? created : undefined };
}
