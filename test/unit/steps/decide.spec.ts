import { deepEqual, equal, match } from "node:assert/strict";
import { type CodeRun, codeRun, ownedBy } from "../../support/codeRuns.ts";
import { workflowNode } from "../../support/workflows.ts";
import {
  type Decided,
  decided,
  end,
  ledger,
  main,
  newer,
  ours,
  pull,
  push,
  run,
  sha,
  task,
  type World,
  withUid,
} from "./decided.ts";

const agent = (name: string, agent: string, labels: Record<string, string> = ours, more: Partial<CodeRun> = {}) =>
  withUid({ ...codeRun(`${name}-${task}`, agent, task, labels), ...more });
const cleo = agent("cleo", "5DLabs-Cleo");
const seeCodeRuns = `kubectl -n agents get coderuns.agents.platform -l task-id=${task}`;
const [retry, resubmit] = [`argo -n agents retry ${run}`, `argo -n agents resubmit ${run}`];

const noWorkflow =
  "no main workflow of task 3 is running in agents (workflow-type=play-orchestration, task-id=3, of this repository)";

/** The ways in which a main workflow has ended although Argo still calls it running, and how the message puts it. */
const endings: [string, Parameters<typeof main>[1], string][] = [
  ["was told to stop", { spec: { shutdown: "Stop" } }, "was told to stop (spec.shutdown: Stop)"],
  ["was told to terminate", { spec: { shutdown: "Terminate" } }, "was told to stop (spec.shutdown: Terminate)"],
  [
    "waits at a gate of its exit handler",
    { status: { nodes: { exit: workflowNode("exit", "Suspend", "Running", { name: "play-3.onExit" }) } } },
    "reached its exit handler",
  ],
  [
    "has ended except for its hooks",
    { status: { nodes: { play: workflowNode("play", "Steps", "Succeeded", { name: "play-3" }) } } },
    "reached its exit handler",
  ],
];

const remediates = (world: World) => equal(end(world), "remediate");

/** Checks that plan fails with this cause and these words, and begins nothing. */
function fails(world: World, cause: string, words: string): void {
  deepEqual(
    (({ outcome, begin, ...rest }) => ({ outcome, begin, cause: rest.cause, words: rest.words }))(decided(world)),
    { outcome: undefined, begin: undefined, cause, words },
  );
}

/** What plan decides from given facts. What this does not show: that the API server and GitHub answer like this; test/steps does. */
describe("plan", function () {
  // Each case starts jq a few times, which is slow on a busy machine.
  this.timeout(60_000);

  describe("reads no more than it needs", () => {
    const asked = (world: World): [string, string[]] => {
      const result: Decided = decided(world);
      return [result.begin ? "remediate" : (result.outcome ?? "failed"), result.asked];
    };
    const moved = [{ ref: "task-3-fix", sha: sha("c") }];
    const cases: [string, World, [string, string[]]][] = [
      [
        "to restart QA",
        { codeRuns: [cleo] },
        ["remediate", ["main-workflows", "branches", "pulls-of-head", "coderuns", "all-coderuns"]],
      ],
      ["if no agent is at work", {}, ["remediate", ["main-workflows", "branches", "pulls-of-head", "coderuns"]]],
      [
        "for a head that was already handled: no call to GitHub",
        { mainWorkflows: [main("waiting-ready-for-qa", { annotations: ledger("true", { run: "another" }) })] },
        ["already-remediated", ["main-workflows"]],
      ],
      [
        "if the branch has moved on to a head that was handled",
        {
          mainWorkflows: [
            main("x", { annotations: ledger("true", { run: "another", head: sha("c"), pushed: sha("c") }) }),
          ],
          branches: moved,
        },
        ["superseded", ["main-workflows", "branches", "pulls-of-head", "coderuns"]],
      ],
      [
        "if the branch has moved on to a push that has its own run",
        { branches: moved, runs: [newer()] },
        ["superseded", ["main-workflows", "branches", "pulls-of-head", "coderuns", "runs"]],
      ],
      ["without a main workflow", { mainWorkflows: [] }, ["no-workflow", ["main-workflows", "ended-workflows"]]],
      [
        "without a pull request",
        { pulls: [] },
        ["no-pull-request", ["main-workflows", "branches", "pulls-of-head", "coderuns"]],
      ],
      [
        "by hand",
        { environment: { BEFORE: "", AFTER: "", PUSHED_AT: "" } },
        ["remediate", ["main-workflows", "head-by-hand", "pulls", "coderuns"]],
      ],
      [
        "if this run has already resumed the workflow, to find the pull requests to comment on",
        { mainWorkflows: [main("waiting-pr-created", { annotations: ledger("true") })] },
        ["remediated", ["main-workflows", "pulls-to-comment"]],
      ],
      [
        "if this run has already resumed the workflow, and comments are off",
        {
          mainWorkflows: [main("waiting-pr-created", { annotations: ledger("true") })],
          environment: { "pull.comments": "false" },
        },
        ["remediated", ["main-workflows"]],
      ],
    ];
    for (const [what, world, expected] of cases) {
      it(what, () => deepEqual(asked(world), expected));
    }
  });

  it("shows no agents if it will not cancel any", () => {
    const moved = { branches: [{ ref: "task-3-fix", sha: sha("c") }], runs: [newer()] };
    const worlds: [string, World][] = [
      ["superseded", moved],
      ["no-pull-request", { pulls: [] }],
      ["held", { pulls: [pull({ held: true })] }],
    ];
    for (const [expected, world] of worlds) {
      const { outcome, plan, shown } = decided({ ...world, codeRuns: [cleo, agent("rex", "5DLabs-Rex")] });
      deepEqual([outcome, plan.targets, plan.leftAlone], [expected, undefined, undefined]);
      deepEqual(
        shown.filter((line) => /cleo|rex/.test(line)),
        [],
      );
    }
  });

  it("shows the plan line by line, and logs what is unusual", () => {
    const { shown, log } = decided({
      mainWorkflows: [main("waiting-ready-for-qa", { annotations: ledger("false", { run: "an-earlier-run" }) })],
      branches: [{ ref: "task-3-fix", sha: sha("c") }],
      pulls: [pull({ held: true, labelled: false })],
      codeRuns: [cleo, agent("rex", "5DLabs-Rex")],
    });
    deepEqual(log, [
      "run an-earlier-run began (bbbbbbbbbbbb) but did not finish; this run finishes its work",
      "the branch is not at the pushed commit any more: somebody pushed on top of it",
      "label remediation-hold is on pull request #3, but a remediation that has begun always finishes",
    ]);
    deepEqual(shown, [
      "task 3, pushed bbbbbbbbbbbb, head cccccccccccc",
      "main workflow play-3 at stage waiting-ready-for-qa",
      "pull request #3, labelled ready, found by its branch: it lacks the task label",
      `cancel cleo-3 (5DLabs-Cleo, since ${cleo.metadata.creationTimestamp})`,
      "leave rex-3: agent 5DLabs-Rex is not in the cancel list",
    ]);
  });

  describe("chooses", () => {
    const chosen = (world: World) => {
      const { begin, plan } = decided(world);
      return [begin, plan.targets?.map(({ name, agent }) => [name, agent]), plan.leftAlone];
    };

    it("agents by the configured label and names", () => {
      const labelled = (name: string) => agent(name, "x", { ...ours, "agent-type": name });
      const environment = { "codeRun.agentLabel": "agent-type", "agents.toCancel": JSON.stringify(["cleo", "tess"]) };
      deepEqual(chosen({ codeRuns: [labelled("cleo"), labelled("rex")], environment }), [
        true,
        [["cleo-3", "cleo"]],
        [{ name: "rex-3", agent: "rex", why: "agent rex is not in the cancel list" }],
      ]);
    });

    it("a main workflow and a CodeRun that name no repository if only one repository is configured", () => {
      const world = {
        mainWorkflows: [main("waiting-ready-for-qa", { labels: {} })],
        codeRuns: [agent("cleo", "5DLabs-Cleo", {})],
      };
      const environment = { REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop" }) };
      deepEqual(chosen({ ...world, environment }), [true, [["cleo-3", "5DLabs-Cleo"]], []]);
      equal(end(world), `no-workflow: ${noWorkflow}`);
    });

    it("the only main workflow that was not told to stop", () => {
      const mainWorkflows = [
        main("waiting-pr-approved", {}, "one"),
        main("waiting-pr-approved", { spec: { shutdown: "Stop" } }, "two"),
      ];
      const { begin, plan } = decided({ mainWorkflows });
      deepEqual([begin, plan.workflow?.name], [true, "one"]);
    });

    it("the same agents in a dry run, and begins nothing", () => {
      const { begin, outcome, reason, plan } = decided({ codeRuns: [cleo], environment: { DRY_RUN: "true" } });
      deepEqual(
        [begin, outcome, reason, plan.targets?.map(({ name }) => name)],
        [undefined, "dry-run", "a dry run: nothing is touched", ["cleo-3"]],
      );
    });
  });

  describe("finds nothing to do", () => {
    const finished = (phase: string) => main("waiting-pr-approved", { status: { phase } });
    const none: [string, World["mainWorkflows"]][] = [
      ["there is no main workflow", []],
      ["all main workflows have ended", ["Succeeded", "Failed", "Error"].map(finished)],
      [
        "the main workflow names another repository, or none of several",
        [main("waiting-pr-approved", { labels: { repository: "acme-other" } }), main("x", { labels: {} }, "unnamed")],
      ],
    ];
    for (const [what, mainWorkflows] of none) {
      it(`if ${what}: no-workflow`, () => equal(end({ mainWorkflows }), `no-workflow: ${noWorkflow}`));
    }

    for (const [what, more, words] of endings) {
      it(`if the main workflow ${what}: no-workflow, and says why`, () => {
        const world = { mainWorkflows: [main("waiting-ready-for-qa", more)] };
        equal(end(world), `no-workflow: ${noWorkflow}; play-3 ${words}`);
      });
    }

    const fresh = { pulls: [pull({ ready: false })] };
    for (const stage of [undefined, "implementation-in-progress", "waiting-pr-created"]) {
      it(`while Rex is still implementing (stage ${stage ?? "unset"}): nothing-stale`, () => {
        equal(
          end({ ...fresh, mainWorkflows: [main(stage)], codeRuns: [agent("rex", "5DLabs-Rex")] }),
          "nothing-stale: no listed agent is at work, no pull request is labelled ready-for-qa, and the stage is not past waiting-pr-created",
        );
      });
    }

    it("but not if the ready label is on, an agent is at work, or the stage is past the reset stage", () => {
      remediates({ mainWorkflows: [main("waiting-pr-created")], pulls: [pull({ ready: false }), pull({ number: 4 })] });
      const codeRuns = [agent("tess", "5DLabs-Tess")];
      remediates({ ...fresh, mainWorkflows: [main("implementation-in-progress")], codeRuns });
      remediates({ ...fresh, mainWorkflows: [main("waiting-pr-approved")] });
    });
  });

  describe("refuses", () => {
    describe("a ledger from the future, because no push would count any more:", () => {
      const dated = (at: number) => {
        const annotations = { "rex-remediation/pushed-at": String(at), "rex-remediation/resumed": "true" };
        return { mainWorkflows: [main("waiting-ready-for-qa", { annotations })] };
      };
      const words = (at: number) =>
        `annotation rex-remediation/pushed-at of main workflow play-3 is ${at}, ${at - push.pushedAt} s ahead of this node's clock, so no push would count any more: correct the clock or remove the annotation, then: ${retry}`;

      it("decades ahead [ledger-from-the-future]", () => fails(dated(2147483647), "contract", words(2147483647)));

      it("one second more than ten minutes ahead, but not exactly ten", () => {
        remediates(dated(push.pushedAt + 600));
        fails(dated(push.pushedAt + 601), "contract", words(push.pushedAt + 601));
      });
    });

    it("a ledger whose time is not a number", () => {
      const annotations = { "rex-remediation/pushed-at": "yesterday" };
      fails(
        { mainWorkflows: [main("waiting-ready-for-qa", { annotations })] },
        "contract",
        `annotation rex-remediation/pushed-at of main workflow play-3 is not a time in seconds; remove it (kubectl -n agents annotate workflow play-3 rex-remediation/pushed-at-), then: ${retry}`,
      );
    });

    for (const [what, more, words] of [
      ["has ended", { status: { phase: "Failed" } }, "ended (Failed)"],
      ...endings,
    ] as typeof endings) {
      it(`to end as no-workflow if this run began and the main workflow ${what}, but not if another began [begun-workflow-ended]`, () => {
        const begun = (other: Record<string, string>) => ({
          mainWorkflows: [main("waiting-pr-created", { annotations: ledger("false", other), ...more })],
        });
        fails(
          begun({}),
          "contract",
          `main workflow play-3 ${words} before it could be resumed; start a new main workflow for task 3: it begins on the current head`,
        );
        match(end(begun({ run: "another" })), /^no-workflow: /);
      });
    }

    for (const status of [{ compressedNodes: "H4sI" }, { offloadNodeStatusVersion: "fnv:1" }]) {
      it(`a main workflow with packed nodes (${Object.keys(status)[0]}) [packed-nodes]`, () => {
        fails(
          { mainWorkflows: [main("waiting-pr-approved", { status })] },
          "contract",
          "main workflow play-3 stores its node status compressed or offloaded, so this run cannot open its gate; nothing was touched: end its agents, then: kubectl -n agents label --overwrite workflow play-3 current-stage=waiting-pr-created; argo -n agents resume play-3 (through the Argo server if it is offloaded); or make the workflow smaller",
        );
      });
    }
  });

  describe("brakes", () => {
    const cleos = (number: number) =>
      Array.from({ length: number }, (_, index) => agent(`cleo-${index + 1}`, "5DLabs-Cleo"));
    const begun = { mainWorkflows: [main("waiting-ready-for-qa", { annotations: ledger("false") })] };

    describe("on the number of agents", () => {
      it("allow as many as agents.maxToCancel says [as-many-as-allowed]", () => {
        const others = [
          agent("rex", "5DLabs-Rex"),
          agent("elsewhere", "5DLabs-Cleo", { repository: "acme-other" }),
          agent("done", "5DLabs-Cleo", ours, { status: { phase: "Failed" } }),
        ];
        remediates({ codeRuns: [...cleos(3), ...others], environment: { "agents.maxToCancel": "3" } });
      });

      it("stop if there is one more, and name the first agents and the way out", () => {
        const world = { codeRuns: cleos(4), environment: { "agents.maxToCancel": "3" } };
        const words = (untouched: string) =>
          `task 3 has 4 agents to cancel, more than agents.maxToCancel (3): cleo-1-3, cleo-2-3, cleo-3-3, and 1 more; ${untouched}see which: ${seeCodeRuns}; delete those that should not be there, then: ${retry}; or raise agents.maxToCancel (pulumi up), then: ${resubmit}`;
        fails(world, "ambiguous", words("nothing was touched; "));
        fails({ ...world, ...begun }, "ambiguous", words(""));
      });
    });

    describe("on contradicting labels", () => {
      const stopped = (odd: string, untouched = "nothing was touched; ") =>
        `the labels of some coderuns of task 3 contradict one another: ${odd}; ${untouched}correct the labels or delete the wrong CodeRuns (${seeCodeRuns} --show-labels), then: ${retry}`;
      const contradictions: [string, Record<string, string>, string][] = [
        ["another agent", { "agents.platform/github-app": "5DLabs-Rex" }, "github-app=5DLabs-Cleo"],
        ["another agent that is also listed", { "old/github-app": "5DLabs-Tess" }, "github-app=5DLabs-Cleo"],
        [
          "another agent, with a key that differs only in case",
          { "Github-App": "5DLabs-Blaze" },
          "github-app=5DLabs-Cleo",
        ],
        ["another task", { "agents.platform/task-id": "9" }, "task-id=3"],
        ["another repository", { "agents.platform/repository": "acme-other" }, "repository=acme-shop"],
        ["the pusher's name [contradicting-pushers-name]", { "started-by": "Rex" }, "github-app=5DLabs-Cleo"],
        ["the pusher's login", { "example.com/owner": "5DLabs-Rex" }, "github-app=5DLabs-Cleo"],
      ];
      for (const [what, labels, contradicted] of contradictions) {
        it(`stop, and name the CodeRun and its labels, if a label says ${what}`, () => {
          const odd = agent("odd", "5DLabs-Cleo", { ...ours, ...labels });
          const [[key, value] = []] = Object.entries(labels);
          fails({ codeRuns: [cleo, odd] }, "ambiguous", stopped(`odd-3 (${key}=${value} contradicts ${contradicted})`));
        });
      }

      it("name the first three of many", () => {
        const codeRuns = [1, 2, 3, 4, 5].map((number) => agent(`odd-${number}`, "5DLabs-Cleo", { ...ours, by: "rex" }));
        const odd = [1, 2, 3].map((number) => `odd-${number}-3 (by=rex contradicts github-app=5DLabs-Cleo)`);
        fails({ codeRuns }, "ambiguous", stopped(`${odd.join(", ")}, and 2 more`));
      });

      it("ignore labels that say the same in any case, and all other labels", () => {
        const agreeing = {
          "agents.platform/github-app": "5dlabs-cleo",
          "agents.platform/task-id": task,
          "agents.platform/repository": "Acme-Shop",
          "started-by": "t-rex",
          owner: "5dlabs-rex-2",
        };
        remediates({ codeRuns: [agent("cleo", "5DLabs-Cleo", { ...ours, ...agreeing })] });
      });

      it("ignore a repository that has the pusher's name", () =>
        remediates({ codeRuns: [cleo], environment: { "agents.pusherNames": JSON.stringify(["acme-shop", "shop"]) } }));

      it("ignore configured labels whose keys differ only in their domain", () => {
        const labels = { "agents.platform/name": "5DLabs-Cleo", "github.com/name": "acme-shop" };
        const environment = {
          "codeRun.agentLabel": "agents.platform/name",
          "codeRun.repositoryLabel": "github.com/name",
        };
        const result = decided({ codeRuns: [agent("cleo", "", labels)], environment });
        deepEqual([result.begin, result.plan.targets?.length], [true, 1]);
      });

      it("do not stop at CodeRuns that are not cancelled anyway", () => {
        const odd = { "agents.platform/github-app": "5DLabs-Blaze", "started-by": "rex" };
        const result = decided({
          codeRuns: [
            cleo,
            agent("rex", "5DLabs-Rex", { ...ours, ...odd }),
            agent("other", "5DLabs-Cleo", { repository: "acme-other", ...odd }),
            agent("done", "5DLabs-Cleo", { ...ours, ...odd }, { status: { phase: "Succeeded" } }),
          ],
        });
        deepEqual([result.begin, result.plan.targets?.map(({ name }) => name)], [true, ["cleo-3"]]);
      });
    });

    describe("on an agent that differs from a listed one only in spelling", () => {
      const stopped = (odd: string, untouched = "nothing was touched; ") =>
        `agents of some coderuns of task 3 differ from listed agents only in spelling: ${odd}; ${untouched}correct the label or delete the wrong CodeRuns (${seeCodeRuns} --show-labels), then: ${retry}; or list that spelling too, in agents.toCancel (pulumi up), then: ${resubmit}`;
      for (const name of ["5dlabs-cleo", "5DLABS-Cleo", "5DLabs_Cleo", "5DLabs.cleo", "5DLabs-_Cleo"]) {
        it(`stop at ${name}, and name the CodeRun, its label and the listed agent`, () => {
          const world = { codeRuns: [cleo, agent("odd", name)] };
          const odd = `odd-3 (github-app=${name}, listed is 5DLabs-Cleo)`;
          fails(world, "ambiguous", stopped(odd));
          fails({ ...world, ...begun }, "ambiguous", stopped(odd, ""));
        });
      }

      it("allow both spellings if both are listed [both-spellings-listed]", () => {
        const environment = { "agents.toCancel": JSON.stringify(["5DLabs-Cleo", "5dlabs-cleo"]) };
        const result = decided({ codeRuns: [cleo, agent("small", "5dlabs-cleo")], environment });
        deepEqual([result.begin, result.plan.targets?.map(({ name }) => name)], [true, ["cleo-3", "small-3"]]);
      });

      it("ignore other names, finished CodeRuns, and CodeRuns of another repository", () => {
        const others = ["Cleo", "5DLabsCleo", "5DLabs-Cleo-2", "5DLabs-Cle0", ""].map((name) =>
          agent(`x${name}`, name),
        );
        const result = decided({
          codeRuns: [
            ...others,
            agent("elsewhere", "5dlabs-cleo", { repository: "acme-other" }),
            agent("unnamed", "5dlabs-cleo", {}),
            agent("done", "5dlabs-cleo", ours, { status: { phase: "Succeeded" } }),
          ],
        });
        deepEqual([result.begin, result.plan.targets], [true, []]);
      });
    });

    describe("on CodeRuns that would be deleted with a target", () => {
      const bare = (name: string): CodeRun => withUid({ ...codeRun(name, "", ""), metadata: { name } });
      const other = (name: string, ofTask: string) => withUid(codeRun(name, "5DLabs-Cleo", ofTask, ours));
      const words = (shown: string, first: string, index = 0, untouched = "nothing was touched; ") =>
        `some coderuns would be deleted together with their owners, which this run cancels: ${shown}; ${untouched}remove each one's ownerReference (the first one's: kubectl -n agents patch coderuns.agents.platform ${first} --type json -p '[{"op":"remove","path":"/metadata/ownerReferences/${index}"}]') or delete it yourself, then: ${retry}`;
      const owned: [string, CodeRun, string][] = [
        ["Rex's", agent("x", "5DLabs-Rex"), "agent 5DLabs-Rex is not in the cancel list"],
        [
          "Rex's that has finished",
          agent("x", "5DLabs-Rex", ours, { status: { phase: "Succeeded" } }),
          "agent 5DLabs-Rex is not in the cancel list",
        ],
        ["another task's", other("x-3", "30"), "it belongs to task 30"],
        [
          "another repository's",
          agent("x", "5DLabs-Cleo", { repository: "acme-other" }),
          "it does not name this repository",
        ],
        ["one without labels", bare("x-3"), "it belongs to no task"],
        [
          "a finished one whose labels contradict each other",
          agent("x", "5DLabs-Cleo", { ...ours, by: "rex" }, { status: { phase: "Failed" } }),
          "by=rex contradicts github-app=5DLabs-Cleo",
        ],
      ];
      for (const [what, one, why] of owned) {
        it(`stop at ${what}, and name both and the way out`, () => {
          const shown = `x-3 (owned by cleo-3; ${why})`;
          const world = { codeRuns: [cleo], allCodeRuns: [cleo, ownedBy([cleo], one)] };
          fails(world, "ambiguous", words(shown, "x-3"));
          fails({ ...world, ...begun }, "ambiguous", words(shown, "x-3", 0, ""));
        });
      }

      it("stop at Rex's at the end of a chain of owners: a finished Tess's and another task's", () => {
        const tess = ownedBy([cleo], agent("tess", "5DLabs-Tess", ours, { status: { phase: "Succeeded" } }));
        const neighbour = ownedBy([tess], other("other-3", "30"));
        const rex = ownedBy([neighbour], agent("rex", "5DLabs-Rex"));
        fails(
          { codeRuns: [cleo, tess], allCodeRuns: [rex, neighbour, tess, cleo] },
          "ambiguous",
          words(
            "rex-3 (owned by other-3, below cleo-3; agent 5DLabs-Rex is not in the cancel list), other-3 (owned by tess-3, below cleo-3; it belongs to task 30)",
            "rex-3",
          ),
        );
      });

      it("stop at one that has a second owner, and give the command that removes only the target as owner", () => {
        const blaze = agent("blaze", "5DLabs-Blaze");
        const rex = ownedBy([blaze, cleo], agent("rex", "5DLabs-Rex"));
        fails(
          { codeRuns: [cleo], allCodeRuns: [blaze, cleo, rex] },
          "ambiguous",
          words("rex-3 (owned by cleo-3; agent 5DLabs-Rex is not in the cancel list)", "rex-3", 1),
        );
      });

      it("ignore those that are targets too or have finished, and targets that others own", () => {
        const rex = agent("rex", "5DLabs-Rex");
        const cleo = ownedBy([rex], agent("cleo", "5DLabs-Cleo"));
        const tess = ownedBy([cleo], agent("tess", "5DLabs-Tess"));
        const done = ownedBy([cleo], agent("done", "5DLabs-Tess", ours, { status: { phase: "Failed" } }));
        const blaze = ownedBy([rex], agent("blaze", "5DLabs-Blaze"));
        const result = decided({
          codeRuns: [rex, cleo, tess, done, blaze],
          allCodeRuns: [rex, cleo, tess, done, blaze, bare("bare-3")],
        });
        deepEqual([result.begin, result.plan.targets?.map(({ name }) => name)], [true, ["cleo-3", "tess-3"]]);
      });
    });

    describe("by a person's hold label", () => {
      it("end the run as held before the other brakes, and name the pull request", () => {
        const world = { pulls: [pull(), pull({ number: 4, held: true })], codeRuns: cleos(2) };
        equal(
          end({ ...world, environment: { "agents.maxToCancel": "1" } }),
          `held: label remediation-hold is on pull request #4: a person holds task 3; nothing was touched; to continue, take the label off, then: ${resubmit}`,
        );
      });

      it("end a dry run as held, too", () => {
        const world = { pulls: [pull({ held: true })], environment: { DRY_RUN: "true" } };
        equal(decided(world).outcome, "held");
      });

      it("do not act once a remediation has begun", () => remediates({ ...begun, pulls: [pull({ held: true })] }));
    });
  });
});
