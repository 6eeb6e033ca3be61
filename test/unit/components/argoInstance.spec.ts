import { deepEqual, equal, match } from "node:assert/strict";
import { argoCommand, instanceIdLabel } from "../../../components/argoInstance.ts";
import { alarms } from "../../../components/monitoring/alarmRules.ts";
import { manifests, ofKind } from "../../support/pulumi/manifests.ts";

/**
 * A stack for an Argo controller with an instance ID. No such controller runs here: according to its source, Argo copies the label of a
 * CronWorkflow to its Workflows, and the argo command needs --instanceid if it does not use Argo's server.
 */
describe("argo.instanceId", () => {
  /** The instance ID that each kind of object is labelled with, and the variables that pass it to the steps. */
  async function labels(config: Record<string, string>) {
    const made = await manifests({ name: "rex", ...config });
    const label = (object: { metadata: { labels?: Record<string, string> } } | undefined) =>
      object?.metadata.labels?.[instanceIdLabel];
    const sensor = ofKind(made, "Sensor").spec as {
      triggers: { template: { k8s: { source: { resource: never } } } }[];
    };
    return {
      run: label(sensor.triggers[0]?.template.k8s.source.resource),
      cronWorkflow: label(ofKind(made, "CronWorkflow")),
      workflowTemplate: label(ofKind(made, "WorkflowTemplate")),
      told: [...new Set([...JSON.stringify(made).matchAll(/argoInstanceId\\":\\"([^"\\]*)/g)].map(([, id]) => id))],
    };
  }

  it("labels the runs, the sweep and the WorkflowTemplate, where tools read it, and is passed to the steps", async () => {
    deepEqual(await labels({ "argo.instanceId": "prod" }), {
      run: "prod",
      cronWorkflow: "prod",
      workflowTemplate: "prod",
      told: ["prod"],
    });
  });

  it("appears nowhere if it is not set", async () => {
    deepEqual(await labels({}), {
      run: undefined,
      cronWorkflow: undefined,
      workflowTemplate: undefined,
      told: [""],
    });
  });

  it("appears in the commands that steps, tools and alarms print", () => {
    deepEqual(
      [argoCommand("qa", undefined), argoCommand("qa", "prod")],
      ["argo -n qa", "argo -n qa --instanceid prod"],
    );
    const watched = { namespace: "qa", eventSourceName: "e", sensorName: "s", sweepSchedule: "*/5 * * * *" };
    const rules = JSON.stringify(alarms("rex", { ...watched, argoInstanceId: "prod", maxRounds: 5, slowSeconds: 120 }));
    equal(rules.match(/argo -n qa(?! --instanceid prod)/), null);
    match(rules, /argo -n qa --instanceid prod retry RUN/);
  });
});
