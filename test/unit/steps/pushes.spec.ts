import { deepEqual, equal } from "node:assert/strict";
import { runNameOf } from "../../steps/scenario.ts";
import { codeRun } from "../../support/codeRuns.ts";
import {
  beginning,
  begun,
  decided,
  end,
  iso,
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

const on = (digit: string) => [{ ref: "task-3-fix", sha: sha(digit) }];

/** The main workflow after another run restarted QA; default: on the pushed head. */
const handled = (more: Record<string, string> = {}) => [
  main("waiting-ready-for-qa", { annotations: ledger("true", { run: "another", ...more }) }),
];

/** The same for another head, pushed `seconds` after this one. */
const handledOther = (seconds: number, more: Record<string, string> = {}) =>
  handled({ head: sha("c"), pushed: sha("c"), "pushed-at": String(push.pushedAt + seconds), ...more });

/** How plan decides which push and which head a run handles; see decide.spec.ts. */
describe("plan", function () {
  // Each case starts jq a few times, which is slow on a busy machine.
  this.timeout(60_000);

  describe("takes this push as handled if its head was, without a call to GitHub,", () => {
    const copies: [string, Record<string, string>][] = [
      ["for the same delivery", {}],
      [
        "for another webhook's copy with a later time [handled-head-later-copy]",
        { PUSHED_AT: String(push.pushedAt + 2) },
      ],
      ["for GitHub's own record of the push with an earlier time", { PUSHED_AT: String(push.pushedAt - 2) }],
      [
        "for a push that created the branch again after it was deleted",
        { BEFORE: sha("0"), PUSHED_AT: String(push.pushedAt + 60) },
      ],
    ];
    for (const [what, environment] of copies) {
      it(what, () => {
        const { outcome, reason, asked } = decided({ mainWorkflows: handled(), environment });
        deepEqual(
          [outcome, reason, asked],
          ["already-remediated", "this head was handled by run another", ["main-workflows"]],
        );
      });
    }

    it("for old deliveries of several branches, so that they do not restart QA in turn [old-delivery-of-two-branches]", () => {
      const branches = [
        { ref: "task-3-one", sha: push.after },
        { ref: "task-3-two", sha: sha("c") },
        { ref: "task-3-three", sha: push.after },
      ];
      const annotations = begun({ branches });
      equal(annotations["rex-remediation/heads"], `${push.after},${sha("c")}`);
      const mainWorkflows = [
        main("waiting-ready-for-qa", { annotations: { ...annotations, "rex-remediation/resumed": "true" } }),
      ];
      const old: Record<string, string>[] = [
        { AFTER: sha("c"), PUSHED_AT: String(push.pushedAt - 3600) },
        { BEFORE: sha("c"), PUSHED_AT: String(push.pushedAt + 10) },
        { AFTER: sha("c"), PUSHED_AT: String(push.pushedAt + 20) },
      ];
      for (const delivery of old) {
        const environment = { ...delivery, RUN_NAME: runNameOf(task, delivery) };
        equal(end({ mainWorkflows, branches, environment }), `already-remediated: this head was handled by run ${run}`);
      }
    });
  });

  describe("if the branch has moved on", () => {
    const cases: [string, World, string][] = [
      [
        "takes this push as handled if it was handled with a commit on top, even if more was pushed since [handled-with-push-on-top]",
        {
          mainWorkflows: handled({ head: sha("d") }),
          branches: on("e"),
          environment: { PUSHED_AT: String(push.pushedAt + 2) },
        },
        "already-remediated: this push was handled by run another",
      ],
      [
        "gives way if QA was restarted on the current head for a push of the same second [superseded-same-second]",
        { mainWorkflows: handledOther(0), branches: on("c") },
        "superseded: a newer push (cccccccccccc) was handled by run another",
      ],
      [
        "gives way if QA was restarted on the current head, even if that push has an earlier time",
        { mainWorkflows: handledOther(-2), branches: on("c") },
        "superseded: a newer push (cccccccccccc) was handled by run another",
      ],
      [
        "gives way to a handled push that is certainly newer, even if somebody has pushed since [superseded-by-handled-push]",
        { mainWorkflows: handledOther(200), branches: on("e") },
        "superseded: a newer push (cccccccccccc) was handled by run another",
      ],
      [
        "gives way to a newer push that has its own run",
        { branches: on("c"), runs: [newer()] },
        "superseded: a newer push has run newer",
      ],
      [
        "gives way to a push of the same second whose commit is the head",
        { branches: on("c"), runs: [newer({ at: push.pushedAt })] },
        "superseded: a newer push has run newer",
      ],
      [
        "gives way to a newer run at work, even if it still has the label held of the run that it was resubmitted from",
        { branches: on("c"), runs: [newer({ outcome: "held", phase: "Running" })] },
        "superseded: a newer push has run newer",
      ],
    ];
    for (const [what, world, expected] of cases) {
      it(what, () => equal(end(world), expected));
    }

    const present: [string, World, string][] = [
      ["that a person pushed on top of Rex's", { branches: on("d"), pulls: [pull({ ready: false })] }, sha("d")],
      [
        "despite a handled push that is newer only by as much as GitHub's clocks may differ",
        { mainWorkflows: handledOther(60), branches: on("e") },
        sha("e"),
      ],
      [
        "despite a newer run of another repository",
        { branches: on("c"), runs: [newer({ repository: "acme/other" })] },
        sha("c"),
      ],
      ["despite an older run", { branches: on("c"), runs: [newer({ at: push.pushedAt - 1 })] }, sha("c")],
      [
        "despite a newer run that ended as held",
        { branches: on("c"), runs: [newer({ outcome: "held", phase: "Succeeded" })] },
        sha("c"),
      ],
      [
        "despite a newer run that ended as held, even if Argo calls it failed [newer-run-held-but-failed]",
        { branches: on("c"), runs: [newer({ outcome: "held", phase: "Error" })] },
        sha("c"),
      ],
      ["despite a newer run that Argo refused", { branches: on("c"), runs: [newer({ phase: "Error" })] }, sha("c")],
      [
        "of the branch under review, if the task has several and none is at the pushed commit",
        {
          branches: [
            { ref: "task-3-one", sha: sha("c") },
            { ref: "task-3-two", sha: sha("d") },
          ],
          pulls: [pull({ ref: "task-3-two" })],
        },
        sha("d"),
      ],
    ];
    for (const [what, world, head] of present) {
      it(`restarts QA for the current head ${what}`, () => {
        const { begin, plan } = decided(world);
        deepEqual([begin, plan.head], [true, head]);
      });
    }
  });

  describe("restarts QA", () => {
    it("for the head, if two pushes came in the same second", () => {
      const twin = newer({ at: push.pushedAt });
      const environment = { BEFORE: push.after, AFTER: sha("c") };
      const { begin, plan } = decided({ branches: on("c"), runs: [twin], environment });
      deepEqual([begin, plan.head], [true, sha("c")]);
    });

    it("if another run began and did not resume, even if nothing looks stale and the pull request is closed", () => {
      const annotations = ledger("false", { run: "another" });
      equal(end({ mainWorkflows: [main("waiting-pr-created", { annotations })], pulls: [] }), "remediate");
    });

    it("if the branch was moved back to an earlier commit", () => {
      equal(end({ mainWorkflows: handledOther(-60), pulls: [pull({ ready: false })] }), "remediate");
    });

    it("each time the branch moves back or forth", () => {
      let annotations: Record<string, string> | undefined;
      const seen = ["a", "b", "a", "b"].map((digit, index) => {
        const parameters = {
          BEFORE: sha(digit === "a" ? "b" : "a"),
          AFTER: sha(digit),
          PUSHED_AT: String(push.pushedAt + index),
        };
        const environment = { ...parameters, RUN_NAME: runNameOf(task, parameters) };
        const mainWorkflows = [main("waiting-ready-for-qa", { annotations })];
        annotations = {
          ...begun({ mainWorkflows, branches: on(digit), environment }),
          "rex-remediation/resumed": "true",
        };
        return [annotations["rex-remediation/head"], annotations["rex-remediation/round"]];
      });
      deepEqual(seen, [
        [sha("a"), "1"],
        [sha("b"), "2"],
        [sha("a"), "3"],
        [sha("b"), "4"],
      ]);
    });
  });

  describe("of a run by hand, which names no push,", () => {
    const environment = { BEFORE: "", AFTER: "", PUSHED_AT: "" };

    it("is done if its pod starts again after the restart, wherever the branch is then [by-hand-second-pod]", () => {
      const mainWorkflows = handled({ head: sha("a"), pushed: sha("a"), run });
      const branches = on("c");
      equal(
        end({ mainWorkflows, branches, environment }),
        "remediated: this run resumed the main workflow before its pod was started again",
      );
    });

    it("restarts QA on a head that another run handled", () => {
      equal(end({ mainWorkflows: handled(), environment }), "remediate");
    });

    it("has nothing to do if the task has no branch", () => {
      equal(end({ branches: [], environment }), "no-pull-request: acme/shop has no branch of task 3 (task-3)");
    });
  });

  describe("writes into the ledger", () => {
    it("this push, its round and what to do if the run is lost, unless something changed since it was read", () => {
      const key = (name: string) => `/metadata/annotations/rex-remediation~1${name}`;
      const mainWorkflows = handledOther(-60, { round: "4" });
      const [, patch = ""] = beginning({ mainWorkflows });
      deepEqual(JSON.parse(patch), [
        { op: "test", path: "/metadata/uid", value: "uid-of-play-3" },
        { op: "test", path: "/metadata/labels/current-stage", value: "waiting-ready-for-qa" },
        { op: "test", path: key("pushed-at"), value: String(push.pushedAt - 60) },
        { op: "test", path: key("run"), value: "another" },
        { op: "add", path: key("head"), value: push.after },
        { op: "add", path: key("heads"), value: push.after },
        { op: "add", path: key("pushed"), value: push.after },
        { op: "add", path: key("run"), value: run },
        { op: "add", path: key("round"), value: "5" },
        { op: "add", path: key("resumed"), value: "false" },
        { op: "add", path: key("outcome"), value: "begun" },
        {
          op: "add",
          path: key("message"),
          value: `${run} has begun to restart QA; if that run is gone, start another, which finishes the work: the command`,
        },
        { op: "add", path: key("pushed-at"), value: String(push.pushedAt) },
      ]);
    });

    it("a new round, unless it continues one", () => {
      const round = (resumed: string) =>
        begun({
          mainWorkflows: [
            main("waiting-ready-for-qa", {
              annotations: ledger(resumed, { run: "another", round: "4", head: sha("c"), pushed: sha("c") }),
            }),
          ],
        })["rex-remediation/round"];
      deepEqual([begun()["rex-remediation/round"], round("false"), round("true")], ["1", "4", "5"]);
    });

    for (const [what, more, head] of [
      ["the head is this push", {}, push.after],
      ["somebody pushed on top of it", {}, sha("e")],
      ["somebody pushed on top of it and the branch was moved back", { pushed: push.after }, push.after],
    ] as const) {
      it(`the latest handled time, even if it is another push's, when ${what}`, () => {
        const branches = [{ ref: "task-3-fix", sha: head }];
        const written = begun({ mainWorkflows: handledOther(60, more), branches });
        deepEqual(written, {
          ...written,
          "rex-remediation/head": head,
          "rex-remediation/heads": head,
          "rex-remediation/pushed": push.after,
          "rex-remediation/pushed-at": String(push.pushedAt + 60),
        });
      });
    }

    it("nothing a second time, or if another run has begun or the main workflow has ended meanwhile", () => {
      const secondTry = (more: Parameters<typeof main>[1]) => beginning({}, main("waiting-ready-for-qa", more));
      deepEqual(
        [
          secondTry({ annotations: begun() }),
          secondTry({ annotations: ledger("false", { run: "another" }) }),
          secondTry({ spec: { shutdown: "Stop" } }),
        ],
        [
          ["done", ""],
          ["taken", "play-3"],
          ["ended", "play-3 was told to stop (spec.shutdown: Stop)"],
        ],
      );
    });
  });

  /** An agent that began after a push works on its head. */
  describe("of a push that comes late", () => {
    const late = (
      agents: { agent: string; after: number; phase?: string }[],
      more: { ready?: boolean; head?: string } = {},
    ): string =>
      end({
        codeRuns: agents.map((one, index) => {
          const { metadata, ...rest } = withUid(codeRun(`x-${index}`, one.agent, task, ours));
          return {
            ...rest,
            metadata: { ...metadata, creationTimestamp: iso(push.pushedAt + one.after) },
            status: { phase: one.phase ?? "Running" },
          };
        }),
        pulls: [pull({ ready: more.ready ?? false })],
        branches: [{ ref: "task-3-fix", sha: more.head ?? push.after }],
      }).split(":")[0] ?? "";
    const fresh = (...call: Parameters<typeof late>) => equal(late(...call), "nothing-stale");
    const stale = (...call: Parameters<typeof late>) => equal(late(...call), "remediate");
    const [Cleo, Tess] = ["5DLabs-Cleo", "5DLabs-Tess"];

    it("leaves a Cleo alone that began after it", () => fresh([{ agent: Cleo, after: 1000 }]));

    it("leaves a Tess alone that follows such a Cleo, and the ready label that Cleo set", () =>
      fresh(
        [
          { agent: Cleo, after: 1000, phase: "Succeeded" },
          { agent: Tess, after: 1001 },
        ],
        { ready: true },
      ));

    it("restarts QA if no agent has begun since", () => {
      stale([]);
      stale([{ agent: "5DLabs-Rex", after: 1000 }]);
    });

    it("restarts QA if the round began before it: the first agent since is a Tess [late-in-older-round]", () => {
      stale([{ agent: Tess, after: 1000 }]);
      stale([
        { agent: Tess, after: 1000 },
        { agent: Cleo, after: 1001 },
      ]);
    });

    it("restarts QA if an agent from before it is still at work beside one from after it", () =>
      stale([
        { agent: Tess, after: -500 },
        { agent: Cleo, after: 1000 },
      ]));

    it("restarts QA if the ready label is older than the round [late-with-old-ready-label]", () =>
      stale([{ agent: Cleo, after: 1000 }], { ready: true }));

    it("restarts QA if somebody pushed on top, because nobody knows which head the agent works on [late-with-push-on-top]", () =>
      stale([{ agent: Cleo, after: 1000 }], { head: sha("e") }));

    it("restarts QA if the clocks cannot tell which came first [late-by-unsure-clocks]", () =>
      stale([{ agent: Cleo, after: 90 }]));
  });
});
