import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { deployedAnnotations } from "./deployed.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { resources, restrictedContainer, restrictedPod } from "./podSecurity.ts";

export interface EventBusArgs {
  namespace: pulumi.Input<string>;
  /** metadata.name of the EventBus. */
  eventBusName: string;
  /** JetStream version. It must be one of those that the Argo Events controller is configured with. */
  version: pulumi.Input<string>;
  /** Number of JetStream servers. Each keeps a copy of every event. */
  replicas: pulumi.Input<number>;
  /** Default: the cluster's default StorageClass. */
  storageClassName?: pulumi.Input<string>;
  /** Size of each server's volume. */
  volumeSize: pulumi.Input<string>;
  /** How long to wait until it is deployed, in seconds. */
  deployedSeconds: pulumi.Input<number>;
}

/**
 * An EventBus with persistent volumes, so that its events survive a restart of its pods.
 * @see https://argoproj.github.io/argo-events/eventbus/jetstream/
 */
export class EventBus extends pulumi.ComponentResource {
  /** Name that EventSource and Sensor refer to. */
  readonly eventBusName: pulumi.Output<string>;

  constructor(name: string, args: EventBusArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:EventBus", name, {}, opts);
    const container = {
      securityContext: restrictedContainer,
      resources: resources({ cpu: "20m", memory: "32Mi" }, { cpu: "500m", memory: "256Mi" }),
    };
    const eventBus = new k8s.apiextensions.CustomResource(
      `${name}-event-bus`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "EventBus",
        metadata: {
          name: args.eventBusName,
          namespace: args.namespace,
          labels: commonLabels(name, "event-bus"),
          annotations: deployedAnnotations(args.eventBusName, args.deployedSeconds),
        },
        spec: {
          jetstream: {
            version: args.version,
            replicas: args.replicas,
            // By default Argo Events wants three copies of each event, but fewer than three servers refuse that.
            streamConfig: pulumi.interpolate`replicas: ${args.replicas}\n`,
            persistence: {
              accessMode: "ReadWriteOnce",
              volumeSize: args.volumeSize,
              storageClassName: args.storageClassName,
            },
            metadata: { labels: runLabels(name, "event-bus") },
            securityContext: restrictedPod,
            containerTemplate: container,
            reloaderContainerTemplate: container,
            metricsContainerTemplate: container,
          },
        },
      },
      { parent: this },
    );
    this.eventBusName = eventBus.metadata.name;
    this.registerOutputs({ eventBusName: this.eventBusName });
  }
}
