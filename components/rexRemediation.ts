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
  /** Default: asked of GitHub for the pushed repository. */
  installationId?: pulumi.Input<string>;
  /** Base URL of GitHub's REST API. */
  apiUrl: pulumi.Input<string>;
  /** Name of a Secret that holds the private key under `private-key.pem`; or else {@link RexRemediationArgs.githubAppPrivateKey}. */
  existingSecret?: pulumi.Input<string>;
}

/** GitHub's webhook. */
export interface WebhookArgs {
  /** Name of a Secret that holds the webhook's secret under `secret`; or else {@link RexRemediationArgs.webhookSecret}. */
  existingSecret?: pulumi.Input<string>;
  /** Names of namespaces and CIDRs that may reach the EventSource; empty: no NetworkPolicy. */
  allowedFrom: string[];
}

/** An EventSource of type github in the same namespace. It has to verify signatures; it may let every push through. */
export interface ExistingEventSourceArgs {
  name: pulumi.Input<string>;
  event: pulumi.Input<string>;
}

/** The event bus to use, and how to make it. */
export interface EventBusSettings
  extends Pick<EventBusArgs, "version" | "replicas" | "storageClassName" | "volumeSize"> {
  name: string;
  /** Whether to make it; if not, the rest but the name means nothing. */
  create: boolean;
}

/** How Argo runs all of it. */
export interface ArgoArgs extends RunArgs {
  /** Pods of the EventSource. */
  eventSourceReplicas: pulumi.Input<number>;
  /** Pods of the Sensor. */
  sensorReplicas: pulumi.Input<number>;
  /** How long to wait until EventBus, EventSource and Sensor are deployed. */
  deployTimeoutSeconds: pulumi.Input<number>;
}

/** The job that looks for lost pushes. */
export interface SweepSettings {
  /** When to look: cron, in the time zone of Argo's controller. */
  schedule: pulumi.Input<string>;
  /** How long a push is left to its own delivery. */
  afterSeconds: pulumi.Input<number>;
}

/** When alarms ring, and where they lead. */
export interface AlarmSettings {
  /** By which Prometheus finds the PrometheusRule. */
  labels: Record<string, string>;
  /** A task with more rounds than this rings. */
  maxRounds: number;
  /** Base URL under which docs/ is read, without a slash at its end; default: an alarm names the file. */
  docsUrl?: string;
}

export interface RexRemediationArgs {
  /** Namespace of everything, of the CodeRuns and of the main workflows; it must exist. */
  namespace: pulumi.Input<string>;
  /** Repositories whose pushes count, as owner/name. */
  repositories: pulumi.Input<string[]>;
  agents: AgentArgs;
  codeRun: CodeRunArgs;
  pullRequest: PullRequestArgs;
  mainWorkflow: MainWorkflowArgs;
  githubApp: GithubAppArgs;
  /** PEM. */
  githubAppPrivateKey?: pulumi.Input<string>;
  webhook: WebhookArgs;
  /** What GitHub signs its events with. */
  webhookSecret?: pulumi.Input<string>;
  /** Use this EventSource; default: make one. */
  existingEventSource?: ExistingEventSourceArgs;
  /** Default: no way in from outside the cluster, unless there is {@link gateway}. */
  ingress?: IngressArgs;
  /** Instead of {@link ingress}, not beside it. */
  gateway?: GatewayRouteArgs;
  eventBus: EventBusSettings;
  argo: ArgoArgs;
  /** Whether the API server refuses what is not theirs to touch; see {@link AdmissionPolicies}. */
  admissionPolicies: boolean;
  steps: StepsArgs;
  /** Default: nothing looks for lost pushes. */
  sweep?: SweepSettings;
  /** A PrometheusRule; default: none. */
  alarms?: AlarmSettings;
  /** A ConfigMap with a Grafana dashboard, and labels by which Grafana's sidecar finds it; default: none. */
  dashboard?: { labels: Record<string, string> };
  /**
   * Set where the objects are written out, and others apply them: then the WorkflowTemplate's identity is not known, so that no run
   * can be owned by it and go with it; and what was pushed before `installedAt` (ISO 8601) is not this installation's to handle.
   */
  appliedByOthers?: { installedAt: pulumi.Input<string> };
}

/** Everything that turns a push by the coding agent into a clean restart of QA. */
export class RexRemediation extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;
  /** Where to point GitHub's webhook; undefined with an existing EventSource. */
  readonly webhookUrl: pulumi.Output<string> | undefined;
  /** The same from inside the cluster. */
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
      // No account has a right before a policy bounds it. And where there can be no policies, nothing is made.
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
      // The first event may come at once: the rights that it needs have to be there, and to stay until the Sensor is gone.
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

  /** Alarms and dashboard, where they are asked for. */
  #watch(name: string, args: RexRemediationArgs, sensorName: pulumi.Output<string>): void {
    const { namespace } = args;
    const argoInstanceId = args.argo.instanceId;
    const { eventSource: eventSourceName } = this;
    if (args.alarms !== undefined) {
      const { maxRounds, labels, docsUrl } = args.alarms;
      // Two minutes from push to restart are the goal, and a run waits for further pushes first.
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

/** The value of the repository label, for each repository in lower case. */
function labelValues(repositories: string[]): Record<string, string> {
  return Object.fromEntries(repositories.map((fullName) => [fullName.toLowerCase(), repositoryLabelValue(fullName)]));
}

function missing(what: string): never {
  throw new Error(`RexRemediation needs ${what}`);
}
