import assert from "node:assert/strict";
import { EventBus } from "../../../components/eventBus.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";

const type = "kubernetes:argoproj.io/v1alpha1:EventBus";

function eventBus(storageClassName?: string) {
  return register(() =>
    resolved(
      new EventBus("rex", {
        namespace: "agents",
        eventBusName: "default",
        version: "2.10.29",
        replicas: 3,
        storageClassName,
        volumeSize: "10Gi",
        deployedSeconds: 90,
      }).eventBusName,
    ),
  );
}

describe("EventBus", () => {
  it("is one JetStream EventBus with the configured name", async () => {
    const { registrations, value } = await eventBus();
    assert.equal(value, "default");
    assert.deepEqual(shape(registrations), [
      " > rex-remediation:index:EventBus rex",
      `rex-remediation:index:EventBus > ${type} rex-event-bus`,
    ]);
    const { metadata } = only(registrations, type).inputs as { metadata: Record<string, unknown> };
    assert.deepEqual([metadata.name, metadata.namespace], ["default", "agents"]);
  });

  it("keeps three copies of every event on volumes, in restricted pods", async () => {
    const { registrations } = await eventBus("fast");
    const { spec } = only(registrations, type).inputs as { spec: { jetstream: Record<string, unknown> } };
    const container = {
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
      resources: { requests: { cpu: "20m", memory: "32Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
    };
    assert.deepEqual(spec.jetstream, {
      version: "2.10.29",
      replicas: 3,
      streamConfig: "replicas: 3\n",
      persistence: { accessMode: "ReadWriteOnce", volumeSize: "10Gi", storageClassName: "fast" },
      metadata: {
        labels: {
          "app.kubernetes.io/name": "rex-remediation",
          "app.kubernetes.io/instance": "rex",
          "app.kubernetes.io/component": "event-bus",
        },
      },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containerTemplate: container,
      reloaderContainerTemplate: container,
      metricsContainerTemplate: container,
    });
  });
});
