import * as z from "zod";
import { mostRounds } from "../components/remediationWorkflow.ts";
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
import { aboutOf, flag, integer, labels, list, optionalText, secret, text, textMap } from "./values.ts";

/**
 * Every key of a stack: its form, its limits, its default and what it means. Pulumi.yaml and docs/configuration.md are written from it
 * (dev/configuration-reference.ts), and the names are those of the arguments of {@link RexRemediation}.
 *
 * Secrets are keys of their own: one inside an object would make Pulumi hide the whole object.
 */
export const schema = z.strictObject({
  name: text(objectPrefix, {
    means: "Prefix of the name of every object. Two stacks in one namespace need two names.",
    default: "rex-remediation",
  }),
  namespace: text(dnsLabel, {
    means: "Namespace of everything this program makes, of the CodeRuns and of the main workflows. It must exist.",
    default: "agent-platform",
  }),
  repositories: list(repository, 1, {
    means: "Repositories that Rex pushes to, as owner/name.",
  }),

  agents: z
    .strictObject({
      pusher: text(appLogin, {
        means: "Login of the GitHub App whose pushes count, compared exactly but for upper and lower case.",
        default: "5DLabs-Rex[bot]",
      }),
      toCancel: list(labelValue, 1, {
        means:
          "Agents whose CodeRuns a push cancels, by the value of the label codeRun.agentLabel, in the order in which they work; the first begins a round. Never the pusher.",
        default: ["5DLabs-Cleo", "5DLabs-Tess"],
      }),
      maxToCancel: integer(1, 1000, {
        means: "A task with more agents to cancel than this stops the remediation before anything is touched.",
        default: 10,
      }),
    })
    .describe("Whose push counts, and whose work it makes stale."),

  codeRun: z
    .strictObject({
      group: text(dnsSubdomain, { means: "API group of the CodeRun resource.", default: "agents.platform" }),
      version: text(apiVersion, { means: "API version of the CodeRun resource.", default: "v1" }),
      resource: text(dnsLabel, { means: "Plural name of the CodeRun resource.", default: "coderuns" }),
      taskLabel: text(labelKey, { means: "Label of a CodeRun that holds the task's number.", default: "task-id" }),
      agentLabel: text(labelKey, { means: "Label of a CodeRun that holds the agent's name.", default: "github-app" }),
      repositoryLabel: text(labelKey, {
        means:
          "Label of a CodeRun that holds the repository, as owner-name. With several repositories, a CodeRun without it is never touched.",
        default: "repository",
      }),
      finishedPhases: list(phase, 1, {
        means: "Values of a CodeRun's status.phase at which it has ended and is left alone.",
        default: ["Succeeded", "Failed"],
      }),
    })
    .describe("How CodeRuns look."),

  pullRequest: z
    .strictObject({
      branchPrefix: text(branchPrefix, {
        means:
          "A task's branch is this prefix, the task's number, and nothing more or a dash, slash or underscore and more.",
        default: "task-",
      }),
      taskLabelPrefix: text(taskLabelPrefix, {
        means: "A task's pull request carries a label of this prefix and the task's number.",
        default: "task-",
      }),
      readyLabel: text(pullRequestLabel, {
        means: "Label that a push takes off the task's pull request.",
        default: "ready-for-qa",
      }),
      holdLabel: text(pullRequestLabel, {
        means:
          "Label with which a person holds a task; while its pull request carries it, no remediation of the task begins. Not readyLabel.",
        default: "remediation-hold",
      }),
      comments: flag({
        means:
          "Whether a comment on the task's pull request, one for each pushed head, says what was done, or what failed and how to go on.",
        default: true,
      }),
    })
    .describe("How a task's branch and pull request look, and whether the pull request is told."),

  mainWorkflow: z
    .strictObject({
      typeLabel: text(labelKey, {
        means: "Label of a workflow that tells whether it is a main workflow.",
        default: "workflow-type",
      }),
      type: text(labelValue, { means: "Value of typeLabel on main workflows.", default: "play-orchestration" }),
      taskLabel: text(labelKey, {
        means: "Label of a main workflow that holds the task's number.",
        default: "task-id",
      }),
      stageLabel: text(labelKey, { means: "Label of a main workflow that holds its stage.", default: "current-stage" }),
      repositoryLabel: text(labelKey, {
        means:
          "Label of a main workflow that holds the repository, as owner-name. With several repositories, a workflow without it is never touched.",
        default: "repository",
      }),
      stages: list(labelValue, 2, {
        means: "Stages of a main workflow, in order.",
        default: [
          "implementation-in-progress",
          "waiting-pr-created",
          "quality-in-progress",
          "waiting-ready-for-qa",
          "testing-in-progress",
          "waiting-pr-approved",
        ],
      }),
      resetStage: text(labelValue, {
        means: "Stage that a push sets a main workflow back to; one of stages. At or before it nothing is stale.",
        default: "waiting-pr-created",
      }),
    })
    .describe("How main workflows look, and where a push sets them back to."),

  githubApp: z
    .strictObject({
      id: text(numericId, { means: "Numeric id of the App (contents read, pull requests write)." }),
      installationId: optionalText(numericId, {
        means: "Numeric id of the App's installation; empty to ask GitHub for the pushed repository's.",
      }),
      apiUrl: text(baseUrl, {
        means: "Base URL of GitHub's REST API; https://HOST/api/v3 for GitHub Enterprise Server.",
        default: "https://api.github.com",
      }),
      existingSecret: optionalText(dnsSubdomain, {
        means:
          "Name of a Secret in the namespace whose key private-key.pem holds the App's private key; instead of githubAppPrivateKey.",
      }),
    })
    .describe("The GitHub App that the remediation acts as."),
  githubAppPrivateKey: secret(rsaPrivateKey, {
    means: "The App's private key, PEM, RSA. Not needed where githubApp.existingSecret is set.",
  }),

  webhook: z
    .strictObject({
      existingSecret: optionalText(dnsSubdomain, {
        means:
          "Name of a Secret in the namespace whose key secret holds the webhook's secret; instead of webhookSecret. One line feed at its end is no part of it, as Argo Events reads it.",
      }),
      allowedFrom: list(networkPeer, 0, {
        means:
          "Names of namespaces and CIDRs from which alone the EventSource is reached, such as the ingress controller's. Empty for no NetworkPolicy. A cluster whose network plugin enforces none ignores it.",
        default: [],
      }),
    })
    .describe("GitHub's webhook."),
  webhookSecret: secret(webhookSecret, {
    means:
      "Secret of the webhook; one line break at its end is left out. Not needed where webhook.existingSecret or existingEventSource is set.",
  }),
  existingEventSource: z
    .strictObject({
      name: optionalText(dnsLabel, { means: "Name of the EventSource; empty for none." }),
      event: optionalText(dnsLabel, { means: "Name of its event that pushes come as." }),
    })
    .describe(
      "A github EventSource in the namespace to use instead of making one. It must verify signatures; this program cannot see that.",
    ),

  ingress: z
    .strictObject({
      host: optionalText(hostName, { means: "Public host name of the webhook; empty for no Ingress." }),
      className: optionalText(dnsSubdomain, { means: "IngressClass; empty for the cluster's default." }),
      tls: flag({ means: "Whether the Ingress terminates TLS, so that the webhook's URL is https.", default: true }),
      tlsSecretName: optionalText(dnsSubdomain, {
        means: "Name of the TLS Secret for host; empty for the ingress controller's own certificate.",
      }),
      annotations: textMap({ means: "Annotations of the Ingress." }),
    })
    .describe("An Ingress for the webhook."),
  gateway: z
    .strictObject({
      host: optionalText(hostName, { means: "Public host name of the webhook; empty for no HTTPRoute." }),
      name: optionalText(dnsSubdomain, {
        means: "Name of the Gateway, which must exist and take routes from the namespace. Needed where host is set.",
      }),
      namespace: optionalText(dnsLabel, { means: "Namespace of the Gateway; empty for the stack's." }),
      sectionName: optionalText(dnsSubdomain, {
        means: "The Gateway's listener; empty for any that serves host.",
      }),
      tls: flag({ means: "Whether the listener terminates TLS, so that the webhook's URL is https.", default: true }),
    })
    .describe("An HTTPRoute for the webhook, for a Gateway that somebody else runs; instead of ingress."),

  eventBus: z
    .strictObject({
      name: text(dnsLabel, {
        means: "EventBus in the namespace that EventSource and Sensor use.",
        default: "default",
      }),
      create: flag({
        means: "Whether to make that EventBus (JetStream with persistent volumes). Otherwise it must exist.",
        default: false,
      }),
      version: text(versionName, {
        means: "JetStream version, one of those that the Argo Events controller is configured with.",
        default: "latest",
      }),
      replicas: integer(1, 9, {
        means: "JetStream servers, an odd number; 1 only for trying things out.",
        default: 3,
      }),
      storageClassName: optionalText(dnsSubdomain, {
        means: "StorageClass of their volumes; empty for the cluster's default.",
      }),
      volumeSize: text(storageSize, {
        means: "Size of each server's volume, as Kubernetes writes it.",
        default: "10Gi",
      }),
    })
    .describe("What is between EventSource and Sensor."),

  argo: z
    .strictObject({
      eventSourceReplicas: integer(1, 20, { means: "Pods of the EventSource; all of them serve.", default: 1 }),
      sensorReplicas: integer(1, 5, { means: "Pods of the Sensor; one works, the others stand by.", default: 1 }),
      deployTimeoutSeconds: integer(10, 3600, {
        means: "How long pulumi up waits for EventBus, EventSource and Sensor to be deployed before it fails.",
        default: 180,
      }),
      retentionDays: integer(1, 365, {
        means: "How long a remediation's Workflow is kept after its end. GitHub can redeliver an event for 3 days.",
        default: 7,
      }),
      instanceId: optionalText(labelValue, {
        means:
          "Instance ID of the Argo workflow controller that runs remediations and sweeps (instanceID in its workflow-controller-configmap); empty for the one without.",
      }),
      serverUrl: optionalText(baseUrl, {
        means:
          "Base URL of Argo's server as people reach it, for the link to the run in a comment; empty for the command that shows the run.",
      }),
    })
    .describe("How Argo runs all of it."),
  admissionPolicies: flag({
    means:
      "Whether the API server itself (Kubernetes >= 1.30) refuses the remediation and the Sensor whatever is not theirs to touch. Making the policies needs rights on the whole cluster; false leaves it to the Roles and the steps alone.",
    default: true,
  }),

  steps: z
    .strictObject({
      image: text(imageName, {
        means: "Image that the steps run in; it needs bash, coreutils, curl, jq and openssl, and runs as any user.",
      }),
      cancelTimeoutSeconds: integer(5, 600, {
        means: "How long to wait for the proof that every cancelled agent is gone.",
        default: 60,
      }),
      gateTimeoutSeconds: integer(5, 600, {
        means: "How long to wait for the main workflow to reach its gate once an agent was cancelled.",
        default: 60,
      }),
      stepTimeoutSeconds: integer(10, 3600, {
        means: "How long each step may take; more than cancelTimeoutSeconds and gateTimeoutSeconds.",
        default: 120,
      }),
      debounceSeconds: integer(0, 600, {
        means:
          "How long after a push to wait for further ones before anything is done, so that several in a row cause one restart.",
        default: 0,
      }),
    })
    .describe("What the steps of a remediation run in, and how long they may take."),
  sweep: z
    .strictObject({
      schedule: optionalText(cronSchedule, {
        means:
          "When to look for failed deliveries and for pushes that no remediation was made for, as cron writes it (five fields) or as @every 5m; empty for never.",
        default: "*/5 * * * *",
      }),
      // Less would let a late delivery find agents of whom nobody can say whether they began before the push.
      afterSeconds: integer(180, 86_400, {
        means: "How long a push is left to its own delivery before a sweep starts its remediation.",
        default: 300,
      }),
    })
    .describe("The job that finds lost pushes."),

  alarms: z
    .strictObject({
      enabled: flag({
        means:
          "Whether to make a PrometheusRule of alarms, for the Prometheus Operator. Prometheus has to scrape Argo's workflow controller, and kube-state-metrics for EventSource and Sensor.",
        default: false,
      }),
      labels: labels({ means: "Labels by which your Prometheus finds the PrometheusRule (its ruleSelector)." }),
      maxRounds: integer(1, mostRounds, {
        means: "A task whose QA was begun again more often than this rings an alarm.",
        default: 5,
      }),
      docsUrl: optionalText(baseUrl, {
        means:
          "Base URL under which docs/ is read, for the link from an alarm to its paragraph in troubleshooting.md; empty for the file's path instead of a link.",
      }),
    })
    .describe("Who is told when something is wrong: alarms."),
  dashboard: z
    .strictObject({
      enabled: flag({
        means: "Whether to make a ConfigMap with a dashboard for Grafana 10 or later, for its sidecar.",
        default: false,
      }),
      labels: labels({
        means: "Labels by which Grafana's sidecar finds the ConfigMap.",
        default: { grafana_dashboard: "1" },
      }),
    })
    .describe("A dashboard for Grafana."),
});

/** What a stack's configuration says, with the defaults. */
export type Config = z.output<typeof schema>;

/** The values of the schema by their paths, such as steps.image, in its order. */
export const values: ReadonlyMap<string, z.ZodType> = new Map(
  Object.entries(schema.shape).flatMap(([key, value]): [string, z.ZodType][] =>
    value instanceof z.ZodObject
      ? Object.entries(value.shape).map(([name, field]): [string, z.ZodType] => [`${key}.${name}`, field])
      : [[key, value]],
  ),
);

/** The keys that have to be encrypted. */
export const secretKeys: readonly string[] = [...values]
  .filter(([, value]) => aboutOf(value).secret)
  .map(([key]) => key);
