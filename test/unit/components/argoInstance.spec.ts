import { deepEqual, equal, match } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { argoCommand, instanceIdLabel } from "../../../components/argoInstance.ts";
import { alarms } from "../../../components/monitoring/alarmRules.ts";
import { manifests, ofKind } from "../../support/pulumi/manifests.ts";

/**
 * Where Argo's controller has an instance ID. What this does not show: such a controller; Argo's own source says that it hands the label
 * of a CronWorkflow on to its Workflows, and that the command wants --instanceid without a server of Argo's.
 */
describe("argoInstanceId", () => {
  /** What is labelled with it, by kind. */
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
      told: [...new Set(JSON.stringify(made).match(/"ARGO_INSTANCE_ID","value":"[^"]*"/g))],
    };
  }

  it("labels the runs, the sweep and the WorkflowTemplate, from which tools know it, and tells the steps", async () => {
    deepEqual(await labels({ "argo.instanceId": "prod" }), {
      run: "prod",
      cronWorkflow: "prod",
      workflowTemplate: "prod",
      told: ['"ARGO_INSTANCE_ID","value":"prod"'],
    });
  });

  it("is nowhere where it is not set", async () => {
    deepEqual(await labels({}), {
      run: undefined,
      cronWorkflow: undefined,
      workflowTemplate: undefined,
      told: ['"ARGO_INSTANCE_ID","value":""'],
    });
  });

  it("stands in the commands that steps, tools and alarms print", () => {
    deepEqual(
      [argoCommand("qa", undefined), argoCommand("qa", "prod")],
      ["argo -n qa", "argo -n qa --instanceid prod"],
    );
    const line = /^readonly ARGO=.*$/m.exec(readFileSync("components/steps/lib.sh", "utf8"))?.[0] ?? "";
    const ofSteps = (id: string) =>
      execFileSync("bash", ["-euc", `${line}; printf %s "$ARGO"`], { env: { NAMESPACE: "qa", ARGO_INSTANCE_ID: id } });
    deepEqual([`${ofSteps("")}`, `${ofSteps("prod")}`], ["argo -n qa", "argo -n qa --instanceid prod"]);
    const watched = { namespace: "qa", eventSourceName: "e", sensorName: "s", sweepSchedule: "*/5 * * * *" };
    const said = JSON.stringify(alarms("rex", { ...watched, argoInstanceId: "prod", maxRounds: 5, slowSeconds: 120 }));
    equal(said.match(/argo -n qa(?! --instanceid prod)/), null);
    match(said, /argo -n qa --instanceid prod retry RUN/);
  });
});
