import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { instanceLabels } from "./argoInstance.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { restrictedPod } from "./podSecurity.ts";
import type { Inputs, SweepConfig } from "./stepConfig.ts";
import {
  commonConfig,
  type GithubAccessArgs,
  type MainWorkflowLabelArgs,
  podMetadata,
  podSpecPatch,
  retryStrategy,
  sharedDirectory,
  singleStep,
  volumes,
  withKey,
} from "./stepContainer.ts";

/** The only template of a sweep. */
export const sweepTemplate = "sweep";

export interface SweepArgs extends GithubAccessArgs {
  namespace: pulumi.Input<string>;
  serviceAccountName: pulumi.Input<string>;
  /** When to look for lost pushes: cron, in the time zone of Argo's controller. */
  schedule: pulumi.Input<string>;
  /** How long to wait for a push's own delivery, in seconds. */
  afterSeconds: pulumi.Input<number>;
  /** Login of the App whose pushes count. */
  pusher: pulumi.Input<string>;
  /** Prefix of a task's branch. The task's number follows it. */
  branchPrefix: pulumi.Input<string>;
  mainWorkflows: MainWorkflowLabelArgs;
  /** URL of GitHub's webhook. If undefined, the sweep does not redeliver failed deliveries. */
  webhookUrl?: pulumi.Input<string>;
  /** metadata.uid of the remediation's WorkflowTemplate, which then owns the runs; undefined if it is not known. */
  workflowTemplateUid?: pulumi.Input<string>;
  /** Part of the digest in the names of runs; see vocabulary/runName.ts. */
  runSalt: pulumi.Input<string>;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  /** When this program was installed, in ISO 8601. Earlier pushes are ignored. */
  installedAt: pulumi.Input<string>;
  /** How long runs are kept, in days. Older pushes are ignored, because nobody knows whether they had a run. */
  retentionDays: pulumi.Input<number>;
  /** Image of the step. */
  image: pulumi.Input<string>;
  /** How long the step may take. */
  stepTimeoutSeconds: pulumi.Input<number>;
}

/**
 * The job that finds lost pushes: GitHub tries a delivery only once, and a delivered push may still get lost. The sweep asks GitHub to
 * redeliver failed deliveries, and starts the remediation of a pushed head that has none, at most ten an hour.
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
          // Argo copies the instance ID to the Workflows of the sweeps.
          labels: { ...commonLabels(name, "sweep"), ...instanceLabels(args.argoInstanceId) },
        },
        spec: {
          schedules: [args.schedule],
          // A sweep may be skipped while the previous one still runs, because that one does the same work.
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 3,
          workflowMetadata: { labels: runLabels(name, "sweep") },
          workflowSpec: {
            entrypoint: sweepTemplate,
            serviceAccountName: args.serviceAccountName,
            securityContext: restrictedPod,
            podMetadata: podMetadata(runLabels(name, "sweep"), args, configOf(name, args)),
            podSpecPatch,
            ttlStrategy: { secondsAfterCompletion: 24 * 60 * 60 },
            templates: [template(args)],
          },
        },
      },
      { parent: this },
    );
    this.cronWorkflowName = cron.metadata.name;
    this.registerOutputs({ cronWorkflowName: this.cronWorkflowName });
  }
}

function template(args: SweepArgs) {
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
    fromObjects: {
      WEBHOOK_URL: args.webhookUrl ?? "",
      WORKFLOW_TEMPLATE_UID: args.workflowTemplateUid ?? "",
      RUN_SALT: args.runSalt,
      INSTALLED_AT: args.installedAt,
    },
  });
  return {
    name: sweepTemplate,
    // A failed sweep is not retried, because the next one does the same work.
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
          // The step did its work and only Argo's own container failed, for example because it could not store logs: no push stays lost.
          name: "rex_remediation_sweeps_total",
          help: "Sweeps, by how they ended.",
          when: "'{{status}}' != 'Succeeded' && '{{exitCode}}' == '0'",
          labels: [{ key: "status", value: "Succeeded" }],
          counter: { value: "1" },
        },
        counter("rex_remediation_swept_pushes_total", "Pushes whose remediation a sweep started.", "started"),
        counter(
          "rex_remediation_redeliveries_total",
          "Failed deliveries that a sweep asked GitHub to redeliver.",
          "redelivered",
        ),
      ],
    },
  };
}

function configOf(name: string, args: SweepArgs): Inputs<SweepConfig> {
  const { afterSeconds, retentionDays, argoInstanceId: instanceId } = args;
  return { ...commonConfig(name, { ...args, instanceId }), afterSeconds, retentionDays };
}
