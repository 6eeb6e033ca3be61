import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { instanceLabels } from "./argoInstance.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { restrictedPod } from "./podSecurity.ts";
import {
  type GithubAccessArgs,
  githubVariables,
  type MainWorkflowLabelArgs,
  mainWorkflowVariables,
  podMetadata,
  podSpecPatch,
  retryStrategy,
  sharedDirectory,
  singleStep,
  volumes,
  withKey,
} from "./stepContainer.ts";

/** The one template that has a pod. */
export const sweepTemplate = "sweep";

export interface SweepArgs extends GithubAccessArgs {
  namespace: pulumi.Input<string>;
  serviceAccountName: pulumi.Input<string>;
  /** When to look for lost pushes: cron, in the time zone of Argo's controller. */
  schedule: pulumi.Input<string>;
  /** How long, in seconds, a push is left to its own delivery. */
  afterSeconds: pulumi.Input<number>;
  /** Login of the App whose pushes count. */
  pusher: pulumi.Input<string>;
  /** What the name of a task branch begins with; the task's number follows. */
  branchPrefix: pulumi.Input<string>;
  mainWorkflows: MainWorkflowLabelArgs;
  /** Where GitHub's webhook goes; undefined if that is not known, and then no delivery is asked for again. */
  webhookUrl?: pulumi.Input<string>;
  /** metadata.uid of the remediation's WorkflowTemplate, which then owns the runs; undefined if that is not known. */
  workflowTemplateUid?: pulumi.Input<string>;
  /** What the names of runs are made with, beside the push; see vocabulary/runName.ts. */
  runSalt: pulumi.Input<string>;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  /** metadata.creationTimestamp of the same, or another time as ISO 8601 has it. What was pushed before was never this program's to handle. */
  installedAt: pulumi.Input<string>;
  /** How long a remediation is kept, in days. Of an older push nobody knows whether it had one. */
  retentionDays: pulumi.Input<number>;
  /** Image of the step. */
  image: pulumi.Input<string>;
  /** Limit for the step. */
  stepTimeoutSeconds: pulumi.Input<number>;
}

/**
 * The job that finds pushes nobody handled: GitHub tries a delivery once, and what was delivered may be lost, too. It asks GitHub for
 * failed deliveries again, and starts the remediation of a pushed head that has none, at most ten an hour.
 *
 * @see https://argo-workflows.readthedocs.io/en/latest/cron-workflows/
 * @see https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
 */
export class Sweep extends pulumi.ComponentResource {
  readonly cronWorkflowName: pulumi.Output<string>;

  constructor(name: string, args: SweepArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:Sweep", name, {}, opts);
    const cron = new k8s.apiextensions.CustomResource(
      `${name}-sweep`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "CronWorkflow",
        metadata: {
          name: `${name}-sweep`,
          namespace: args.namespace,
          // Argo hands the instance ID on to the sweeps.
          labels: { ...commonLabels(name, "sweep"), ...instanceLabels(args.argoInstanceId) },
        },
        spec: {
          schedules: [args.schedule],
          // One that takes long does the next one's work, too.
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 3,
          workflowMetadata: { labels: runLabels(name, "sweep") },
          workflowSpec: {
            entrypoint: sweepTemplate,
            serviceAccountName: args.serviceAccountName,
            securityContext: restrictedPod,
            podMetadata: podMetadata(runLabels(name, "sweep"), args),
            podSpecPatch,
            ttlStrategy: { secondsAfterCompletion: 24 * 60 * 60 },
            templates: [template(name, args)],
          },
        },
      },
      { parent: this },
    );
    this.cronWorkflowName = cron.metadata.name;
    this.registerOutputs({ cronWorkflowName: this.cronWorkflowName });
  }
}

function template(name: string, args: SweepArgs) {
  const output = (file: string) => ({ name: file, valueFrom: { path: `${sharedDirectory}/${file}`, default: "" } });
  const counter = (metric: string, help: string, file: string) => ({
    name: metric,
    help,
    when: `'{{outputs.parameters.${file}}}' != ''`,
    counter: { value: `{{outputs.parameters.${file}}}` },
  });
  const container = singleStep("sweep", {
    image: args.image,
    ...withKey,
    filledIn: { RUN_NAME: "{{workflow.name}}" },
    config: {
      NAME: name,
      NAMESPACE: args.namespace,
      ...githubVariables(args),
      ...mainWorkflowVariables(args.mainWorkflows),
      // One after the other.
      REPOSITORY: "",
      BRANCH_PREFIX: args.branchPrefix,
      PUSHER: args.pusher,
      WEBHOOK_URL: args.webhookUrl ?? "",
      WORKFLOW_TEMPLATE_UID: args.workflowTemplateUid ?? "",
      RUN_SALT: args.runSalt,
      ARGO_INSTANCE_ID: args.argoInstanceId ?? "",
      INSTALLED_AT: args.installedAt,
      SWEEP_AFTER_SECONDS: args.afterSeconds,
      RETENTION_DAYS: args.retentionDays,
      STEP_DEADLINE_SECONDS: args.stepTimeoutSeconds,
    },
  });
  return {
    name: sweepTemplate,
    // One that failed is not tried again at once: the next one is as good.
    retryStrategy: { ...retryStrategy, retryPolicy: "OnError" },
    activeDeadlineSeconds: pulumi.output(args.stepTimeoutSeconds).apply((seconds) => seconds + 60),
    volumes: volumes(args, "16Mi"),
    container,
    outputs: { parameters: [output("started"), output("redelivered")] },
    metrics: {
      prometheus: [
        {
          name: "rex_remediation_sweeps_total",
          help: "Sweeps, by how they ended.",
          labels: [{ key: "status", value: "{{status}}" }],
          counter: { value: "1" },
        },
        {
          // It did its work, and Argo's own container beside it failed, as where logs cannot be put away: no lost push stays lost.
          name: "rex_remediation_sweeps_total",
          help: "Sweeps, by how they ended.",
          when: "'{{status}}' != 'Succeeded' && '{{exitCode}}' == '0'",
          labels: [{ key: "status", value: "Succeeded" }],
          counter: { value: "1" },
        },
        counter(
          "rex_remediation_swept_pushes_total",
          "Pushes that had no remediation until a sweep found them.",
          "started",
        ),
        counter(
          "rex_remediation_redeliveries_total",
          "Failed deliveries of pushes that a sweep asked GitHub for again.",
          "redelivered",
        ),
      ],
    },
  };
}
