import * as pulumi from "@pulumi/pulumi";
import { EventBus, type EventBusArgs } from "./eventBus.ts";
import { GithubAppSecrets } from "./githubAppSecrets.ts";
import { repositoryLabelValue } from "./labels.ts";
import { Alarms } from "./monitoring/alarms.ts";
import { Dashboard } from "./monitoring/dashboard.ts";
import { AdmissionPolicies } from "./policies/policies.ts";
import { type GatewayRouteArgs, type IngressArgs, PushEventSource } from "./pushEventSource.ts";
import { PushSensor } from "./pushSensor.ts";
import { RemediationAccess } from "./remediationAccess.ts";
import {
  type AgentArgs,
  type CodeRunArgs,
  type MainWorkflowArgs,
  type PullRequestArgs,
  RemediationWorkflow,
  type RunArgs,
  type StepsArgs,
} from "./remediationWorkflow.ts";
import { Sweep } from "./sweep.ts";
import { pusherNames } from "./taskPush.ts";

/** The GitHub App that the remediation acts as; it needs contents: read and pull requests: write. */
export interface GithubAppArgs {
  id: pulumi.Input<string>;
  /** Default: the steps ask GitHub for the installation on the pushed repository. */
  installationId?: pulumi.Input<string>;
  /** Base URL of GitHub's REST API. */
  apiUrl: pulumi.Input<string>;
  /** Name of a Secret that holds the private key under `private-key.pem`. Replaces {@link RexRemediationArgs.githubAppPrivateKey}. */
  existingSecret?: pulumi.Input<string>;
}

/** GitHub's webhook. */
export interface WebhookArgs {
  /** Name of a Secret that holds the webhook's secret under `secret`. Replaces {@link RexRemediationArgs.webhookSecret}. */
  existingSecret?: pulumi.Input<string>;
  /** Names of namespaces and CIDRs that may reach the EventSource; empty: no NetworkPolicy. */
  allowedFrom: string[];
}

/** An EventSource of type github in the same namespace. It must verify signatures, but need not filter pushes. */
export interface ExistingEventSourceArgs {
  name: pulumi.Input<string>;
  event: pulumi.Input<string>;
}

/** The event bus to use, and how to create it. */
export interface EventBusSettings
  extends Pick<EventBusArgs, "version" | "replicas" | "storageClassName" | "volumeSize"> {
  name: string;
  /** Whether to create it. If not, all settings except the name are ignored. */
  create: boolean;
}

/** How Argo runs the remediations. */
export interface ArgoArgs extends RunArgs {
  /** Number of EventSource pods. */
  eventSourceReplicas: pulumi.Input<number>;
  /** Number of Sensor pods. */
  sensorReplicas: pulumi.Input<number>;
  /** How long `pulumi up` waits until EventBus, EventSource and Sensor are deployed, in seconds. */
  deployTimeoutSeconds: pulumi.Input<number>;
}

/** The job that looks for lost pushes. */
export interface SweepSettings {
  /** When to look: cron, in the time zone of Argo's controller. */
  schedule: pulumi.Input<string>;
  /** How long the sweep waits for a push's own delivery, in seconds. */
  afterSeconds: pulumi.Input<number>;
}

/** When alarms ring, and which documentation they link to. */
export interface AlarmSettings {
  /** Labels by which Prometheus selects the PrometheusRule. */
  labels: Record<string, string>;
  /** If a task has more rounds than this, an alarm rings. */
  maxRounds: number;
  /** Base URL under which docs/ is published, without a trailing slash; default: alarms name the file instead of a link. */
  docsUrl?: string;
}

export interface RexRemediationArgs {
  /** Namespace of all objects, of the CodeRuns and of the main workflows. It must exist. */
  namespace: pulumi.Input<string>;
  /** Repositories whose pushes count, as owner/name. */
  repositories: pulumi.Input<string[]>;
  agents: AgentArgs;
  codeRun: CodeRunArgs;
  pullRequest: PullRequestArgs;
  mainWorkflow: MainWorkflowArgs;
  githubApp: GithubAppArgs;
  /** The App's private key, in PEM form. */
  githubAppPrivateKey?: pulumi.Input<string>;
  webhook: WebhookArgs;
  /** The secret with which GitHub signs its events. */
  webhookSecret?: pulumi.Input<string>;
  /** The EventSource to use; default: create one. */
  existingEventSource?: ExistingEventSourceArgs;
  /** Default: the webhook cannot be reached from outside the cluster, unless {@link gateway} is set. */
  ingress?: IngressArgs;
  /** Replaces {@link ingress}. Only one of them may be set. */
  gateway?: GatewayRouteArgs;
  eventBus: EventBusSettings;
  argo: ArgoArgs;
  /** Whether the API server limits what the accounts may write; see {@link AdmissionPolicies}. */
  admissionPolicies: boolean;
  steps: StepsArgs;
  /** Default: no sweep, so nothing looks for lost pushes. */
  sweep?: SweepSettings;
  /** A PrometheusRule; default: none. */
  alarms?: AlarmSettings;
  /** A ConfigMap with a Grafana dashboard, and labels by which Grafana's sidecar finds it; default: none. */
  dashboard?: { labels: Record<string, string> };
  /**
   * Set if the objects are only rendered and somebody else applies them. Then the UID of the WorkflowTemplate is unknown, so runs have no
   * owner and are not deleted with it. The sweep ignores pushes before `installedAt` (ISO 8601).
   */
  appliedByOthers?: { installedAt: pulumi.Input<string> };
}

/** The complete installation: it turns a push by the coding agent into a clean restart of QA. */
export class RexRemediation extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /** The URL for GitHub's webhook; undefined with an existing EventSource. */
  readonly webhookUrl: pulumi.Output<string> | undefined;
  /** The webhook's URL inside the cluster; undefined with an existing EventSource. */
  readonly inClusterWebhookUrl: pulumi.Output<string> | undefined;
  readonly eventSource: pulumi.Output<string>;
  readonly sensor: pulumi.Output<string>;
  readonly workflowTemplate: pulumi.Output<string>;
  /** Names of the service accounts. */
  readonly serviceAccounts: pulumi.Output<{
    eventSource?: string;
    sensor: string;
    remediation: string;
    sweep?: string;
  }>;

  /** @param name prefix of every object's name */
  constructor(name: string, args: RexRemediationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:RexRemediation", name, {}, opts);
    const { namespace, agents, argo, existingEventSource, admissionPolicies } = args;
    const deployedSeconds = argo.deployTimeoutSeconds;
    const argoInstanceId = argo.instanceId;
    const repositoryLabels = pulumi.output(args.repositories).apply(labelValues);
    const { branchPrefix } = args.pullRequest;
    const push = pulumi.output({ pusher: agents.pusher, repositories: args.repositories, branchPrefix });

    const policies = admissionPolicies ? this.#policies(name, args, repositoryLabels) : [];

    const secrets = new GithubAppSecrets(
      name,
      {
        namespace,
        privateKey: args.githubAppPrivateKey,
        existingPrivateKeySecret: args.githubApp.existingSecret,
        webhookSecret: args.webhookSecret,
        existingWebhookSecret: args.webhook.existingSecret,
      },
      { parent: this },
    );

    const access = new RemediationAccess(
      name,
      {
        namespace,
        codeRunGroup: args.codeRun.group,
        codeRunResource: args.codeRun.resource,
        eventSource: existingEventSource === undefined,
        sweep: args.sweep !== undefined,
        admissionPolicies,
      },
      // Policies come first, so that no account has a right before a policy limits it. If creating them fails, no account gets any right.
      { parent: this, dependsOn: policies },
    );

    const github = {
      repositoryLabels,
      githubApiUrl: args.githubApp.apiUrl,
      githubAppId: args.githubApp.id,
      githubInstallationId: args.githubApp.installationId,
      privateKeySecretName: secrets.privateKeySecretName,
    };
    const workflow = new RemediationWorkflow(
      name,
      {
        namespace,
        serviceAccountName: access.remediationAccount,
        ...github,
        agents,
        codeRuns: args.codeRun,
        mainWorkflows: args.mainWorkflow,
        pullRequests: args.pullRequest,
        argo,
        steps: args.steps,
      },
      { parent: this },
    );

    const workflowTemplateUid = args.appliedByOthers === undefined ? workflow.workflowTemplateUid : undefined;
    const eventBusName = args.eventBus.create
      ? new EventBus(
          name,
          { namespace, eventBusName: args.eventBus.name, deployedSeconds, ...args.eventBus },
          { parent: this },
        ).eventBusName
      : pulumi.output(args.eventBus.name);

    const ownEventSource =
      existingEventSource === undefined
        ? new PushEventSource(
            name,
            {
              namespace,
              push,
              webhookSecretName: secrets.webhookSecretName ?? missing("webhookSecret or webhook.existingSecret"),
              serviceAccountName: access.eventSourceAccount ?? missing("an account of the EventSource"),
              eventBusName,
              replicas: argo.eventSourceReplicas,
              ingress: args.ingress,
              gatewayRoute: args.gateway,
              allowedFrom: args.webhook.allowedFrom,
              deployedSeconds,
            },
            { parent: this },
          )
        : undefined;

    this.eventSource = ownEventSource?.eventSourceName ?? pulumi.output(existingEventSource?.name ?? "");
    const sensor = new PushSensor(
      name,
      {
        namespace,
        eventSourceName: this.eventSource,
        eventName: ownEventSource?.eventName ?? existingEventSource?.event ?? "",
        unfilteredPush: existingEventSource && push,
        workflowTemplateName: workflow.workflowTemplateName,
        workflowTemplateUid,
        argoInstanceId,
        serviceAccountName: access.sensorAccount,
        eventBusName,
        replicas: argo.sensorReplicas,
        admissionPolicies,
        deployedSeconds,
      },
      // An event may arrive at once. So the Sensor's rights must exist before the Sensor, and must not be deleted before it.
      { parent: this, dependsOn: [access] },
    );

    if (args.sweep !== undefined) {
      new Sweep(
        name,
        {
          namespace,
          serviceAccountName: access.sweepAccount ?? missing("an account of the sweep"),
          ...args.sweep,
          ...github,
          pusher: agents.pusher,
          branchPrefix,
          mainWorkflows: args.mainWorkflow,
          webhookUrl: ownEventSource?.webhookUrl,
          workflowTemplateUid,
          runSalt: sensor.runSalt,
          argoInstanceId,
          installedAt: args.appliedByOthers?.installedAt ?? workflow.createdAt,
          retentionDays: argo.retentionDays,
          image: args.steps.image,
          stepTimeoutSeconds: args.steps.stepTimeoutSeconds,
        },
        { parent: this, dependsOn: [access] },
      );
    }

    this.#watch(name, args, sensor.sensorName);

    this.namespace = pulumi.output(namespace);
    this.webhookUrl = ownEventSource?.webhookUrl;
    this.inClusterWebhookUrl = ownEventSource?.inClusterWebhookUrl;
    this.sensor = sensor.sensorName;
    this.workflowTemplate = workflow.workflowTemplateName;
    this.serviceAccounts = pulumi.output({
      eventSource: access.eventSourceAccount,
      sensor: access.sensorAccount,
      remediation: access.remediationAccount,
      sweep: access.sweepAccount,
    });
    this.registerOutputs({
      namespace: this.namespace,
      webhookUrl: this.webhookUrl,
      inClusterWebhookUrl: this.inClusterWebhookUrl,
      eventSource: this.eventSource,
      sensor: this.sensor,
      workflowTemplate: this.workflowTemplate,
      serviceAccounts: this.serviceAccounts,
    });
  }

  /** Creates alarms and dashboard if they are configured. */
  #watch(name: string, args: RexRemediationArgs, sensorName: pulumi.Output<string>): void {
    const { namespace } = args;
    const argoInstanceId = args.argo.instanceId;
    const { eventSource: eventSourceName } = this;
    if (args.alarms !== undefined) {
      const { maxRounds, labels, docsUrl } = args.alarms;
      // The goal is two minutes from push to restart, plus the time for which a run waits for further pushes.
      const slowSeconds = pulumi.output(args.steps).apply(({ debounceSeconds }) => 120 + debounceSeconds);
      const sweepSchedule = args.sweep?.schedule;
      const named = { namespace, argoInstanceId, eventSourceName, sensorName };
      const watched = pulumi.output({ ...named, sweepSchedule, maxRounds, slowSeconds });
      new Alarms(name, { watched, labels, docsUrl }, { parent: this });
    }
    if (args.dashboard !== undefined) {
      new Dashboard(name, { namespace, eventSourceName, sensorName, labels: args.dashboard.labels }, { parent: this });
    }
  }

  #policies(
    name: string,
    args: RexRemediationArgs,
    repositoryLabels: pulumi.Output<Record<string, string>>,
  ): pulumi.Resource[] {
    return [
      new AdmissionPolicies(
        name,
        {
          namespace: args.namespace,
          workflowTemplateName: name,
          agentsToCancel: args.agents.toCancel,
          pusherNames: pulumi.output(args.agents.pusher).apply(pusherNames),
          repositoryLabels,
          codeRuns: args.codeRun,
          mainWorkflows: args.mainWorkflow,
          sweep: args.sweep !== undefined,
          ownedRuns: args.appliedByOthers === undefined,
          argoInstanceId: args.argo.instanceId,
        },
        { parent: this },
      ),
    ];
  }
}

/** Repository, in lower case, to the value of its repository label. */
function labelValues(repositories: string[]): Record<string, string> {
  return Object.fromEntries(repositories.map((fullName) => [fullName.toLowerCase(), repositoryLabelValue(fullName)]));
}

function missing(what: string): never {
  throw new Error(`RexRemediation needs ${what}`);
}
