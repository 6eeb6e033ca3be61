import assert from "node:assert/strict";
import { PushEventSource, type PushEventSourceArgs } from "../../../components/pushEventSource.ts";
import { pushExpression } from "../../../components/taskPush.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";

const component = "rex-remediation:index:PushEventSource";
const eventSourceType = "kubernetes:argoproj.io/v1alpha1:EventSource";
const serviceType = "kubernetes:core/v1:Service";
const networkPolicyType = "kubernetes:networking.k8s.io/v1:NetworkPolicy";
const ingressType = "kubernetes:networking.k8s.io/v1:Ingress";
const routeType = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute";

const push = {
  pusher: "5DLabs-Rex[bot]",
  repositories: ["5dlabs/platform", "acme/widgets", "5dlabs/site"],
  branchPrefix: "task-",
};

type PublicAccess = Pick<PushEventSourceArgs, "ingress" | "gatewayRoute">;

function eventSource(publicAccess: PublicAccess = {}, allowedFrom: string[] = []) {
  return register(async () => {
    const made = new PushEventSource("rex", {
      namespace: "agents",
      push,
      webhookSecretName: "rex-webhook-01234567",
      serviceAccountName: "rex-event-source",
      eventBusName: "default",
      replicas: 2,
      ...publicAccess,
      allowedFrom,
      deployedSeconds: 90,
    });
    return {
      eventSourceName: await resolved(made.eventSourceName),
      eventName: await resolved(made.eventName),
      webhookUrl: await resolved(made.webhookUrl),
      inClusterWebhookUrl: await resolved(made.inClusterWebhookUrl),
    };
  });
}

describe("PushEventSource", () => {
  it("is an EventSource and its Service", async () => {
    const { registrations, value } = await eventSource();
    assert.deepEqual(shape(registrations), [
      ` > ${component} rex`,
      `${component} > ${eventSourceType} rex-event-source`,
      `${component} > ${serviceType} rex-webhook`,
    ]);
    assert.deepEqual(value, {
      eventSourceName: "rex",
      eventName: "push",
      webhookUrl: "http://rex-webhook.agents.svc:12000/push",
      inClusterWebhookUrl: "http://rex-webhook.agents.svc:12000/push",
    });
  });

  it("can be reached only from the listed namespaces and addresses, but still serves its metrics to the whole cluster", async () => {
    const { registrations } = await eventSource({}, ["ingress-nginx", "192.30.252.0/22", "fd00::/8"]);
    assert.ok(shape(registrations).includes(`${component} > ${networkPolicyType} rex-webhook`));
    const { spec } = only(registrations, networkPolicyType).inputs;
    assert.deepEqual(spec, {
      podSelector: {
        matchLabels: { controller: "eventsource-controller", "eventsource-name": "rex", "owner-name": "rex" },
      },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "ingress-nginx" } } },
            { ipBlock: { cidr: "192.30.252.0/22" } },
            { ipBlock: { cidr: "fd00::/8" } },
          ],
          ports: [{ protocol: "TCP", port: 12000 }],
        },
        { from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: 7777 }] },
      ],
    });
  });

  it("verifies signatures, filters pushes, and creates no webhook", async () => {
    const { registrations } = await eventSource();
    const { spec, metadata } = only(registrations, eventSourceType).inputs as Record<string, Record<string, unknown>>;
    assert.equal(metadata?.name, "rex");
    assert.deepEqual(spec?.github, {
      push: {
        webhook: { endpoint: "/push", port: "12000", method: "POST", url: "" },
        repositories: [
          { owner: "5dlabs", names: ["platform", "site"] },
          { owner: "acme", names: ["widgets"] },
        ],
        events: ["push"],
        contentType: "json",
        webhookSecret: { name: "rex-webhook-01234567", key: "secret" },
        metadata: { branchPrefix: "task-" },
        filter: { expression: pushExpression(push) },
      },
    });
    assert.deepEqual([spec?.eventBusName, spec?.replicas], ["default", 2]);
  });

  it("runs in restricted pods with its own account", async () => {
    const { registrations } = await eventSource();
    const { spec } = only(registrations, eventSourceType).inputs as { spec: { template: unknown } };
    assert.deepEqual(spec.template, {
      metadata: {
        labels: {
          "app.kubernetes.io/name": "rex-remediation",
          "app.kubernetes.io/instance": "rex",
          "app.kubernetes.io/component": "event-source",
        },
      },
      serviceAccountName: "rex-event-source",
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: "RuntimeDefault" },
      },
      container: {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        resources: { requests: { cpu: "20m", memory: "48Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
      },
    });
  });

  it("makes pulumi up wait until Argo Events reports it as deployed and its Service has an endpoint", async () => {
    const { registrations } = await eventSource();
    const { metadata } = only(registrations, eventSourceType).inputs as {
      metadata: { annotations: Record<string, string> };
    };
    assert.deepEqual(metadata.annotations, {
      "pulumi.com/waitFor": JSON.stringify([
        `jsonpath={['status','metadata']..[?@.status=="False",'name']}=rex`,
        "condition=Deployed",
      ]),
      "pulumi.com/timeoutSeconds": "90",
    });
    const service = only(registrations, serviceType).inputs as { metadata: { annotations: unknown }; spec: unknown };
    assert.deepEqual(service.metadata.annotations, { "pulumi.com/timeoutSeconds": "90" });
    assert.deepEqual(service.spec, {
      type: "ClusterIP",
      selector: { controller: "eventsource-controller", "eventsource-name": "rex", "owner-name": "rex" },
      ports: [{ name: "http", port: 12000, targetPort: 12000, protocol: "TCP" }],
    });
  });

  it("can be reached from outside through exactly one path of one host", async () => {
    const { registrations, value } = await eventSource({
      ingress: {
        host: "hooks.example.com",
        className: "nginx",
        tls: true,
        tlsSecretName: "hooks-tls",
        annotations: { "cert-manager.io/cluster-issuer": "letsencrypt" },
      },
    });
    assert.equal(value.webhookUrl, "https://hooks.example.com/push");
    assert.equal(value.inClusterWebhookUrl, "http://rex-webhook.agents.svc:12000/push");
    const { parentType, inputs } = only(registrations, ingressType);
    assert.equal(parentType, component);
    const { metadata, spec } = inputs as { metadata: { name: string; annotations: unknown }; spec: unknown };
    assert.equal(metadata.name, "rex-webhook");
    assert.deepEqual(metadata.annotations, {
      "pulumi.com/skipAwait": "true",
      "cert-manager.io/cluster-issuer": "letsencrypt",
    });
    assert.deepEqual(spec, {
      ingressClassName: "nginx",
      tls: [{ hosts: ["hooks.example.com"], secretName: "hooks-tls" }],
      rules: [
        {
          host: "hooks.example.com",
          http: {
            paths: [
              {
                path: "/push",
                pathType: "Exact",
                backend: { service: { name: "rex-webhook", port: { number: 12000 } } },
              },
            ],
          },
        },
      ],
    });
  });

  it("has an http URL if the Ingress does not terminate TLS", async () => {
    const { registrations, value } = await eventSource({ ingress: { host: "hooks.example.com", tls: false } });
    assert.equal(value.webhookUrl, "http://hooks.example.com/push");
    assert.equal("tls" in (only(registrations, ingressType).inputs.spec as object), false);
  });

  /** Only a cluster with a Gateway can show that the Gateway and its CRD accept the route. */
  it("can be reached through a Gateway on exactly one path of one host", async () => {
    const { registrations, value } = await eventSource({
      gatewayRoute: {
        host: "hooks.example.com",
        name: "public",
        namespace: "gateways",
        sectionName: "https",
        tls: true,
      },
    });
    assert.equal(value.webhookUrl, "https://hooks.example.com/push");
    assert.equal(value.inClusterWebhookUrl, "http://rex-webhook.agents.svc:12000/push");
    const { parentType, inputs } = only(registrations, routeType);
    assert.equal(parentType, component);
    assert.deepEqual(inputs, {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: {
        name: "rex-webhook",
        namespace: "agents",
        labels: {
          "app.kubernetes.io/name": "rex-remediation",
          "app.kubernetes.io/instance": "rex",
          "app.kubernetes.io/component": "event-source",
          "app.kubernetes.io/managed-by": "pulumi",
        },
      },
      spec: {
        parentRefs: [{ name: "public", namespace: "gateways", sectionName: "https" }],
        hostnames: ["hooks.example.com"],
        rules: [
          {
            matches: [{ path: { type: "Exact", value: "/push" } }],
            backendRefs: [{ name: "rex-webhook", port: 12000 }],
          },
        ],
      },
    });
  });

  it("leaves out optional fields of the Gateway, and has an http URL if its listener does not terminate TLS", async () => {
    const { registrations, value } = await eventSource({
      gatewayRoute: { host: "hooks.example.com", name: "public", tls: false },
    });
    assert.equal(value.webhookUrl, "http://hooks.example.com/push");
    const { spec } = only(registrations, routeType).inputs as { spec: { parentRefs: unknown } };
    assert.deepEqual(spec.parentRefs, [{ name: "public" }]);
  });
});
