import { deepEqual, equal } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type CodeRun, codeRun, ownedBy } from "../../support/codeRuns.ts";
import { mainWorkflow } from "../../support/workflows.ts";
import { gate, newTask, ours, outcomeOf } from "../planning.ts";
import { repository, runNameOf, Scenario, sha } from "../scenario.ts";

/** That plan reads what the brakes need, and touches nothing if one stops it. test/unit/steps covers how each brake decides. */
describe("plan", function () {
  this.timeout(120_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  describe("brakes", () => {
    /** A main workflow past the reset stage, and a pull request that is labelled ready. */
    async function stale({ labels = [] }: { labels?: string[] } = {}): Promise<{ task: string; pull: number }> {
      const { task, pull } = newTask();
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa", ...labels]);
      return { task, pull };
    }

    /** Creates `number` CodeRuns of Cleo, named cleo-1-TASK and so on. */
    async function startCleos(task: string, number: number): Promise<void> {
      for (let index = 1; index <= number; index += 1) {
        await scenario.cluster.create(codeRun(`cleo-${index}-${task}`, "5DLabs-Cleo", task, ours));
      }
    }

    /** Everything that plan must not touch. The version of an object changes with every write. */
    async function stateOf({ task, pull }: { task: string; pull: number }): Promise<object> {
      const workflow = await scenario.cluster.workflow(`play-${task}`);
      return {
        workflow: workflow?.metadata,
        status: workflow?.status,
        codeRuns: (await scenario.cluster.codeRuns(`task-id=${task}`)).map(({ metadata }) => metadata),
        labels: await scenario.labels(pull),
      };
    }

    /** Checks that plan fails without touching anything, and returns its last words. */
    async function failureOf(of: { task: string; pull: number }, more: Record<string, string> = {}): Promise<string> {
      const before = await stateOf(of);
      const result = await (await scenario.bench(of.task, more)).run("plan");
      equal(result.exitCode, 1, result.log);
      deepEqual(await stateOf(of), before);
      return result.lastWords;
    }

    const seeCodeRuns = (task: string) =>
      `kubectl -n ${scenario.cluster.namespace} get coderuns.agents.platform -l task-id=${task}`;
    const goOn = (verb: "retry" | "resubmit", task: string) =>
      `argo -n ${scenario.cluster.namespace} ${verb} ${runNameOf(task)}`;

    describe("on the number of agents", () => {
      it("stop plan if there is one more, and name the first agents and the way out [one-agent-too-many]", async () => {
        const of = await stale();
        await startCleos(of.task, 4);
        equal(
          await failureOf(of, { "agents.maxToCancel": "3" }),
          `plan: task ${of.task} has 4 agents to cancel, more than agents.maxToCancel (3): cleo-1-${of.task}, cleo-2-${of.task}, cleo-3-${of.task}, and 1 more; nothing was touched; see which: ${seeCodeRuns(of.task)}; delete those that should not be there, then: ${goOn("retry", of.task)}; or raise agents.maxToCancel (pulumi up), then: ${goOn("resubmit", of.task)}`,
        );
      });
    });

    describe("on CodeRuns that would be deleted with a target", () => {
      /** Cleo's CodeRun, which is to be cancelled. */
      async function cleoOf(task: string): Promise<CodeRun> {
        return scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      }

      it("no longer stop after the command from the message, which keeps the CodeRun [owned-kept-by-command]", async () => {
        const of = await stale();
        const { task } = of;
        const blaze = await scenario.cluster.create(codeRun(`blaze-${task}`, "5DLabs-Blaze", task, ours));
        const rex = codeRun(`rex-${task}`, "5DLabs-Rex", task, ours);
        await scenario.cluster.create(ownedBy([blaze, await cleoOf(task)], rex));
        const [, command = ""] = /first one's: (kubectl .*)\) or delete/.exec(await failureOf(of)) ?? [];
        await promisify(execFile)("bash", ["-c", command], { timeout: 30_000 });
        const { ownerReferences } = (await scenario.cluster.codeRun(`rex-${task}`))?.metadata ?? {};
        deepEqual(
          ownerReferences?.map((owner) => (owner as { name: string }).name),
          [`blaze-${task}`],
        );
        equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      });
    });

    describe("by a person's hold label", () => {
      it("end the run as held, and name each pull request that has the label, in any case [held-by-label]", async () => {
        const of = await stale({ labels: ["remediation-hold"] });
        const { task, pull } = of;
        await startCleos(task, 1);
        await scenario.github.putRepository(repository, {
          branches: { [`task-${task}`]: sha("d") },
          pulls: [{ number: 6000 + pull, headRef: `task-${task}`, labels: ["Remediation-HOLD"] }],
        });
        const before = await stateOf(of);
        deepEqual(await outcomeOf(await scenario.bench(task)), {
          outcome: "held",
          reason: `label remediation-hold is on pull request #${pull}, #${6000 + pull}: a person holds task ${task}; nothing was touched; to continue, take the label off, then: ${goOn("resubmit", task)}`,
        });
        deepEqual(await stateOf(of), before);
      });

      it("ignore pull requests that are closed, from a fork or of another task, and labels that only contain the name", async () => {
        const { task, pull } = await stale({ labels: ["remediation-hold-2", "no-remediation-hold"] });
        await scenario.github.putRepository(repository, {
          branches: { [`task-${task}0`]: sha("d") },
          pulls: [
            { number: 7000 + pull, headRef: `task-${task}0`, labels: ["remediation-hold"] },
            { number: 8000 + pull, headRef: `task-${task}-fix`, state: "closed", labels: ["remediation-hold"] },
            { number: 9000 + pull, headRef: `task-${task}`, headRepo: "mallory/shop", labels: ["remediation-hold"] },
          ],
        });
        equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      });
    });
  });
});
