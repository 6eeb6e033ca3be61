import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { V1Pod } from "@kubernetes/client-node";
import { afterwards } from "../../support/afterwards.ts";
import { until } from "../../support/cluster.ts";
import { say } from "../../support/figures.ts";
import { ledgerOf, pushAndHold } from "../../support/heldRun.ts";
import { OwnStack } from "../../support/ownStack.ts";
import type { Platform, Task } from "../../support/platform.ts";
import { rsaKey } from "../../support/pulumi/stackConfig.ts";
import { resumedAfter } from "../../support/times.ts";

/** Identities of the pods that pushes go through, and of the WorkflowTemplate, with which the runs would go. */
interface Standing {
  pods: string[];
  template: string | undefined;
}

/**
 * `pulumi up` of another version of the program's configuration, while one remediation is at work and another one of the same task
 * waits for it. The cases go one after the other on one stack. What this does not show: Pulumi's own provider (a stand-in replaces
 * Secrets as it does), other steps' texts (they stand in the same object), and pushes that come in while the EventSource is rolled.
 */
describe("an update of the stack", function () {
  this.timeout(240_000);
  /** What the version after the update takes off pull requests; the one before takes ready-for-qa. */
  const otherLabel = "qa-please";
  const second = { "pullRequest.readyLabel": otherLabel, githubAppPrivateKey: rsaKey(2048) };
  const bothLabels = ["ready-for-qa", otherLabel];
  const stack = new OwnStack();
  let platform: Platform;
  let task: Task;
  let active: Awaited<ReturnType<Platform["push"]>>;
  let waiting: Awaited<ReturnType<Platform["push"]>>;
  let standing: Standing;

  before(async () => {
    const { outputs } = await stack.up();
    platform = await stack.platform(outputs.webhookUrl);
    task = await startTask();
    active = await pushAndHold(platform, task, "takes the label off");
    waiting = await platform.push(task);
    await until(`run ${waiting.run} waits`, 30_000, async () => (await phaseOf(waiting.run)) === "Pending");
    standing = await whatStands();
  });
  after(() =>
    afterwards(
      () => stack.github.clearFaults(),
      () => platform?.close(),
      () => stack.destroy(),
      () => stack.remove(),
    ),
  );

  function startTask(): Promise<Task> {
    return platform.startTask("at-bare-gate", { pullLabels: bothLabels });
  }

  async function phaseOf(run: string): Promise<string | undefined> {
    return (await platform.cluster.workflow(run))?.status?.phase;
  }

  async function labelsOf({ pull }: Task): Promise<string[]> {
    const { pulls } = await stack.github.repository(platform.options.repository);
    return (pulls.find(({ number }) => number === pull)?.labels ?? []).filter((label) => bothLabels.includes(label));
  }

  async function labelAgain({ id, pull, branch }: Task): Promise<void> {
    await stack.github.putRepository(platform.options.repository, {
      pulls: [{ number: pull, headRef: branch, labels: [`task-${id}`, ...bothLabels] }],
    });
  }

  /** The ready label that the run's own copy of the WorkflowTemplate names. */
  async function versionOf(run: string): Promise<string[]> {
    const { status } = (await platform.cluster.workflow(run)) ?? {};
    const stored = JSON.stringify(status?.storedWorkflowTemplateSpec);
    return [...new Set([...stored.matchAll(/"name":"READY_LABEL","value":"([^"]+)"/g)].map(([, label = ""]) => label))];
  }

  async function whatStands(): Promise<Standing> {
    const { core, custom, namespace } = platform.cluster;
    const { items } = await core.listNamespacedPod({ namespace });
    const ours = items.filter(({ metadata }) => /-(eventsource|sensor)-/.test(metadata?.name ?? ""));
    const template = (await custom.getNamespacedCustomObject({
      ...{ group: "argoproj.io", version: "v1alpha1", plural: "workflowtemplates", namespace, name: stack.name },
    })) as { metadata: { uid?: string } };
    return {
      pods: ours
        .filter(belongs)
        .map(({ metadata }) => metadata?.uid ?? "")
        .sort(),
      template: template.metadata.uid,
    };
  }

  function belongs({ metadata }: V1Pod): boolean {
    return metadata?.name?.startsWith(`${stack.name}-`) ?? false;
  }

  async function podsOf(run: string): Promise<V1Pod[]> {
    const { core, namespace } = platform.cluster;
    return (await core.listNamespacedPod({ namespace, labelSelector: `workflows.argoproj.io/workflow=${run}` })).items;
  }

  it("ends while a run is at work and another waits, and rolls nothing that pushes go through", async () => {
    const started = Date.now();
    await stack.up(second);
    say(`update with a run at work and one that waits: ${((Date.now() - started) / 1000).toFixed(0)} s`);
    equal(standing.pods.length, 2);
    deepEqual(await whatStands(), standing);
    deepEqual([await phaseOf(active.run), await phaseOf(waiting.run)], ["Running", "Pending"]);
  });

  it("lets the run at work end, on the version that it began with [update-with-run-at-work]", async () => {
    await stack.github.clearFaults();
    equal(await platform.outcome(active.run), "remediated");
    await resumedAfter(platform, task, active.run, active.pushedAt);
    deepEqual(await versionOf(active.run), ["ready-for-qa"]);
    deepEqual(await labelsOf(task), [otherLabel]);
  });

  it("lets the run that waited end, on the version of its push, and with the new key [update-with-run-waiting]", async () => {
    await labelAgain(task);
    equal(await platform.outcome(waiting.run), "remediated");
    await resumedAfter(platform, task, waiting.run, waiting.pushedAt);
    deepEqual(await versionOf(waiting.run), ["ready-for-qa"]);
    deepEqual(await labelsOf(task), [otherLabel]);
    for (const { run } of [active, waiting]) equal((await platform.ended(run)).status?.phase, "Succeeded");
  });

  it("gives a push after it the new version", async () => {
    await labelAgain(task);
    const { run, pushedAt } = await platform.push(task);
    equal(await platform.outcome(run), "remediated");
    await resumedAfter(platform, task, run, pushedAt);
    deepEqual(await versionOf(run), [otherLabel]);
    deepEqual(await labelsOf(task), ["ready-for-qa"]);
  });

  it("lets a pod that starts while the key's Secret is replaced wait for it", async () => {
    const { core, namespace } = platform.cluster;
    const fresh = await startTask();
    await core.deleteNamespacedSecret({ namespace, name: `${stack.name}-github-app` });
    const { run, pushedAt } = await platform.push(fresh);
    await until(`the pod of run ${run} misses the Secret`, 60_000, async () => {
      const { items } = await core.listNamespacedEvent({ namespace, fieldSelector: "reason=FailedMount" });
      return items.some(
        ({ involvedObject, message }) =>
          involvedObject.name?.startsWith(`${run}-`) &&
          message?.includes(`secret "${stack.name}-github-app" not found`),
      );
    });
    deepEqual([await phaseOf(run), ...(await podsOf(run)).map(({ status }) => status?.phase)], ["Running", "Pending"]);
    await stack.up({ ...second, githubAppPrivateKey: rsaKey(2048) });
    const updated = Date.now();
    equal(await platform.outcome(run), "remediated");
    say(
      `a pod that missed the key's Secret: at its end ${((Date.now() - updated) / 1000).toFixed(0)} s after the update`,
    );
    await resumedAfter(platform, fresh, run, pushedAt);
    equal((await podsOf(run)).length, 1);
  });

  it("changes at once what may be touched: a run that began before is refused, says so, and its command goes on [update-changes-rights-at-once]", async () => {
    const fresh = await startTask();
    const { run } = await pushAndHold(platform, fresh, "takes the label off");
    await stack.up({ ...second, "mainWorkflow.resetStage": "implementation-in-progress" });
    await stack.github.clearFaults();
    equal(await platform.outcome(run, 200_000), "failed");
    const message = await until("the main workflow says why", 20_000, async () => {
      const { outcome, message } = await ledgerOf(platform, fresh);
      return outcome === "failed" && message;
    });
    match(
      message,
      /^\S+: restart-qa: .*'\S+' denied request: .*only current-stage may be set, to implementation-in-progress/,
    );
    const [command = "", verb] = message.match(/argo -n \S+ (\S+) \S+$/) ?? [];
    equal(verb, "resubmit");
    const [program = "", ...words] = command.split(" ");
    await promisify(execFile)(program, words, { timeout: 30_000 });
    await until("the resubmitted run has restarted QA", 90_000, async () => {
      return (await ledgerOf(platform, fresh)).resumed === "true";
    });
    const { metadata } = (await platform.cluster.workflow(fresh.workflow)) ?? {};
    equal(metadata?.labels?.["current-stage"], "implementation-in-progress");
  });
});
