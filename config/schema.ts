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
 * Every key of a stack: its type, limits, default and meaning. dev/configuration-reference.ts generates Pulumi.yaml and
 * docs/configuration.md from it. The keys have the names of RexRemediation's arguments.
 *
 * Secrets are top-level keys, because Pulumi hides a whole object if it contains a secret.
 */
export const schema = z.strictObject({
  name: text(objectPrefix, {
    means: "Prefix of every object's name. Two stacks in one namespace need different names.",
    default: "rex-remediation",
  }),
  namespace: text(dnsLabel, {
    means: "Namespace of all objects of this program, of the CodeRuns and of the main workflows. It must exist.",
    default: "agent-platform",
  }),
  repositories: list(repository, 1, {
    means: "Repositories that Rex pushes to, as owner/name.",
  }),

  agents: z
    .strictObject({
      pusher: text(appLogin, {
        means: "Login of the GitHub App whose pushes count. Case is ignored.",
        default: "5DLabs-Rex[bot]",
      }),
      toCancel: list(labelValue, 1, {
        means:
          "Agents whose CodeRuns a push cancels, as values of the label codeRun.agentLabel, in the order in which they work. The first one begins a round. The pusher must not be among them.",
        default: ["5DLabs-Cleo", "5DLabs-Tess"],
      }),
      maxToCancel: integer(1, 1000, {
        means: "If a task has more agents to cancel than this, the remediation fails before it changes anything.",
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
          "Label of a CodeRun that holds the repository, as owner-name. If several repositories are watched, CodeRuns without it are never touched.",
        default: "repository",
      }),
      finishedPhases: list(phase, 1, {
        means: "Values of status.phase that mean that a CodeRun has ended. Such a CodeRun is left alone.",
        default: ["Succeeded", "Failed"],
      }),
    })
    .describe("How CodeRuns look."),

  pullRequest: z
    .strictObject({
      branchPrefix: text(branchPrefix, {
        means:
          "A task's branch is this prefix followed by the task's number. A dash, slash or underscore and more text may follow.",
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
          "Label with which a person holds a task. While its pull request carries the label, no remediation of the task begins. Must differ from readyLabel.",
        default: "remediation-hold",
      }),
      comments: flag({
        means:
          "Whether to comment on the task's pull request. Each pushed head gets one comment, which says what was done, or what failed and how to continue.",
        default: true,
      }),
    })
    .describe("How a task's branch and pull request look, and whether to comment on the pull request."),

  mainWorkflow: z
    .strictObject({
      typeLabel: text(labelKey, {
        means: "Label that marks a workflow as a main workflow.",
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
          "Label of a main workflow that holds the repository, as owner-name. If several repositories are watched, workflows without it are never touched.",
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
        means:
          "Stage that a push resets a main workflow to; one of stages. At this stage and before it, nothing is stale.",
        default: "waiting-pr-created",
      }),
    })
    .describe("How main workflows look, and which stage a push resets them to."),

  githubApp: z
    .strictObject({
      id: text(numericId, { means: "Numeric id of the App (contents read, pull requests write)." }),
      installationId: optionalText(numericId, {
        means:
          "Numeric id of the App's installation; empty to ask GitHub for the installation on the pushed repository.",
      }),
      apiUrl: text(baseUrl, {
        means: "Base URL of GitHub's REST API; https://HOST/api/v3 for GitHub Enterprise Server.",
        default: "https://api.github.com",
      }),
      existingSecret: optionalText(dnsSubdomain, {
        means:
          "Name of a Secret in the namespace whose key private-key.pem holds the App's private key. Replaces githubAppPrivateKey.",
      }),
    })
    .describe("The GitHub App that the remediation acts as."),
  githubAppPrivateKey: secret(rsaPrivateKey, {
    means: "The App's private key: RSA, in PEM form. Not needed if githubApp.existingSecret is set.",
  }),

  webhook: z
    .strictObject({
      existingSecret: optionalText(dnsSubdomain, {
        means:
          "Name of a Secret in the namespace whose key secret holds the webhook's secret. Replaces webhookSecret. Argo Events ignores one line feed at its end.",
      }),
      allowedFrom: list(networkPeer, 0, {
        means:
          "Namespaces and CIDRs that may reach the EventSource, such as the ingress controller's. All others are blocked. Empty for no NetworkPolicy. Has no effect if the cluster's network plugin does not enforce NetworkPolicies.",
        default: [],
      }),
    })
    .describe("GitHub's webhook."),
  webhookSecret: secret(webhookSecret, {
    means:
      "Secret of the webhook. One line break at its end is removed. Not needed if webhook.existingSecret or existingEventSource is set.",
  }),
  existingEventSource: z
    .strictObject({
      name: optionalText(dnsLabel, { means: "Name of the EventSource; empty for none." }),
      event: optionalText(dnsLabel, { means: "Name of the event under which it emits pushes." }),
    })
    .describe(
      "An existing github EventSource in the namespace, to use instead of creating one. It must verify signatures; this program cannot check that.",
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
        means: "Name of the Gateway, which must exist and accept routes from the namespace. Required if host is set.",
      }),
      namespace: optionalText(dnsLabel, { means: "Namespace of the Gateway; empty for the stack's namespace." }),
      sectionName: optionalText(dnsSubdomain, {
        means: "The Gateway's listener; empty for every listener that serves host.",
      }),
      tls: flag({ means: "Whether the listener terminates TLS, so that the webhook's URL is https.", default: true }),
    })
    .describe("An HTTPRoute for the webhook, on a Gateway that somebody else runs. Replaces ingress."),

  eventBus: z
    .strictObject({
      name: text(dnsLabel, {
        means: "EventBus in the namespace that EventSource and Sensor use.",
        default: "default",
      }),
      create: flag({
        means: "Whether to create that EventBus (JetStream with persistent volumes). If not, it must exist.",
        default: false,
      }),
      version: text(versionName, {
        means: "JetStream version, one of those that the Argo Events controller is configured with.",
        default: "latest",
      }),
      replicas: integer(1, 9, {
        means: "Number of JetStream servers, odd; use 1 only to try things out.",
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
    .describe("The event bus between EventSource and Sensor."),

  argo: z
    .strictObject({
      eventSourceReplicas: integer(1, 20, {
        means: "Number of EventSource pods; all of them receive events.",
        default: 1,
      }),
      sensorReplicas: integer(1, 5, { means: "Number of Sensor pods; one works, the others stand by.", default: 1 }),
      deployTimeoutSeconds: integer(10, 3600, {
        means: "How long pulumi up waits until EventBus, EventSource and Sensor are deployed before it fails.",
        default: 180,
      }),
      retentionDays: integer(1, 365, {
        means: "How long to keep a remediation's Workflow after it ends. GitHub can redeliver an event for 3 days.",
        default: 7,
      }),
      maxConcurrentRemediations: integer(1, 100, {
        means:
          "How many remediations work at the same time. Further ones wait without a pod and without a deadline; of these, the one with the newest push goes first.",
        default: 10,
      }),
      instanceId: optionalText(labelValue, {
        means:
          "Instance ID of the Argo workflow controller that runs remediations and sweeps (instanceID in its workflow-controller-configmap); empty if it has none.",
      }),
      serverUrl: optionalText(baseUrl, {
        means:
          "Base URL under which people reach Argo's server. Comments then link to the run; if empty, they show the command that prints the run.",
      }),
    })
    .describe("How Argo runs the remediations."),
  admissionPolicies: flag({
    means:
      "Whether the API server itself (Kubernetes >= 1.30) refuses all writes of the remediation, the Sensor and the sweep that go beyond their task. Creating the policies needs cluster-wide rights. If false, only the Roles and the steps set limits.",
    default: true,
  }),

  steps: z
    .strictObject({
      image: text(imageName, {
        means: "Image that the steps run in. It needs bash, coreutils, curl, jq and openssl, and must run as any user.",
      }),
      cancelTimeoutSeconds: integer(5, 600, {
        means: "How long to wait until every cancelled agent is gone.",
        default: 60,
      }),
      gateTimeoutSeconds: integer(5, 600, {
        means: "How long to wait until the main workflow reaches its gate after an agent was cancelled.",
        default: 60,
      }),
      stepTimeoutSeconds: integer(10, 3600, {
        means: "How long each step may take; must be more than cancelTimeoutSeconds and gateTimeoutSeconds.",
        default: 120,
      }),
      debounceSeconds: integer(0, 600, {
        means:
          "How long to wait for further pushes before the remediation acts, so that several pushes in a row cause one restart.",
        default: 0,
      }),
    })
    .describe("The image of a remediation's steps, and how long they may take."),
  sweep: z
    .strictObject({
      schedule: optionalText(cronSchedule, {
        means:
          "When to look for failed deliveries and for pushes without a remediation: cron syntax (five fields) or @every 5m; empty for never.",
        default: "*/5 * * * *",
      }),
      // With less, nobody could tell whether the agents that a late delivery finds began before the push.
      afterSeconds: integer(180, 86_400, {
        means: "How long a sweep waits for a push's own delivery before it starts the remediation itself.",
        default: 300,
      }),
    })
    .describe("The job that finds lost pushes."),

  alarms: z
    .strictObject({
      enabled: flag({
        means:
          "Whether to create a PrometheusRule with alarms, for the Prometheus Operator. Prometheus must scrape Argo's workflow controller and, for the alarms about EventSource and Sensor, kube-state-metrics.",
        default: false,
      }),
      labels: labels({ means: "Labels by which your Prometheus selects the PrometheusRule (its ruleSelector)." }),
      maxRounds: integer(1, mostRounds, {
        means: "If QA of a task restarts more often than this, an alarm rings.",
        default: 5,
      }),
      docsUrl: optionalText(baseUrl, {
        means:
          "Base URL under which docs/ is published. Alarms then link to their section of troubleshooting.md; if empty, they name the file's path.",
      }),
    })
    .describe("Alarms for Prometheus."),
  dashboard: z
    .strictObject({
      enabled: flag({
        means: "Whether to create a ConfigMap with a dashboard for Grafana 10 or later. Grafana's sidecar loads it.",
        default: false,
      }),
      labels: labels({
        means: "Labels by which Grafana's sidecar finds the ConfigMap.",
        default: { grafana_dashboard: "1" },
      }),
    })
    .describe("A dashboard for Grafana."),
});

/** A stack's configuration, with the defaults filled in. */
export type Config = z.output<typeof schema>;

/** Path of a value, such as steps.image, to its schema, in the order of the schema. */
export const values: ReadonlyMap<string, z.ZodType> = new Map(
  Object.entries(schema.shape).flatMap(([key, value]): [string, z.ZodType][] =>
    value instanceof z.ZodObject
      ? Object.entries(value.shape).map(([name, field]): [string, z.ZodType] => [`${key}.${name}`, field])
      : [[key, value]],
  ),
);

/** The keys whose values must be encrypted. */
export const secretKeys: readonly string[] = [...values]
  .filter(([, value]) => aboutOf(value).secret)
  .map(([key]) => key);
