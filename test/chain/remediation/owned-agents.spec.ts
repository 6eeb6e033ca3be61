import { deepEqual, equal, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { until } from "../../support/cluster.ts";
import { ownedBy } from "../../support/codeRuns.ts";
import { devPlatform } from "../../support/devPlatform.ts";
import { restartTimes } from "../../support/times.ts";

/**
 * The whole chain as `pulumi up` deployed it, on the example main workflow and with Kubernetes' own garbage collector: EventSource, event
 * bus, Sensor, run, and the steps in their image with their account. What this does not show: ownership through an object of another
 * kind, which no step can see.
 */
describe("remediation of a task whose Cleo owns Rex's CodeRun", function () {
  this.timeout(420_000);
  const dev = devPlatform();

  /** Runs a command as if a person had pasted it. */
  const paste = (command: string) => promisify(execFile)("bash", ["-c", command], { timeout: 30_000 });

  it("fails before it touches anything, and succeeds after the command from its message: Rex stays [chain-owner-of-rex]", async () => {
    const { platform } = dev;
    const { namespace } = platform.cluster;
    const task = await platform.startTask("cleo-at-work", { pullLabels: ["ready-for-qa"] });
    const [cleo] = await platform.agents(task.id);
    ok(cleo);
    const rex = await platform.startAgent("5DLabs-Rex", task);
    const { ownerReferences } = ownedBy([cleo], rex).metadata;
    await platform.cluster.patchCodeRun(rex.metadata.name, { metadata: { ownerReferences } });
    const { ledger: none, ...before } = (await dev.stateOf(task)) as { ledger: string[] };
    deepEqual(none, []);

    const { run, pushedAt } = await platform.push(task);
    equal(await platform.outcome(run, 350_000), "failed");
    equal((await platform.ended(run)).status?.phase, "Failed");
    const { ledger, ...after } = (await dev.stateOf(task)) as { ledger: string[] };
    deepEqual(after, before);
    // Only the annotations for people, and none that says "begun".
    deepEqual(ledger.sort(), ["rex-remediation/message", "rex-remediation/outcome"]);
    const message =
      (await platform.cluster.workflow(task.workflow))?.metadata.annotations?.["rex-remediation/message"] ?? "";
    const take = `kubectl -n ${namespace} patch coderuns.agents.platform ${rex.metadata.name} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/0"}]'`;
    const retry = `argo -n ${namespace} retry ${run}`;
    equal(
      message,
      `${run}: plan: some coderuns would be deleted together with their owners, which this run cancels: ${rex.metadata.name} (owned by ${cleo.metadata.name}; agent 5DLabs-Rex is not in the cancel list); nothing was touched; remove each one's ownerReference (the first one's: ${take}) or delete it yourself, then: ${retry} | once that is fixed: ${retry}`,
    );

    await paste(take);
    await paste(retry);
    await restartTimes(platform, task, run, pushedAt);
    await until("the run says remediated", 60_000, async () => {
      return (await platform.cluster.workflow(run))?.metadata.labels?.["rex-remediation/outcome"] === "remediated";
    });
    equal(await platform.cluster.codeRun(cleo.metadata.name), undefined);
    const kept = await platform.cluster.codeRun(rex.metadata.name);
    deepEqual([kept?.metadata.uid, kept?.metadata.deletionTimestamp], [rex.metadata.uid, undefined]);
    deepEqual(await dev.labels(task), [`task-${task.id}`]);
  });
});
