import { deepEqual, equal, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { AppsV1Api } from "@kubernetes/client-node";
import { afterwards } from "../../support/afterwards.ts";
import { until } from "../../support/cluster.ts";
import { controllerMetrics } from "../../support/controllerMetrics.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { readDevStack } from "../../support/devStack.ts";
import { identity } from "../../support/metrics.ts";
import type { Task } from "../../support/platform.ts";
import {
  type RecordedMetrics,
  readRecordedMetrics,
  watchedSeries,
  writeRecordedMetrics,
} from "../../support/recordedMetrics.ts";

const run = promisify(execFile);

/**
 * Alarms and dashboard are tested with metrics recorded in test/chain/metrics/recorded.json (see test/manifests/alarms.spec.ts). This spec
 * checks that the controller still serves each of them with the same name and labels. With REX_RECORD_METRICS=1 it records them again;
 * use a fresh node for that. What this does not show: the metrics of kube-state-metrics, which the node does not have.
 */
describe("metrics of real runs", function () {
  this.timeout(540_000);
  const dev = devPlatform();
  const snapshots: RecordedMetrics["snapshots"] = [];
  let hook: number;
  let lost: Task;
  let lostAt: number;

  async function snapshot(after: string): Promise<void> {
    const series = watchedSeries(await controllerMetrics());
    snapshots.push({ after, series: Object.fromEntries(series.map((one) => [identity(one), one.value])) });
  }

  /** The last value of a series; 0 if there is none. */
  function value(name: string): number {
    const series = Object.entries(snapshots.at(-1)?.series ?? {}).filter(([key]) => key === `argo_workflows_${name}`);
    return series.reduce((sum, [, number]) => sum + number, 0);
  }

  /** Acts, waits until the controller has counted the act in this series, and takes a snapshot. */
  const snapshotAfter = async (name: string, act: () => Promise<void>, after: string) => {
    const before = value(name);
    await act();
    await until(`the controller has counted ${name}`, 60_000, async () => {
      const series = watchedSeries(await controllerMetrics());
      return series.some((one) => identity(one) === `argo_workflows_${name}` && one.value > before);
    });
    await snapshot(after);
  };

  /** Runs a sweep at once and returns the phase in which it ended. */
  async function sweep(): Promise<string> {
    const { namespace } = dev.platform.cluster;
    const { stdout } = await run(
      "argo",
      ["-n", namespace, "submit", "--from", "cronwf/rex-remediation-sweep", "--output", "name"],
      { timeout: 60_000 },
    );
    return (await dev.platform.ended(stdout.trim().replace(/^.*\//, ""), 120_000)).status?.phase ?? "";
  }

  before(async () => {
    await snapshot("nothing yet");
    // A push by Rex that GitHub never delivers.
    lost = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    await dev.platform.moveBranch(lost);
    lostAt = Date.now();
    const stack = readDevStack();
    // Remembered by its number, because other tests' Apps may have webhooks, too.
    ({ id: hook } = await dev.platform.github.putAppHook(stack.appId, { url: stack.outputs.webhookUrl }));
    await dev.platform.github.noteDelivery({
      hook,
      guid: randomUUID(),
      event: "push",
      statusCode: 0,
      status: "failed to connect to host",
      deliveredAt: Math.floor(lostAt / 1000),
      repository: lost.repository,
    });
  });
  after(() =>
    afterwards(
      () => dev.platform.github.clearFaults(),
      () => dev.platform.github.removeHook(hook),
    ),
  );

  it("count two rounds of a task, and between them a push that had nothing to do", async () => {
    const task = await dev.platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    const pushed = (outcome: string, after: string) =>
      snapshotAfter(
        `rex_remediation_runs_total{outcome="${outcome}"}`,
        async () => {
          const { run } = await dev.platform.push(task);
          equal(await dev.platform.outcome(run), outcome);
        },
        after,
      );
    await pushed("remediated", "the first round of a task");
    await pushed("nothing-stale", "a push that had nothing to do");
    await dev.platform.github.putRepository(task.repository, {
      pulls: [{ number: task.pull, headRef: task.branch, labels: [`task-${task.id}`, "ready-for-qa"] }],
    });
    await pushed("remediated", "the second round of a task");
    ok(value('rex_remediation_round_bucket{le="1"}') < value('rex_remediation_round_bucket{le="2"}'));
  });

  it("count a remediation that failed", async () => {
    const task = await dev.platform.startTask("at-bare-gate");
    const name = `rex-remediation-${task.id}-failing`;
    await snapshotAfter(
      'rex_remediation_runs_total{outcome="failed"}',
      async () => {
        await dev.platform.cluster.create({
          apiVersion: "argoproj.io/v1alpha1",
          kind: "Workflow",
          metadata: { name },
          spec: {
            workflowTemplateRef: { name: "rex-remediation" },
            arguments: {
              parameters: [
                { name: "task", value: task.id },
                { name: "repository", value: "acme/unknown" },
              ],
            },
          },
        });
        equal(await dev.platform.outcome(name), "failed");
      },
      "a remediation that failed",
    );
  });

  it("count a sweep that could do nothing", async () => {
    await snapshotAfter(
      'rex_remediation_sweeps_total{status="Failed"}',
      async () => {
        await dev.platform.github.addFault({ pathPattern: "/access_tokens$", status: 422, times: null });
        equal(await sweep(), "Failed");
        await dev.platform.github.clearFaults();
      },
      "a sweep that failed",
    );
  });

  it("count what a sweep found: a lost push and a failed delivery", async () => {
    // The sweep ignores a push for five minutes, because its delivery may still arrive.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, lostAt + 305_000 - Date.now())));
    await snapshotAfter(
      'rex_remediation_sweeps_total{status="Succeeded"}',
      async () => void (await sweep()),
      "a sweep",
    );
    await until("the lost push is remediated", 120_000, async () => {
      const ledger = (await dev.platform.cluster.workflow(lost.workflow))?.metadata.annotations ?? {};
      return ledger["rex-remediation/head"] === lost.head && ledger["rex-remediation/resumed"] === "true";
    });
    await snapshot("a lost push was remediated");
    ok(value("rex_remediation_swept_pushes_total") > 0);
    ok(value("rex_remediation_redeliveries_total") > 0);
  });

  it("are the same as in the tests of alarms and dashboard", async () => {
    const { namespace, config } = dev.platform.cluster;
    const { items } = await config.makeApiClient(AppsV1Api).listNamespacedDeployment({ namespace });
    const now: RecordedMetrics = {
      recorded: new Date().toISOString().slice(0, 10),
      how: "REX_RECORD_METRICS=1 and test/chain/metrics/recorded.spec.ts on a fresh embedded node: Argo Workflows 3.7.4, Argo Events 1.9.11",
      snapshots,
      deployments: items.map(({ metadata, status }) => ({
        namespace,
        deployment: metadata?.name ?? "",
        available: status?.availableReplicas ?? 0,
      })),
    };
    if (process.env.REX_RECORD_METRICS) writeRecordedMetrics(now);
    deepEqual(
      identities(readRecordedMetrics()).filter((one) => !identities(now).includes(one)),
      [],
    );
    deepEqual(kinds(now), kinds(readRecordedMetrics()));
  });

  /** Names and labels of all series in the last snapshot. */
  const identities = ({ snapshots }: RecordedMetrics) => Object.keys(snapshots.at(-1)?.series ?? {}).sort();
  /** Names of the Deployments without the random suffix from Argo Events. */
  const kinds = ({ deployments }: RecordedMetrics) =>
    deployments
      .map(({ deployment }) => deployment.replace(/-[a-z0-9]+$/, ""))
      .filter((name) => name.startsWith("rex-remediation-"))
      .sort();
});
