import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { V1Pod } from "@kubernetes/client-node";
import { configAnnotation, type RemediationConfig } from "../../../components/stepConfig.ts";
import { afterwards } from "../../support/afterwards.ts";
import { until } from "../../support/cluster.ts";
import { say } from "../../support/figures.ts";
import { ledgerOf, pushAndHold } from "../../support/heldRun.ts";
import { OwnStack } from "../../support/ownStack.ts";
import type { Platform, Task } from "../../support/platform.ts";
import { rsaKey } from "../../support/pulumi/stackConfig.ts";
import { resumedAfter } from "../../support/times.ts";

/** UIDs of the pods that pushes pass through, and of the WorkflowTemplate. If that were replaced, its runs would be deleted with it. */
interface Identities {
  pods: string[];
  template: string | undefined;
}

/**
 * `pulumi up` of a changed configuration while one remediation is at work and another one of the same task waits for it. Each case
 * continues where the previous one ended, on the same stack. What this does not show: Pulumi's own provider (the stand-in replaces Secrets
 * the same way), changed step scripts (they are in the same object), and pushes that arrive while the EventSource's pod is replaced.
 */
describe("updating the stack", function () {
  this.timeout(240_000);
  /** The label that the updated version takes off pull requests. The version before takes off ready-for-qa. */
  const otherLabel = "qa-please";
  const second = { "pullRequest.readyLabel": otherLabel, githubAppPrivateKey: rsaKey(2048) };
  const bothLabels = ["ready-for-qa", otherLabel];
  const stack = new OwnStack();
  let platform: Platform;
  let task: Task;
  let active: Awaited<ReturnType<Platform["push"]>>;
  let waiting: Awaited<ReturnType<Platform["push"]>>;
  let deployed: Identities;

  before(async () => {
    const { outputs } = await stack.up();
    platform = await stack.platform(outputs.webhookUrl);
    task = await startTask();
    active = await pushAndHold(platform, task, "takes the label off");
    waiting = await platform.push(task);
    await until(`run ${waiting.run} waits`, 30_000, async () => (await phaseOf(waiting.run)) === "Pending");
    deployed = await identities();
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

  /** The ready label in the run's own copy of the WorkflowTemplate. */
  async function versionOf(run: string): Promise<string> {
    const { status } = (await platform.cluster.workflow(run)) ?? {};
    const { podMetadata } = (status?.storedWorkflowTemplateSpec ?? {}) as {
      podMetadata?: { annotations: Record<string, string> };
    };
    const config: RemediationConfig = JSON.parse(podMetadata?.annotations[configAnnotation] ?? "");
    return config.pull.readyLabel;
  }

  async function identities(): Promise<Identities> {
    const { core, custom, namespace } = platform.cluster;
    const { items } = await core.listNamespacedPod({ namespace });
    const ours = items.filter(({ metadata }) => /-(eventsource|sensor)-/.test(metadata?.name ?? ""));
    const template = (await custom.getNamespacedCustomObject({
      ...{ group: "argoproj.io", version: "v1alpha1", plural: "workflowtemplates", namespace, name: stack.name },
    })) as { metadata: { uid?: string } };
    return {
      pods: ours
        .filter(isOfStack)
        .map(({ metadata }) => metadata?.uid ?? "")
        .sort(),
      template: template.metadata.uid,
    };
  }

  function isOfStack({ metadata }: V1Pod): boolean {
    return metadata?.name?.startsWith(`${stack.name}-`) ?? false;
  }

  async function podsOf(run: string): Promise<V1Pod[]> {
    const { core, namespace } = platform.cluster;
    return (await core.listNamespacedPod({ namespace, labelSelector: `workflows.argoproj.io/workflow=${run}` })).items;
  }

  it("succeeds while a run is at work and another waits, and restarts no pod that pushes pass through", async () => {
    const started = Date.now();
    await stack.up(second);
    say(`update with a run at work and one that waits: ${((Date.now() - started) / 1000).toFixed(0)} s`);
    equal(deployed.pods.length, 2);
    deepEqual(await identities(), deployed);
    deepEqual([await phaseOf(active.run), await phaseOf(waiting.run)], ["Running", "Pending"]);
  });

  it("lets the active run finish with the version that it began with [update-with-run-at-work]", async () => {
    await stack.github.clearFaults();
    equal(await platform.outcome(active.run), "remediated");
    await resumedAfter(platform, task, active.run, active.pushedAt);
    equal(await versionOf(active.run), "ready-for-qa");
    deepEqual(await labelsOf(task), [otherLabel]);
  });

  it("lets the waiting run finish with the version from the time of its push, but with the new key [update-with-run-waiting]", async () => {
    await labelAgain(task);
    equal(await platform.outcome(waiting.run), "remediated");
    await resumedAfter(platform, task, waiting.run, waiting.pushedAt);
    equal(await versionOf(waiting.run), "ready-for-qa");
    deepEqual(await labelsOf(task), [otherLabel]);
    for (const { run } of [active, waiting]) equal((await platform.ended(run)).status?.phase, "Succeeded");
  });

  it("makes the next push use the new version", async () => {
    await labelAgain(task);
    const { run, pushedAt } = await platform.push(task);
    equal(await platform.outcome(run), "remediated");
    await resumedAfter(platform, task, run, pushedAt);
    equal(await versionOf(run), otherLabel);
    deepEqual(await labelsOf(task), ["ready-for-qa"]);
  });

  it("makes a pod that starts while the key's Secret is replaced wait for the new Secret", async () => {
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
      `a pod that had to wait for the key's Secret: ended ${((Date.now() - updated) / 1000).toFixed(0)} s after the update`,
    );
    await resumedAfter(platform, fresh, run, pushedAt);
    equal((await podsOf(run)).length, 1);
  });

  it("changes rights at once: an older run is refused, and its command continues it [update-changes-rights-at-once]", async () => {
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
      /^\S+: restart-qa: .*'\S+' denied request: .*may only set current-stage to implementation-in-progress/,
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
