import * as pulumi from "@pulumi/pulumi";
import { EventBus, type EventBusArgs } from "./eventBus.ts";
import { GithubAppSecrets } from "./githubAppSecrets.ts";
import { Alarms } from "./monitoring/alarms.ts";
import { Dashboard } from "./monitoring/dashboard.ts";
import { AdmissionPolicies } from "./policies/policies.ts";
import { type GatewayRouteArgs, type IngressArgs, PushEventSource } from "./pushEventSource.ts";
import { PushSensor } from "./pushSensor.ts";
import { RemediationAccess } from "./remediationAccess.ts";
import {
  type CodeRunArgs,
  type MainWorkflowArgs,
  type PullRequestArgs,
  RemediationWorkflow,
  type StepsArgs,
} from "./remediationWorkflow.ts";
import { Sweep } from "./sweep.ts";
import { pusherNames, type TaskPush } from "./taskPush.ts";

/** The GitHub App that the remediation acts as; it needs contents: read and pull requests: write. */
export interface GithubAppArgs {
  /** Base URL of GitHub's REST API. */
  apiUrl: pulumi.Input<string>;
  appId: pulumi.Input<string>;
  /** Default: asked of GitHub for the pushed repository. */
  installationId?: pulumi.Input<string>;
  /** PEM; or else {@link existingSecret}. */
  privateKey?: pulumi.Input<string>;
  /** Name of a Secret that holds the private key under `private-key.pem`. */
  existingSecret?: pulumi.Input<string>;
}

/** GitHub's webhook. */
export interface WebhookArgs {
  /** What GitHub signs its events with; or else {@link existingSecret}. */
  secret?: pulumi.Input<string>;
  /** Name of a Secret that holds the webhook's secret under `secret`. */
  existingSecret?: pulumi.Input<string>;
  /** Default: no way in from outside the cluster, unless there is {@link gatewayRoute}. */
  ingress?: IngressArgs;
  /** Instead of {@link ingress}, not beside it. */
  gatewayRoute?: GatewayRouteArgs;
  /** Names of namespaces and CIDRs that may reach the EventSource; empty: no NetworkPolicy. */
  allowedFrom: string[];
}

/** An EventSource of type github in the same namespace. It has to verify signatures; it may let every push through. */
export interface ExistingEventSourceArgs {
  name: pulumi.Input<string>;
  event: pulumi.Input<string>;
}

/** When alarms ring, and where they lead. */
export interface AlarmSettings {
  labels: Record<string, string>;
  /** A task with more rounds than this rings. */
  maxRounds: number;
  /** Base URL under which docs/ is read, without a slash at its end; default: an alarm names the file. */
  docsUrl?: string;
}

export interface RexRemediationArgs {
  /** Namespace of everything, of the CodeRuns and of the main workflows; it must exist. */
  namespace: pulumi.Input<string>;
  /** Which pushes restart QA. */
  push: pulumi.Input<TaskPush>;
  /** The value of the repository label, for each repository as owner/name in lower case. */
  repositoryLabels: pulumi.Input<Record<string, string>>;
  /** Agents whose CodeRuns a push cancels. Never the pusher. */
  agentsToCancel: pulumi.Input<string[]>;
  /** A task with more agents to cancel than this stops the remediation before anything is touched. */
  maxAgentsToCancel: pulumi.Input<number>;
  codeRuns: CodeRunArgs;
  mainWorkflows: MainWorkflowArgs;
  pullRequests: PullRequestArgs;
  githubApp: GithubAppArgs;
  webhook: WebhookArgs;
  /** Use this EventSource; default: make one. */
  existingEventSource?: ExistingEventSourceArgs;
  /** Pods of the EventSource. */
  eventSourceReplicas: pulumi.Input<number>;
  /** Pods of the Sensor. */
  sensorReplicas: pulumi.Input<number>;
  /** The event bus to use, and to make first if `created` says how. */
  eventBus: { name: string; created?: Pick<EventBusArgs, "version" | "replicas" | "storageClassName" | "volumeSize"> };
  /** Whether the API server refuses what is not theirs to touch; see {@link AdmissionPolicies}. */
  admissionPolicies: boolean;
  /** The job that looks for lost pushes; undefined: none. */
  sweep?: { schedule: pulumi.Input<string>; afterSeconds: pulumi.Input<number> };
  steps: StepsArgs;
  /** Whether pull requests are told what was done, or what failed. */
  pullRequestComments: pulumi.Input<boolean>;
  /** Instance ID of the workflow controller that runs remediations and sweeps; default: the one without. */
  argoInstanceId?: string;
  /** Base URL of Argo's server, for a link to the run; default: the command that shows it. */
  argoServerUrl?: pulumi.Input<string>;
  /** A PrometheusRule with labels by which Prometheus finds it; undefined: none. */
  alarms?: AlarmSettings;
  /** A ConfigMap with a Grafana dashboard, and labels by which Grafana's sidecar finds it; undefined: none. */
  dashboard?: { labels: Record<string, string> };
  /** How long a remediation's Workflow is kept after its end. */
  retentionDays: pulumi.Input<number>;
  /** How long to wait until EventBus, EventSource and Sensor are deployed. */
  deployedSeconds: pulumi.Input<number>;
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
    const { namespace, deployedSeconds, existingEventSource, admissionPolicies } = args;
    const push = pulumi.output(args.push);

    const policies = admissionPolicies ? this.#policies(name, args) : [];

    const secrets = new GithubAppSecrets(
      name,
      {
        namespace,
        privateKey: args.githubApp.privateKey,
        existingPrivateKeySecret: args.githubApp.existingSecret,
        webhookSecret: args.webhook.secret,
        existingWebhookSecret: args.webhook.existingSecret,
      },
      { parent: this },
    );

    const access = new RemediationAccess(
      name,
      {
        namespace,
        codeRunGroup: args.codeRuns.group,
        codeRunResource: args.codeRuns.resource,
        eventSource: existingEventSource === undefined,
        sweep: args.sweep !== undefined,
        admissionPolicies,
      },
      // No account has a right before a policy bounds it. And where there can be no policies, nothing is made.
      { parent: this, dependsOn: policies },
    );

    const workflow = new RemediationWorkflow(
      name,
      {
        namespace,
        serviceAccountName: access.remediationAccount,
        repositoryLabels: args.repositoryLabels,
        branchPrefix: push.branchPrefix,
        agentsToCancel: args.agentsToCancel,
        maxAgentsToCancel: args.maxAgentsToCancel,
        pusher: push.pusher,
        pusherNames: push.apply(({ pusher }) => pusherNames(pusher)),
        pullRequestComments: args.pullRequestComments,
        argoInstanceId: args.argoInstanceId,
        argoServerUrl: args.argoServerUrl,
        codeRuns: args.codeRuns,
        mainWorkflows: args.mainWorkflows,
        pullRequests: args.pullRequests,
        githubApiUrl: args.githubApp.apiUrl,
        githubAppId: args.githubApp.appId,
        githubInstallationId: args.githubApp.installationId,
        privateKeySecretName: secrets.privateKeySecretName,
        steps: args.steps,
        retentionDays: args.retentionDays,
      },
      { parent: this },
    );

    const workflowTemplateUid = args.appliedByOthers === undefined ? workflow.workflowTemplateUid : undefined;
    const eventBusName = args.eventBus.created
      ? new EventBus(
          name,
          { namespace, eventBusName: args.eventBus.name, deployedSeconds, ...args.eventBus.created },
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
              webhookSecretName: secrets.webhookSecretName ?? missing("webhook.secret or webhook.existingSecret"),
              serviceAccountName: access.eventSourceAccount ?? missing("an account of the EventSource"),
              eventBusName,
              replicas: args.eventSourceReplicas,
              ingress: args.webhook.ingress,
              gatewayRoute: args.webhook.gatewayRoute,
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
        argoInstanceId: args.argoInstanceId,
        serviceAccountName: access.sensorAccount,
        eventBusName,
        replicas: args.sensorReplicas,
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
          pusher: push.pusher,
          branchPrefix: push.branchPrefix,
          repositoryLabels: args.repositoryLabels,
          mainWorkflows: args.mainWorkflows,
          githubApiUrl: args.githubApp.apiUrl,
          githubAppId: args.githubApp.appId,
          githubInstallationId: args.githubApp.installationId,
          privateKeySecretName: secrets.privateKeySecretName,
          webhookUrl: ownEventSource?.webhookUrl,
          workflowTemplateUid,
          runSalt: sensor.runSalt,
          argoInstanceId: args.argoInstanceId,
          installedAt: args.appliedByOthers?.installedAt ?? workflow.createdAt,
          retentionDays: args.retentionDays,
          image: args.steps.image,
          deadlineSeconds: args.steps.deadlineSeconds,
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
    const { namespace, argoInstanceId } = args;
    const { eventSource: eventSourceName } = this;
    if (args.alarms !== undefined) {
      const { maxRounds, labels, docsUrl } = args.alarms;
      // Two minutes from push to restart are the goal, and a run waits the quiet seconds first.
      const slowSeconds = pulumi.output(args.steps).apply(({ quietSeconds }) => 120 + quietSeconds);
      const sweepSchedule = args.sweep?.schedule;
      const named = { namespace, argoInstanceId, eventSourceName, sensorName };
      const watched = pulumi.output({ ...named, sweepSchedule, maxRounds, slowSeconds });
      new Alarms(name, { watched, labels, docsUrl }, { parent: this });
    }
    if (args.dashboard !== undefined) {
      new Dashboard(name, { namespace, eventSourceName, sensorName, ...args.dashboard }, { parent: this });
    }
  }

  #policies(name: string, args: RexRemediationArgs): pulumi.Resource[] {
    const { namespace, agentsToCancel, repositoryLabels, codeRuns, mainWorkflows } = args;
    return [
      new AdmissionPolicies(
        name,
        {
          namespace,
          workflowTemplateName: name,
          agentsToCancel,
          pusherNames: pulumi.output(args.push).apply(({ pusher }) => pusherNames(pusher)),
          repositoryLabels,
          codeRuns,
          mainWorkflows,
          sweep: args.sweep !== undefined,
          ownedRuns: args.appliedByOthers === undefined,
          argoInstanceId: args.argoInstanceId,
        },
        { parent: this },
      ),
    ];
  }
}

function missing(what: string): never {
  throw new Error(`RexRemediation needs ${what}`);
}
