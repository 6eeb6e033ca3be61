import { deepEqual, equal, match, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type CodeRun, codeRun, ownedBy } from "../../support/codeRuns.ts";
import { mainWorkflow } from "../../support/workflows.ts";
import { gate, ledger, newTask, ours, outcomeOf } from "../planning.ts";
import { repository, runNameOf, Scenario, sha } from "../scenario.ts";

describe("plan", function () {
  this.timeout(60_000);
  let scenario: Scenario;

  before(async () => {
    scenario = await Scenario.open();
  });
  after(() => scenario.close());

  describe("brakes", () => {
    /** A main workflow past the reset stage, and a pull request that is labelled ready. */
    async function stale(
      more: { labels?: string[]; annotations?: Record<string, string> } = {},
    ): Promise<{ task: string; pull: number }> {
      const { task, pull } = newTask();
      const { annotations } = more;
      await scenario.cluster.create(
        mainWorkflow(`play-${task}`, task, "waiting-ready-for-qa", [gate], { labels: ours, annotations }),
      );
      await scenario.pullRequest(task, pull, ["ready-for-qa", ...(more.labels ?? [])]);
      return { task, pull };
    }

    /** `number` CodeRuns of Cleo's, named cleo-1-TASK and so on. */
    async function startCleos(task: string, number: number): Promise<void> {
      for (let index = 1; index <= number; index += 1) {
        await scenario.cluster.create(codeRun(`cleo-${index}-${task}`, "5DLabs-Cleo", task, ours));
      }
    }

    /** All that must stay as it is where nothing may be touched. The version of an object changes with every write. */
    async function stateOf({ task, pull }: { task: string; pull: number }): Promise<object> {
      const workflow = await scenario.cluster.workflow(`play-${task}`);
      return {
        workflow: workflow?.metadata,
        status: workflow?.status,
        codeRuns: (await scenario.cluster.codeRuns(`task-id=${task}`)).map(({ metadata }) => metadata),
        labels: await scenario.labels(pull),
      };
    }

    /** What plan's last words are where it fails, having touched nothing. */
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
      it("let as many pass as agents.maxToCancel says [as-many-as-allowed]", async () => {
        const { task } = await stale();
        await startCleos(task, 3);
        const bench = await scenario.bench(task, { MAX_AGENTS_TO_CANCEL: "3" });
        equal((await outcomeOf(bench)).outcome, "remediate");
        equal((await bench.plan()).targets?.length, 3);
      });

      it("stop one more, before anything is touched, and name the first agents and the way out [one-agent-too-many]", async () => {
        const of = await stale();
        await startCleos(of.task, 4);
        equal(
          await failureOf(of, { MAX_AGENTS_TO_CANCEL: "3" }),
          `plan: task ${of.task} has 4 agents to cancel, more than agents.maxToCancel (3): cleo-1-${of.task}, cleo-2-${of.task}, cleo-3-${of.task}, and 1 more; nothing was touched; see which: ${seeCodeRuns(of.task)}; end those that should not be there, then: ${goOn("retry", of.task)}; or raise agents.maxToCancel (pulumi up), then: ${goOn("resubmit", of.task)}`,
        );
      });

      it("count only what would be cancelled", async () => {
        const { task } = await stale();
        await startCleos(task, 1);
        await scenario.cluster.create(codeRun(`rex-${task}`, "5DLabs-Rex", task, ours));
        await scenario.cluster.create(codeRun(`elsewhere-${task}`, "5DLabs-Cleo", task, { repository: "acme-other" }));
        const done = { ...codeRun(`done-${task}`, "5DLabs-Cleo", task, ours), status: { phase: "Failed" } };
        await scenario.cluster.create(done);
        equal((await outcomeOf(await scenario.bench(task, { MAX_AGENTS_TO_CANCEL: "1" }))).outcome, "remediate");
      });

      it("stop what was begun too, without saying that nothing was touched", async () => {
        const { task } = newTask();
        const of = await stale({ annotations: ledger(String(Number(task) + 1), "false") });
        await startCleos(of.task, 2);
        const words = await failureOf(of, { MAX_AGENTS_TO_CANCEL: "1" });
        match(words, /has 2 agents to cancel, more than agents.maxToCancel \(1\): .*; see which: /);
        ok(!words.includes("nothing was touched"), words);
      });
    });

    describe("on contradicting labels", () => {
      const contradictions: [string, Record<string, string>, string][] = [
        [
          "another agent",
          { "agents.platform/github-app": "5DLabs-Rex" },
          "agents.platform/github-app=5DLabs-Rex contradicts github-app=5DLabs-Cleo",
        ],
        [
          "another agent that might be cancelled too",
          { "old/github-app": "5DLabs-Tess" },
          "old/github-app=5DLabs-Tess contradicts github-app=5DLabs-Cleo",
        ],
        [
          "another agent, under the key in other case",
          { "Github-App": "5DLabs-Blaze" },
          "Github-App=5DLabs-Blaze contradicts github-app=5DLabs-Cleo",
        ],
        ["another task", { "agents.platform/task-id": "9" }, "agents.platform/task-id=9 contradicts task-id=TASK"],
        [
          "another repository",
          { "agents.platform/repository": "acme-other" },
          "agents.platform/repository=acme-other contradicts repository=acme-shop",
        ],
        [
          "the pusher's name [contradicting-pushers-name]",
          { "started-by": "Rex" },
          "started-by=Rex contradicts github-app=5DLabs-Cleo",
        ],
        [
          "the pusher's login",
          { "example.com/owner": "5DLabs-Rex" },
          "example.com/owner=5DLabs-Rex contradicts github-app=5DLabs-Cleo",
        ],
      ];
      for (const [what, labels, words] of contradictions) {
        it(`stop, before anything is touched, and name CodeRun and labels, at ${what}`, async () => {
          const of = await stale();
          await startCleos(of.task, 1);
          await scenario.cluster.create(codeRun(`odd-${of.task}`, "5DLabs-Cleo", of.task, { ...ours, ...labels }));
          equal(
            await failureOf(of),
            `plan: the labels of some coderuns of task ${of.task} contradict one another: odd-${of.task} (${words.replace("TASK", of.task)}); nothing was touched; correct the labels or end what should not be there (${seeCodeRuns(of.task)} --show-labels), then: ${goOn("retry", of.task)}`,
          );
        });
      }

      it("name the first three of many", async () => {
        const of = await stale();
        for (const number of [1, 2, 3, 4, 5]) {
          await scenario.cluster.create(
            codeRun(`odd-${number}-${of.task}`, "5DLabs-Cleo", of.task, { ...ours, by: "rex" }),
          );
        }
        const odd = (number: number) => `odd-${number}-${of.task} \\(by=rex contradicts github-app=5DLabs-Cleo\\)`;
        match(await failureOf(of), new RegExp(`: ${odd(1)}, ${odd(2)}, ${odd(3)}, and 2 more; nothing`));
      });

      it("let labels pass that say the same, whatever their case, and other labels", async () => {
        const { task } = await stale();
        const agreeing = {
          "agents.platform/github-app": "5dlabs-cleo",
          "agents.platform/task-id": task,
          "agents.platform/repository": "Acme-Shop",
          "started-by": "t-rex",
          owner: "5dlabs-rex-2",
        };
        await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, { ...ours, ...agreeing }));
        equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      });

      it("let a repository pass that has the pusher's name", async () => {
        const { task } = await stale();
        await scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
        const bench = await scenario.bench(task, { PUSHER_NAMES: JSON.stringify(["acme-shop", "shop"]) });
        equal((await outcomeOf(bench)).outcome, "remediate");
      });

      it("let configured labels pass that differ by their domain alone", async () => {
        const { task } = await stale();
        const labels = { "agents.platform/name": "5DLabs-Cleo", "github.com/name": "acme-shop" };
        await scenario.cluster.create(codeRun(`cleo-${task}`, "", task, labels));
        const bench = await scenario.bench(task, {
          CODERUN_AGENT_LABEL: "agents.platform/name",
          CODERUN_REPOSITORY_LABEL: "github.com/name",
        });
        equal((await outcomeOf(bench)).outcome, "remediate");
        equal((await bench.plan()).targets?.length, 1);
      });

      it("do not stop at what is not cancelled anyway", async () => {
        const { task } = await stale();
        await startCleos(task, 1);
        const odd = { "agents.platform/github-app": "5DLabs-Blaze", "started-by": "rex" };
        await scenario.cluster.create(codeRun(`rex-${task}`, "5DLabs-Rex", task, { ...ours, ...odd }));
        await scenario.cluster.create(
          codeRun(`other-${task}`, "5DLabs-Cleo", task, { repository: "acme-other", ...odd }),
        );
        await scenario.cluster.create(codeRun(`neighbour-${task}`, "5DLabs-Cleo", `${task}0`, { ...ours, ...odd }));
        const done = {
          ...codeRun(`done-${task}`, "5DLabs-Cleo", task, { ...ours, ...odd }),
          status: { phase: "Succeeded" },
        };
        await scenario.cluster.create(done);
        const bench = await scenario.bench(task);
        equal((await outcomeOf(bench)).outcome, "remediate");
        deepEqual(
          (await bench.plan()).targets?.map(({ name }) => name),
          [`cleo-1-${task}`],
        );
      });
    });

    describe("on a near miss of a listed agent", () => {
      for (const agent of ["5dlabs-cleo", "5DLABS-Cleo", "5DLabs_Cleo", "5DLabs.cleo", "5DLabs-_Cleo"]) {
        it(`stop at ${agent}, before anything is touched, and name CodeRun, label and the listed one`, async () => {
          const of = await stale();
          await startCleos(of.task, 1);
          await scenario.cluster.create(codeRun(`odd-${of.task}`, agent, of.task, ours));
          equal(
            await failureOf(of),
            `plan: agents of some coderuns of task ${of.task} are listed but for their spelling: odd-${of.task} (github-app=${agent}, listed is 5DLabs-Cleo); nothing was touched; correct the label or end what should not be there (${seeCodeRuns(of.task)} --show-labels), then: ${goOn("retry", of.task)}; or list that spelling too, in agents.toCancel (pulumi up), then: ${goOn("resubmit", of.task)}`,
          );
        });
      }

      it("name the first three of many near misses", async () => {
        const of = await stale();
        for (const number of [1, 2, 3, 4, 5]) {
          await scenario.cluster.create(codeRun(`odd-${number}-${of.task}`, "5dlabs-tess", of.task, ours));
        }
        const odd = (number: number) => `odd-${number}-${of.task} \\(github-app=5dlabs-tess, listed is 5DLabs-Tess\\)`;
        match(await failureOf(of), new RegExp(`: ${odd(1)}, ${odd(2)}, ${odd(3)}, and 2 more; nothing was touched; `));
      });

      it("stop at one in what was begun too, without saying that nothing was touched", async () => {
        const { task } = newTask();
        const of = await stale({ annotations: ledger(String(Number(task) + 1), "false") });
        await scenario.cluster.create(codeRun(`odd-${of.task}`, "5dlabs-cleo", of.task, ours));
        match(await failureOf(of), /\(github-app=5dlabs-cleo, listed is 5DLabs-Cleo\); correct the label /);
      });

      it("let both spellings pass where both are listed, and cancel both [both-spellings-listed]", async () => {
        const { task } = await stale();
        await startCleos(task, 1);
        await scenario.cluster.create(codeRun(`small-${task}`, "5dlabs-cleo", task, ours));
        const bench = await scenario.bench(task, { AGENTS: JSON.stringify(["5DLabs-Cleo", "5dlabs-cleo"]) });
        equal((await outcomeOf(bench)).outcome, "remediate");
        deepEqual(
          (await bench.plan()).targets?.map(({ name }) => name),
          [`cleo-1-${task}`, `small-${task}`],
        );
      });

      it("let other names pass, what has finished, and another task's and repository's", async () => {
        const { task } = await stale();
        for (const agent of ["Cleo", "5DLabsCleo", "5DLabs-Cleo-2", "5DLabs-Cle0", ""]) {
          const name = `other-${agent.toLowerCase()}x-${task}`;
          await scenario.cluster.create(codeRun(name, agent, task, ours));
        }
        await scenario.cluster.create(codeRun(`elsewhere-${task}`, "5dlabs-cleo", task, { repository: "acme-other" }));
        await scenario.cluster.create(codeRun(`unnamed-${task}`, "5dlabs-cleo", task));
        await scenario.cluster.create(codeRun(`neighbour-${task}`, "5dlabs-cleo", `${task}0`, ours));
        const done = { ...codeRun(`done-${task}`, "5dlabs-cleo", task, ours), status: { phase: "Succeeded" } };
        await scenario.cluster.create(done);
        const bench = await scenario.bench(task);
        equal((await outcomeOf(bench)).outcome, "remediate");
        deepEqual((await bench.plan()).targets, []);
      });
    });

    describe("on what would go along with a target", () => {
      const patch = (name: string, index = 0) =>
        `kubectl -n ${scenario.cluster.namespace} patch coderuns.agents.platform ${name} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/${index}"}]'`;
      const words = (task: string, shown: string, first: string, index?: number) =>
        `plan: some coderuns would go along with their owners, which this run cancels: ${shown}; nothing was touched; take off each one's ownerReference (the first one's: ${patch(first, index)}) or end it yourself, then: ${goOn("retry", task)}`;

      /** Cleo's CodeRun, which is to be cancelled. */
      async function cleoOf(task: string): Promise<CodeRun> {
        return scenario.cluster.create(codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours));
      }

      /** One without any label. */
      const bare = (name: string): CodeRun => ({ ...codeRun(name, "", ""), metadata: { name } });

      const owned: [string, (task: string) => CodeRun, string][] = [
        [
          "Rex's",
          (task) => codeRun(`x-${task}`, "5DLabs-Rex", task, ours),
          "agent 5DLabs-Rex is not in the cancel list",
        ],
        [
          "Rex's that has finished",
          (task) => ({ ...codeRun(`x-${task}`, "5DLabs-Rex", task, ours), status: { phase: "Succeeded" } }),
          "agent 5DLabs-Rex is not in the cancel list",
        ],
        ["another task's", (task) => codeRun(`x-${task}`, "5DLabs-Cleo", `${task}0`, ours), "it is of task TASK0"],
        [
          "another repository's",
          (task) => codeRun(`x-${task}`, "5DLabs-Cleo", task, { repository: "acme-other" }),
          "it does not name this repository",
        ],
        ["one without labels", (task) => bare(`x-${task}`), "it is of no task"],
        [
          "a finished one whose labels contradict each other",
          (task) => ({
            ...codeRun(`x-${task}`, "5DLabs-Cleo", task, { ...ours, by: "rex" }),
            status: { phase: "Failed" },
          }),
          "by=rex contradicts github-app=5DLabs-Cleo",
        ],
      ];
      for (const [what, run, why] of owned) {
        it(`stop at ${what}, before anything is touched, and name both and the way out`, async () => {
          const of = await stale();
          const { task } = of;
          await scenario.cluster.create(ownedBy([await cleoOf(task)], run(task)));
          equal(
            await failureOf(of),
            words(task, `x-${task} (owned by cleo-${task}; ${why.replace("TASK", task)})`, `x-${task}`),
          );
        });
      }

      it("stop at Rex's at the end of a chain, through a finished Tess's and another task's", async () => {
        const of = await stale();
        const { task } = of;
        const { cluster } = scenario;
        const tess = { ...codeRun(`tess-${task}`, "5DLabs-Tess", task, ours), status: { phase: "Succeeded" } };
        const done = await cluster.create(ownedBy([await cleoOf(task)], tess));
        const other = await cluster.create(ownedBy([done], codeRun(`other-${task}`, "5DLabs-Cleo", `${task}0`, ours)));
        await cluster.create(ownedBy([other], codeRun(`rex-${task}`, "5DLabs-Rex", task, ours)));
        equal(
          await failureOf(of),
          words(
            task,
            `other-${task} (owned by tess-${task}, below cleo-${task}; it is of task ${task}0), rex-${task} (owned by other-${task}, below cleo-${task}; agent 5DLabs-Rex is not in the cancel list)`,
            `other-${task}`,
          ),
        );
      });

      it("stop at what has a second owner, and give the command for the one that is to be cancelled", async () => {
        const of = await stale();
        const { task } = of;
        const blaze = await scenario.cluster.create(codeRun(`blaze-${task}`, "5DLabs-Blaze", task, ours));
        const rex = codeRun(`rex-${task}`, "5DLabs-Rex", task, ours);
        await scenario.cluster.create(ownedBy([blaze, await cleoOf(task)], rex));
        equal(
          await failureOf(of),
          words(
            task,
            `rex-${task} (owned by cleo-${task}; agent 5DLabs-Rex is not in the cancel list)`,
            `rex-${task}`,
            1,
          ),
        );
      });

      it("go on once the command that they say was run, which keeps it [owned-kept-by-command]", async () => {
        const of = await stale();
        const { task } = of;
        const blaze = await scenario.cluster.create(codeRun(`blaze-${task}`, "5DLabs-Blaze", task, ours));
        const rex = codeRun(`rex-${task}`, "5DLabs-Rex", task, ours);
        await scenario.cluster.create(ownedBy([blaze, await cleoOf(task)], rex));
        const [, command = ""] = /first one's: (kubectl .*)\) or end/.exec(await failureOf(of)) ?? [];
        await promisify(execFile)("bash", ["-c", command], { timeout: 30_000 });
        const { ownerReferences } = (await scenario.cluster.codeRun(`rex-${task}`))?.metadata ?? {};
        deepEqual(
          ownerReferences?.map((owner) => (owner as { name: string }).name),
          [`blaze-${task}`],
        );
        equal((await outcomeOf(await scenario.bench(task))).outcome, "remediate");
      });

      it("say so to a dry run as well", async () => {
        const of = await stale();
        const { task } = of;
        await scenario.cluster.create(ownedBy([await cleoOf(task)], bare(`x-${task}`)));
        match(
          await failureOf(of, { DRY_RUN: "true" }),
          /: x-\d+ \(owned by cleo-\d+; it is of no task\); nothing was /,
        );
      });

      it("stop at it in what was begun too, without saying that nothing was touched", async () => {
        const { task } = newTask();
        const of = await stale({ annotations: ledger(String(Number(task) + 1), "false") });
        await scenario.cluster.create(ownedBy([await cleoOf(of.task)], bare(`x-${of.task}`)));
        match(await failureOf(of), /; it is of no task\); take off each one's ownerReference /);
      });

      it("let pass what may be cancelled itself, or has finished, and targets that others own", async () => {
        const { task } = await stale();
        const { cluster } = scenario;
        const rex = await cluster.create(codeRun(`rex-${task}`, "5DLabs-Rex", task, ours));
        const cleo = await cluster.create(ownedBy([rex], codeRun(`cleo-${task}`, "5DLabs-Cleo", task, ours)));
        await cluster.create(ownedBy([cleo], codeRun(`tess-${task}`, "5DLabs-Tess", task, ours)));
        const done = { ...codeRun(`done-${task}`, "5DLabs-Tess", task, ours), status: { phase: "Failed" } };
        await cluster.create(ownedBy([cleo], done));
        await cluster.create(ownedBy([rex], codeRun(`blaze-${task}`, "5DLabs-Blaze", task, ours)));
        await cluster.create(bare(`bare-${task}`));
        const bench = await scenario.bench(task);
        equal((await outcomeOf(bench)).outcome, "remediate");
        deepEqual(
          (await bench.plan()).targets?.map(({ name }) => name),
          [`cleo-${task}`, `tess-${task}`],
        );
      });

      it("let pass what nobody would cancel: with the agents of a round that began after the push", async () => {
        const { task } = await stale();
        await scenario.cluster.create(ownedBy([await cleoOf(task)], codeRun(`rex-${task}`, "5DLabs-Rex", task, ours)));
        const bench = await scenario.bench(task, { PUSHED_AT: String(Math.floor(Date.now() / 1000) - 1000) });
        await scenario.pullRequest(task, Number(task), []);
        equal((await outcomeOf(bench)).outcome, "nothing-stale");
      });
    });

    describe("by a person's hold label", () => {
      /** The outcome of a task that is held by the given pull request, having touched nothing. */
      async function isHeld(of: { task: string; pull: number }, more: Record<string, string> = {}): Promise<void> {
        const before = await stateOf(of);
        deepEqual(await outcomeOf(await scenario.bench(of.task, more)), {
          outcome: "held",
          reason: `label remediation-hold is on pull request #${of.pull}: a person holds task ${of.task}; nothing was touched; to go on, take the label off, then: ${goOn("resubmit", of.task)}`,
        });
        deepEqual(await stateOf(of), before);
      }

      for (const label of ["remediation-hold", "Remediation-HOLD"]) {
        it(`end the run as held where the pull request is labelled ${label}, touching nothing [held-by-label]`, async () => {
          const of = await stale({ labels: [label] });
          await startCleos(of.task, 1);
          await isHeld(of);
        });
      }

      it("end it where one of several pull requests of the task is labelled, and name that one", async () => {
        const { task, pull } = await stale();
        await scenario.github.putRepository(repository, {
          branches: { [`task-${task}`]: sha("d") },
          pulls: [{ number: 6000 + pull, headRef: `task-${task}`, labels: ["remediation-hold"] }],
        });
        await isHeld({ task, pull: 6000 + pull });
      });

      it("say held to a dry run as well", async () => {
        await isHeld(await stale({ labels: ["remediation-hold"] }), { DRY_RUN: "true" });
      });

      it("act before the other brakes", async () => {
        const of = await stale({ labels: ["remediation-hold"] });
        await startCleos(of.task, 2);
        await isHeld(of, { MAX_AGENTS_TO_CANCEL: "1" });
      });

      it("do not act by another task's or a closed pull request, or by a label that only begins so", async () => {
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

      it("do not act once a remediation has begun: a half reset workflow is ended", async () => {
        const { task } = newTask();
        const begun = ledger(task, "false", { run: "an-earlier-run" });
        const of = await stale({ labels: ["remediation-hold"], annotations: begun });
        const bench = await scenario.bench(of.task);
        const result = await bench.run("plan");
        equal(result.exitCode, 0, result.log);
        equal((await bench.plan()).outcome, "remediate");
        match(
          result.log,
          new RegExp(
            `label remediation-hold is on pull request #${of.pull}, but what was begun is ended all the same$`,
            "m",
          ),
        );
      });
    });
  });
});
