import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { deployedAnnotations, replacedOnAnotherBus } from "./deployed.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { resources, restrictedContainer, restrictedPod } from "./podSecurity.ts";
import { pushTransform, type TaskPush } from "./taskPush.ts";
import { triggerParameters, unfilledRun } from "./vocabulary/run.ts";
import { runNameTemplate, runSalt, runSaltAnnotation } from "./vocabulary/runName.ts";

/** Name of the trigger. Argo Events writes it in a label of the objects that it creates. */
export const triggerName = "remediate";

export interface PushSensorArgs {
  namespace: pulumi.Input<string>;
  eventSourceName: pulumi.Input<string>;
  eventName: pulumi.Input<string>;
  /** Which pushes count; only set if the EventSource is not this program's, because then nothing has filtered the pushes. */
  unfilteredPush?: pulumi.Input<TaskPush>;
  /** WorkflowTemplate of the remediation. */
  workflowTemplateName: pulumi.Input<string>;
  /** metadata.uid of that WorkflowTemplate, which then owns the runs; undefined if it is not known, so that runs have no owner. */
  workflowTemplateUid?: pulumi.Input<string>;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  serviceAccountName: pulumi.Input<string>;
  eventBusName: pulumi.Input<string>;
  /** Number of pods; one works, the others stand by. */
  replicas: pulumi.Input<number>;
  /** Whether admission policies check the Sensor's writes; see {@link PushSensor}. */
  admissionPolicies: boolean;
  /** How long to wait until it is deployed, in seconds. */
  deployedSeconds: pulumi.Input<number>;
}

/**
 * Turns each push into one remediation Workflow.
 *
 * The trigger creates the Workflow if it does not exist, and otherwise sends a merge patch. Every value comes from the push, so the patch
 * of a duplicate delivery changes nothing. But to patch, the Sensor needs a right to patch Workflows, and only an admission policy can
 * limit that right to its own runs. Without policies it can only create, and a duplicate fails for a few seconds until the Sensor gives up.
 *
 * @see https://argoproj.github.io/argo-events/sensors/triggers/k8s-object-trigger/
 */
export class PushSensor extends pulumi.ComponentResource {
  readonly sensorName: pulumi.Output<string>;
  /** See {@link runSalt}. */
  readonly runSalt: pulumi.Output<string>;

  constructor(name: string, args: PushSensorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:PushSensor", name, {}, opts);
    const dependencyName = "push";
    const run = unfilledRun({ name, ...args });
    this.runSalt = pulumi.output(run).apply(runSalt);

    const sensor = new k8s.apiextensions.CustomResource(
      `${name}-sensor`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Sensor",
        metadata: {
          name,
          namespace: args.namespace,
          labels: commonLabels(name, "sensor"),
          annotations: { ...deployedAnnotations(name, args.deployedSeconds), [runSaltAnnotation]: this.runSalt },
        },
        spec: {
          eventBusName: args.eventBusName,
          replicas: args.replicas,
          template: {
            metadata: { labels: runLabels(name, "sensor") },
            serviceAccountName: args.serviceAccountName,
            securityContext: restrictedPod,
            container: {
              securityContext: restrictedContainer,
              resources: resources({ cpu: "20m", memory: "48Mi" }, { cpu: "500m", memory: "256Mi" }),
            },
          },
          dependencies: [
            {
              name: dependencyName,
              eventSourceName: args.eventSourceName,
              eventName: args.eventName,
              transform: { jq: pulumi.output(args.unfilteredPush).apply((push) => pushTransform(push)) },
              filters: { data: [{ path: "wanted", type: "bool", value: ["true"] }] },
            },
          ],
          triggers: [
            {
              template: {
                name: triggerName,
                k8s: {
                  operation: args.admissionPolicies ? "patch" : "create",
                  source: { resource: run },
                  parameters: triggerParameters(
                    dependencyName,
                    this.runSalt.apply((salt) => runNameTemplate(name, salt)),
                  ),
                },
              },
              // Without atLeastOnce, Argo Events ignores the retries. Events are handled one at a time, so the next one waits for them.
              atLeastOnce: true,
              retryStrategy: { steps: retries(args), duration: "1s", factor: 2, jitter: 0.1 },
            },
          ],
        },
      },
      { parent: this, ...replacedOnAnotherBus },
    );

    this.sensorName = sensor.metadata.name;
    this.registerOutputs({ sensorName: this.sensorName, runSalt: this.runSalt });
  }
}

/**
 * How often to try. If the trigger patches, the pauses add up to 1 + 2 + 4 + 8 + 16 + 32 seconds, which outlasts a restart of the API
 * server. If it only creates, every duplicate fails and delays the events behind it, so the pauses are just 1 + 2 + 4 seconds.
 */
function retries({ admissionPolicies }: PushSensorArgs): number {
  return admissionPolicies ? 7 : 4;
}
