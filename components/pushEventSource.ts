import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { deployedAnnotations, replacedOnAnotherBus } from "./deployed.ts";
import { webhookSecretKey } from "./githubAppSecrets.ts";
import { commonLabels, runLabels } from "./labels.ts";
import { resources, restrictedContainer, restrictedPod } from "./podSecurity.ts";
import { branchPrefixKey, pushExpression, type TaskPush } from "./taskPush.ts";

/** Port and path where the EventSource listens. */
const webhookPort = 12000;
const webhookPath = "/push";
/** Port where Argo Events serves its metrics. */
const metricsPort = 7777;

/** An Ingress through which GitHub reaches the EventSource from outside the cluster. */
export interface IngressArgs {
  /** Public host name. */
  host: pulumi.Input<string>;
  /** IngressClass; default: the cluster's default. */
  className?: pulumi.Input<string>;
  /** Whether the Ingress terminates TLS. */
  tls: boolean;
  /** Secret with the host's certificate; default: the ingress controller's own. */
  tlsSecretName?: pulumi.Input<string>;
  annotations?: pulumi.Input<Record<string, string>>;
}

/** A route, on a Gateway that somebody else runs, through which GitHub reaches the EventSource from outside the cluster. */
export interface GatewayRouteArgs {
  /** Public host name. A listener of the Gateway must serve it. */
  host: pulumi.Input<string>;
  /** Name of the Gateway. */
  name: pulumi.Input<string>;
  /** Namespace of the Gateway; default: the component's namespace. The Gateway must accept routes from the component's namespace. */
  namespace?: pulumi.Input<string>;
  /** The Gateway's listener; default: every listener that serves the host and accepts the route. */
  sectionName?: pulumi.Input<string>;
  /** Whether the listener terminates TLS. */
  tls: boolean;
}

export interface PushEventSourceArgs {
  namespace: pulumi.Input<string>;
  /** Which pushes pass. */
  push: pulumi.Input<TaskPush>;
  /** Name of a Secret. Its key `secret` holds the secret that verifies GitHub's signatures. */
  webhookSecretName: pulumi.Input<string>;
  serviceAccountName: pulumi.Input<string>;
  eventBusName: pulumi.Input<string>;
  /** Number of pods. All of them receive events. */
  replicas: pulumi.Input<number>;
  /** Default: the webhook cannot be reached from outside the cluster, unless {@link gatewayRoute} is set. */
  ingress?: IngressArgs;
  /** Replaces {@link ingress}. Only one of them may be set. */
  gatewayRoute?: GatewayRouteArgs;
  /** Names of namespaces and CIDRs that may reach the webhook; empty: no NetworkPolicy, so only the cluster's own rules apply. */
  allowedFrom: string[];
  /** How long to wait until it is deployed and its Service has endpoints, in seconds. */
  deployedSeconds: pulumi.Input<number>;
}

/**
 * Receives GitHub's push events, filters the ones that restart QA, and puts those on the event bus.
 * @see https://argoproj.github.io/argo-events/eventsources/setup/github/
 */
export class PushEventSource extends pulumi.ComponentResource {
  readonly eventSourceName: pulumi.Output<string>;
  /** Name of the event that the EventSource emits. */
  readonly eventName: pulumi.Output<string>;
  /** The URL for GitHub's webhook: the public one if there is one, otherwise the one inside the cluster. */
  readonly webhookUrl: pulumi.Output<string>;
  readonly inClusterWebhookUrl: pulumi.Output<string>;

  constructor(name: string, args: PushEventSourceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:PushEventSource", name, {}, opts);
    const labels = commonLabels(name, "event-source");
    const eventName = "push";

    const eventSource = new k8s.apiextensions.CustomResource(
      `${name}-event-source`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "EventSource",
        metadata: {
          name,
          namespace: args.namespace,
          labels,
          annotations: deployedAnnotations(name, args.deployedSeconds),
        },
        spec: {
          eventBusName: args.eventBusName,
          replicas: args.replicas,
          template: {
            metadata: { labels: runLabels(name, "event-source") },
            serviceAccountName: args.serviceAccountName,
            securityContext: restrictedPod,
            container: {
              securityContext: restrictedContainer,
              resources: resources({ cpu: "20m", memory: "48Mi" }, { cpu: "500m", memory: "256Mi" }),
            },
          },
          github: {
            [eventName]: {
              // Without a URL, Argo Events neither creates nor changes GitHub's webhook.
              webhook: { endpoint: webhookPath, port: `${webhookPort}`, method: "POST", url: "" },
              // Argo Events requires this list, but uses it only to create webhooks. The filter decides which pushes pass.
              repositories: pulumi.output(args.push).apply(({ repositories }) => byOwner(repositories)),
              events: ["push"],
              contentType: "json",
              webhookSecret: { name: args.webhookSecretName, key: webhookSecretKey },
              metadata: { [branchPrefixKey]: pulumi.output(args.push).apply(({ branchPrefix }) => branchPrefix) },
              filter: { expression: pulumi.output(args.push).apply(pushExpression) },
            },
          },
        },
      },
      { parent: this, ...replacedOnAnotherBus },
    );

    const service = new k8s.core.v1.Service(
      `${name}-webhook`,
      {
        metadata: {
          name: `${name}-webhook`,
          namespace: args.namespace,
          labels,
          annotations: { "pulumi.com/timeoutSeconds": pulumi.interpolate`${args.deployedSeconds}` },
        },
        spec: {
          type: "ClusterIP",
          selector: podLabels(name),
          ports: [{ name: "http", port: webhookPort, targetPort: webhookPort, protocol: "TCP" }],
        },
      },
      // Pulumi waits for the Service's endpoints, which do not exist before the EventSource's pods.
      { parent: this, dependsOn: [eventSource] },
    );

    if (args.allowedFrom.length > 0) {
      this.#restrict(name, args, labels);
    }

    this.eventSourceName = eventSource.metadata.name;
    this.eventName = pulumi.output(eventName);
    this.inClusterWebhookUrl = pulumi.interpolate`http://${service.metadata.name}.${args.namespace}.svc:${webhookPort}${webhookPath}`;
    this.webhookUrl = this.#expose(name, args, service, labels) ?? this.inClusterWebhookUrl;
    this.registerOutputs({
      eventSourceName: this.eventSourceName,
      eventName: this.eventName,
      webhookUrl: this.webhookUrl,
      inClusterWebhookUrl: this.inClusterWebhookUrl,
    });
  }

  /** @see https://kubernetes.io/docs/concepts/services-networking/network-policies/ */
  #restrict(name: string, args: PushEventSourceArgs, labels: Record<string, string>): void {
    new k8s.networking.v1.NetworkPolicy(
      `${name}-webhook`,
      {
        metadata: { name: `${name}-webhook`, namespace: args.namespace, labels },
        spec: {
          podSelector: { matchLabels: podLabels(name) },
          policyTypes: ["Ingress"],
          ingress: [
            { from: peers(args.allowedFrom), ports: [{ protocol: "TCP", port: webhookPort }] },
            // Monitoring in any namespace must still be able to scrape the metrics.
            { from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: metricsPort }] },
          ],
        },
      },
      { parent: this },
    );
  }

  /** Creates the Ingress or the route, and returns the webhook's public URL; undefined if there is neither. */
  #expose(
    name: string,
    args: PushEventSourceArgs,
    service: k8s.core.v1.Service,
    labels: Record<string, string>,
  ): pulumi.Output<string> | undefined {
    const { ingress, gatewayRoute } = args;
    if (ingress !== undefined) {
      this.#ingress(name, args, ingress, service, labels);
    }
    if (gatewayRoute !== undefined) {
      this.#gatewayRoute(name, args, gatewayRoute, service, labels);
    }
    const exposed = ingress ?? gatewayRoute;
    return exposed && pulumi.interpolate`${exposed.tls ? "https" : "http"}://${exposed.host}${webhookPath}`;
  }

  #ingress(
    name: string,
    args: PushEventSourceArgs,
    ingress: IngressArgs,
    service: k8s.core.v1.Service,
    labels: Record<string, string>,
  ): void {
    new k8s.networking.v1.Ingress(
      `${name}-webhook`,
      {
        metadata: {
          name: `${name}-webhook`,
          namespace: args.namespace,
          labels,
          annotations: pulumi.output(ingress.annotations ?? {}).apply((annotations) => ({
            // Some ingress controllers never report an address, and waiting for one would fail.
            "pulumi.com/skipAwait": "true",
            ...annotations,
          })),
        },
        spec: {
          ingressClassName: ingress.className,
          tls: ingress.tls ? [{ hosts: [ingress.host], secretName: ingress.tlsSecretName }] : undefined,
          rules: [
            {
              host: ingress.host,
              http: {
                paths: [
                  {
                    path: webhookPath,
                    pathType: "Exact",
                    backend: { service: { name: service.metadata.name, port: { number: webhookPort } } },
                  },
                ],
              },
            },
          ],
        },
      },
      { parent: this },
    );
  }

  /**
   * Pulumi does not wait for the route, because the Gateway's owner decides whether to accept it.
   * @see https://gateway-api.sigs.k8s.io/api-types/httproute/
   */
  #gatewayRoute(
    name: string,
    args: PushEventSourceArgs,
    route: GatewayRouteArgs,
    service: k8s.core.v1.Service,
    labels: Record<string, string>,
  ): void {
    new k8s.apiextensions.CustomResource(
      `${name}-webhook`,
      {
        apiVersion: "gateway.networking.k8s.io/v1",
        kind: "HTTPRoute",
        metadata: { name: `${name}-webhook`, namespace: args.namespace, labels },
        spec: {
          parentRefs: [{ name: route.name, namespace: route.namespace, sectionName: route.sectionName }],
          hostnames: [route.host],
          rules: [
            {
              matches: [{ path: { type: "Exact", value: webhookPath } }],
              backendRefs: [{ name: service.metadata.name, port: webhookPort }],
            },
          ],
        },
      },
      { parent: this },
    );
  }
}

/** Labels that Argo Events puts on the EventSource's pods. */
function podLabels(name: string): Record<string, string> {
  return { controller: "eventsource-controller", "eventsource-name": name, "owner-name": name };
}

function peers(allowedFrom: string[]) {
  return allowedFrom.map((from) =>
    from.includes("/")
      ? { ipBlock: { cidr: from } }
      : { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": from } } },
  );
}

/** Repositories grouped by owner, as the EventSource expects them. */
function byOwner(repositories: string[]): { owner: string; names: string[] }[] {
  const owners = new Map<string, string[]>();
  for (const repository of repositories) {
    const [owner = "", name = ""] = repository.split("/");
    owners.set(owner, [...(owners.get(owner) ?? []), name]);
  }
  return [...owners].map(([owner, names]) => ({ owner, names }));
}
