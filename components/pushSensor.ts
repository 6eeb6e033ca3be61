import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { deployedAnnotations, newOnAnotherBus } from "./deployed.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { resources, restrictedContainer, restrictedPod } from "./podSecurity.ts";
import { pushTransform, type TaskPush } from "./taskPush.ts";
import { triggerParameters, unfilledRun } from "./vocabulary/run.ts";
import { runNameTemplate, runSalt, runSaltAnnotation } from "./vocabulary/runName.ts";

/** Name of the trigger, which Argo Events writes on what it creates. */
export const triggerName = "remediate";

export interface PushSensorArgs {
  namespace: pulumi.Input<string>;
  eventSourceName: pulumi.Input<string>;
  eventName: pulumi.Input<string>;
  /** Which pushes count, if the EventSource is not this program's and so does not filter them. */
  unfilteredPush?: pulumi.Input<TaskPush>;
  /** WorkflowTemplate of the remediation. */
  workflowTemplateName: pulumi.Input<string>;
  /** metadata.uid of that WorkflowTemplate, which then owns the runs; undefined if that is not known. */
  workflowTemplateUid?: pulumi.Input<string>;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  serviceAccountName: pulumi.Input<string>;
  eventBusName: pulumi.Input<string>;
  /** Pods; one works, the others stand by. */
  replicas: pulumi.Input<number>;
  /** Whether admission policies bind the Sensor's account; see {@link PushSensor}. */
  admissionPolicies: boolean;
  /** How long to wait until it is deployed. */
  deployedSeconds: pulumi.Input<number>;
}

/**
 * Turns each push into one remediation Workflow.
 *
 * The trigger gets the Workflow and creates it if there is none, else sends a merge patch. Every value comes from the pushed content,
 * so the patch of a duplicate delivery changes nothing. For that the Sensor needs the right to patch Workflows, which only an admission
 * policy can hold within bounds; without policies it only creates, and a duplicate costs it a few seconds in which it fails.
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
              // Without it Argo Events ignores the retries. One event at a time: the next one waits until the retries are over.
              atLeastOnce: true,
              retryStrategy: { steps: retries(args), duration: "1s", factor: 2, jitter: 0.1 },
            },
          ],
        },
      },
      { parent: this, ...newOnAnotherBus },
    );

    this.sensorName = sensor.metadata.name;
    this.registerOutputs({ sensorName: this.sensorName, runSalt: this.runSalt });
  }
}

/**
 * Patching, 1 + 2 + 4 + 8 + 16 + 32 seconds: longer than an API server takes to restart. Creating, a duplicate fails, too, and keeps
 * all others waiting until the retries are over: 1 + 2 + 4 seconds.
 */
function retries({ admissionPolicies }: PushSensorArgs): number {
  return admissionPolicies ? 7 : 4;
}
