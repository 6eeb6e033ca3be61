import assert from "node:assert/strict";
import { PushSensor } from "../../../components/pushSensor.ts";
import { pushTransform, type TaskPush } from "../../../components/taskPush.ts";
import { runNameTemplate } from "../../../components/vocabulary/runName.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";

const component = "rex-remediation:index:PushSensor";
const type = "kubernetes:argoproj.io/v1alpha1:Sensor";

interface SensorSpec {
  eventBusName: string;
  replicas: number;
  template: { serviceAccountName: string; securityContext: object; container: object };
  dependencies: { transform: { jq: string } }[];
  triggers: { retryStrategy: { steps: number; factor: number } }[];
}

async function sensor(unfilteredPush?: TaskPush, admissionPolicies = true, workflowTemplateUid = "e2b4") {
  const { registrations, value } = await register(() =>
    resolved(
      new PushSensor("rex", {
        namespace: "agents",
        eventSourceName: "rex",
        eventName: "push",
        unfilteredPush,
        workflowTemplateName: "rex",
        workflowTemplateUid,
        serviceAccountName: "rex-sensor",
        eventBusName: "default",
        replicas: 1,
        admissionPolicies,
        deployedSeconds: 90,
      }).sensorName,
    ),
  );
  const { metadata, spec } = only(registrations, type).inputs as {
    metadata: Record<string, unknown>;
    spec: SensorSpec;
  };
  return { registrations, value, metadata, spec };
}

describe("PushSensor", () => {
  it("is one Sensor", async () => {
    const { registrations, value, metadata } = await sensor();
    assert.deepEqual(shape(registrations), [` > ${component} rex`, `${component} > ${type} rex-sensor`]);
    assert.equal(value, "rex");
    assert.deepEqual([metadata.name, metadata.namespace], ["rex", "agents"]);
    const { "rex-remediation/run-salt": salt, ...annotations } = metadata.annotations as Record<string, string>;
    assert.match(salt ?? "", /^[0-9a-f]{12}$/);
    assert.deepEqual(annotations, {
      "pulumi.com/waitFor": JSON.stringify([
        `jsonpath={['status','metadata']..[?@.status=="False",'name']}=rex`,
        "condition=Deployed",
      ]),
      "pulumi.com/timeoutSeconds": "90",
    });
  });

  it("takes only what the transform calls wanted", async () => {
    const { spec } = await sensor();
    assert.deepEqual(spec.dependencies, [
      {
        name: "push",
        eventSourceName: "rex",
        eventName: "push",
        transform: { jq: pushTransform() },
        filters: { data: [{ path: "wanted", type: "bool", value: ["true"] }] },
      },
    ]);
  });

  it("has a constant dependency, so that no change of configuration drops its place in the queue", async () => {
    // Pusher, repositories and branch prefix stand in the EventSource alone.
    for (const word of ["5dlabs", "task-", "bot"]) {
      assert.ok(!(await sensor()).spec.dependencies[0]?.transform.jq.includes(word), word);
    }
  });

  it("checks the push itself where the EventSource is not this program's", async () => {
    const push = { pusher: "5DLabs-Rex[bot]", repositories: ["5dlabs/platform"], branchPrefix: "task-" };
    const { spec } = await sensor(push);
    assert.equal(spec.dependencies[0]?.transform.jq, pushTransform(push));
  });

  it("patches one Workflow per push, named and filled by checked values only [one-workflow-per-push]", async () => {
    const { spec, metadata } = await sensor();
    const { "rex-remediation/run-salt": salt = "" } = metadata.annotations as Record<string, string>;
    const fill = (src: object, dest: string) => ({ src: { dependencyName: "push", ...src }, dest });
    assert.deepEqual(spec.triggers, [
      {
        template: {
          name: "remediate",
          k8s: {
            operation: "patch",
            source: {
              resource: {
                apiVersion: "argoproj.io/v1alpha1",
                kind: "Workflow",
                metadata: {
                  name: "rex",
                  namespace: "agents",
                  labels: {
                    "app.kubernetes.io/name": "rex-remediation",
                    "app.kubernetes.io/instance": "rex",
                    "app.kubernetes.io/component": "remediation",
                    "rex-remediation/task": "",
                  },
                  ownerReferences: [
                    { apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTemplate", name: "rex", uid: "e2b4" },
                  ],
                },
                spec: {
                  workflowTemplateRef: { name: "rex" },
                  priority: 0,
                  arguments: {
                    parameters: ["task", "before", "after", "repository", "pushed-at"].map((name) => ({
                      name,
                      value: "",
                    })),
                  },
                },
              },
            },
            parameters: [
              fill({ dataTemplate: runNameTemplate("rex", salt) }, "metadata.name"),
              fill({ dataKey: "task" }, "metadata.labels.rex-remediation/task"),
              fill({ dataKey: "pushedAt", useRawData: true }, "spec.priority"),
              fill({ dataKey: "task" }, "spec.arguments.parameters.0.value"),
              fill({ dataKey: "before" }, "spec.arguments.parameters.1.value"),
              fill({ dataKey: "after" }, "spec.arguments.parameters.2.value"),
              fill({ dataKey: "repository" }, "spec.arguments.parameters.3.value"),
              fill({ dataKey: "pushedAt" }, "spec.arguments.parameters.4.value"),
            ],
          },
        },
        atLeastOnce: true,
        retryStrategy: { steps: 7, duration: "1s", factor: 2, jitter: 0.1 },
      },
    ]);
  });

  it("names runs otherwise where anything else in them is another, so that none is written over by a push that is delivered again", async () => {
    const salts: string[] = [];
    for (const uid of ["e2b4", "e2b4", "f3c5"]) {
      const { metadata, spec } = await sensor(undefined, true, uid);
      const { "rex-remediation/run-salt": salt = "" } = metadata.annotations as Record<string, string>;
      assert.ok(JSON.stringify(spec.triggers).includes(salt));
      salts.push(salt);
    }
    assert.equal(salts[0], salts[1]);
    assert.notEqual(salts[0], salts[2]);
  });

  it("outlives an API server that is away for a minute", async () => {
    const [trigger] = (await sensor()).spec.triggers;
    const { steps, factor } = trigger?.retryStrategy ?? { steps: 0, factor: 0 };
    const seconds = Array.from({ length: steps - 1 }, (_, attempt) => factor ** attempt).reduce(
      (sum, wait) => sum + wait,
    );
    assert.ok(seconds >= 60, `${seconds} s`);
  });

  it("creates only where no policy holds a patch within bounds, and gives a duplicate up after a few seconds", async () => {
    const [trigger] = (await sensor(undefined, false)).spec.triggers;
    assert.equal((trigger as unknown as { template: { k8s: { operation: string } } }).template.k8s.operation, "create");
    assert.deepEqual(trigger?.retryStrategy, { steps: 4, duration: "1s", factor: 2, jitter: 0.1 });
  });

  it("runs in restricted pods under its own account", async () => {
    const { template } = (await sensor()).spec;
    assert.equal(template.serviceAccountName, "rex-sensor");
    assert.deepEqual(template.securityContext, {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.deepEqual(template.container, {
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      },
      resources: { requests: { cpu: "20m", memory: "48Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
    });
  });
});
