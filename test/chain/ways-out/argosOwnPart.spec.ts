import { equal, match } from "node:assert/strict";
import { isFailed, stepsEndedWell } from "../../../cli/lib/runEnd.ts";
import { until } from "../../support/cluster.ts";
import { controllerMetrics } from "../../support/controllerMetrics.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { deriveTemplate, unreachableArchive } from "../../support/faults/derivedTemplate.ts";
import { startRun } from "../../support/faults/sensorRun.ts";
import { seriesOf } from "../../support/metrics.ts";
import { gates } from "../../support/platform.ts";
import type { Workflow } from "../../support/workflows.ts";

/**
 * Runs whose steps succeed while Argo's own container beside them fails, because it has to archive the logs at an address that does not
 * work. Only the case's own template sets that address; the controller's configuration is not changed. What this does not show: a
 * controller that sets such an address for all workflows.
 */
describe("a run in which only Argo's own container fails", function () {
  this.timeout(900_000);
  const dev = devPlatform();

  const counted = async (name: string, label: string, value: string): Promise<number> =>
    seriesOf(await controllerMetrics(), `argo_workflows_${name}`)
      .filter(({ labels }) => labels[label] === value)
      .reduce((sum, one) => sum + one.value, 0);

  it("ends and counts as remediated, with a warning: three pods, one gate, one comment [remediated-despite-argos-container]", async () => {
    const { platform } = dev;
    const { cluster, github } = platform;
    const task = await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const template = await deriveTemplate(
      cluster,
      `rex-remediation-argos-own-${task.id}`,
      undefined,
      unreachableArchive,
    );
    const before = await counted("rex_remediation_runs_total", "outcome", "remediated");
    try {
      const { run } = await startRun(platform, task, template);
      const ended = await platform.ended(run, 600_000);
      equal(isFailed(ended), true);
      equal(ended.metadata.labels?.["rex-remediation/outcome"], "remediated");
      const pods = Object.values(ended.status?.nodes ?? {}).filter(
        ({ type, templateName }) => type === "Pod" && templateName === "remediate",
      );
      for (const { message = "" } of pods) match(message, /^wait: Error \(exit code 64\): /);
      equal(pods.length, 3);
    } finally {
      await template.remove();
    }
    const main = await cluster.workflow(task.workflow);
    equal(main?.metadata.annotations?.["rex-remediation/outcome"], "remediated");
    match(
      main?.metadata.annotations?.["rex-remediation/message"] ?? "",
      /^QA restarted by \S+; nothing was left to do, but Argo ended the run as (Error|Failed): Argo's container wait: Put "\/logs\/plan\.log": unsupported protocol scheme ""$/,
    );
    equal(gates(main).filter(({ message }) => message?.startsWith("resumed by ")).length, 1);
    const [comment, ...more] = (await github.repository(task.repository)).comments.filter(
      ({ issue }) => issue === task.pull,
    );
    equal(more.length, 0);
    match(
      comment?.body ?? "",
      /\n\*\*QA begins again on .*\n- label `ready-for-qa`: taken off\n.*\n- warning: `[^`]*wait: [^`]*`\n$/s,
    );
    await until("it is counted", 30_000, async () => {
      return (await counted("rex_remediation_runs_total", "outcome", "remediated")) > before;
    });
  });

  it("counts as a successful sweep [sweep-despite-argos-container]", async () => {
    const { cluster } = dev.platform;
    const { namespace } = cluster;
    const cron = (await cluster.custom.getNamespacedCustomObject({
      group: "argoproj.io",
      version: "v1alpha1",
      plural: "cronworkflows",
      namespace,
      name: "rex-remediation-sweep",
    })) as { spec: { workflowSpec: { templates: object[] } } };
    const name = `rex-remediation-sweep-${dev.platform.newTask()}`;
    const before = await counted("rex_remediation_sweeps_total", "status", "Succeeded");
    await cluster.create<Workflow>({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: { name },
      spec: {
        ...cron.spec.workflowSpec,
        templates: cron.spec.workflowSpec.templates.map((template) => ({
          ...template,
          archiveLocation: unreachableArchive,
        })),
      },
    });
    try {
      const ended = await dev.platform.ended(name, 600_000);
      equal(isFailed(ended), true);
      equal(stepsEndedWell(ended), true);
      await until("it is counted as a successful sweep", 30_000, async () => {
        return (await counted("rex_remediation_sweeps_total", "status", "Succeeded")) > before;
      });
    } finally {
      await cluster.deleteWorkflow(name);
    }
  });
});
