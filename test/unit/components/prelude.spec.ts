import { deepEqual, equal } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { jqVocabulary, prelude } from "../../../components/vocabulary/prelude.ts";
import { runName, sweepSuffix } from "../../../components/vocabulary/runName.ts";
import { isOfPush } from "../../../components/vocabulary/samePush.ts";

describe("the prelude of the steps", () => {
  /** What bash prints for the text with its prelude. */
  const outputOf = (text: string) => execFileSync("bash", ["-euc", `${prelude(text)}${text}`], { encoding: "utf8" });

  it("defines only what a text uses", () => {
    equal(prelude('must_match TASK "$TASK" "$TASK_PATTERN"'), "readonly TASK_PATTERN='^[1-9][0-9]{0,8}$'\n");
    equal(
      prelude('exit "$EXIT_PLAN_AGAIN"; jq "$OUTCOME_LABEL"'),
      "readonly OUTCOME_LABEL='rex-remediation/outcome'\nreadonly EXIT_PLAN_AGAIN=75\n",
    );
    equal(prelude("true"), "");
  });

  it("gives bash patterns that match a whole text", () => {
    const matches = (pattern: string, texts: string[]) =>
      texts.map((text) => outputOf(`[[ ${JSON.stringify(text)} =~ $${pattern} ]] && printf yes || printf no`));
    deepEqual(matches("TASK_PATTERN", ["3", "123456789", "1234567890", "03", "3x", ""]), [
      "yes",
      "yes",
      "no",
      "no",
      "no",
      "no",
    ]);
    deepEqual(matches("SHA_PATTERN", ["a".repeat(40), "a".repeat(41), "A".repeat(40)]), ["yes", "no", "no"]);
    deepEqual(matches("REPOSITORY_PATTERN", ["acme/shop.js", "acme", "a/b/c", "a b/c"]), ["yes", "no", "no", "no"]);
  });

  it("gives bash the jq functions that a text uses", () => {
    const text = `jq -n "$VOCABULARY"'"task-3-x" | task_of_branch("task-")'`;
    equal(outputOf(text), '"3"\n');
    equal(jqVocabulary(text).split("def ").length, 2);
  });

  describe("in jq", () => {
    const jq = (program: string, input: unknown) =>
      JSON.parse(
        execFileSync("jq", ["-c", jqVocabulary(program) + program], { input: JSON.stringify(input), encoding: "utf8" }),
      );

    it("finds a task by the name of its branch", () => {
      const branches = [
        "task-3",
        "task-3-x",
        "task-3/x",
        "task-3_x",
        "task-30",
        "task-3x",
        "task-3.x",
        "task-03",
        "task-",
        "x-task-3",
        "task-3-a b",
      ];
      const tasks = ["3", "3", "3", "3", "30", null, null, null, null, null, null];
      deepEqual(jq('map(task_of_branch("task-"))', branches), tasks);
      equal(jq('task_of_branch("a.b/")', "a.b/7-x"), "7");
      equal(jq('task_of_branch("a.b/")', "axb/7-x"), null);
    });

    it("reads the ledger of an object, and the parameters of a Workflow", () => {
      const annotations = { "rex-remediation/head": "a", "rex-remediation/pushed-at": "1", "others/head": "b" };
      deepEqual(jq('[ledger_of, ledger_key("head")]', { metadata: { annotations } }), [
        { head: "a", "pushed-at": "1" },
        "rex-remediation/head",
      ]);
      deepEqual(jq("ledger_of", { metadata: {} }), {});
      const parameters = [
        { name: "task", value: "3" },
        { name: "pushed-at", value: "1" },
      ];
      deepEqual(jq("parameters_of", { spec: { arguments: { parameters } } }), { task: "3", "pushed-at": "1" });
      deepEqual(jq("parameters_of", { spec: {} }), {});
    });

    const push = {
      task: "3",
      before: "a".repeat(40),
      after: "b".repeat(40),
      repository: "acme/shop",
      pushedAt: 1_767_225_600,
    };

    it("names a push's run as the program does", () => {
      const [prefix, salt] = ["rex", "s4lt"];
      const { after, task } = push;
      equal(jq('run_digested("s4lt")', push), `s4lt 3 ${"a".repeat(40)} ${"b".repeat(40)} acme/shop 1767225600`);
      equal(jq('run_name_begin("rex")', push), `rex-${task}-${after.slice(0, 7)}-`);
      const digest = createHash("sha256")
        .update(jq(`run_digested("${salt}")`, push))
        .digest("hex");
      equal(jq(`swept_run_name("${prefix}"; "${digest}")`, push), `${runName(prefix, salt, push)}${sweepSuffix}`);
    });

    it("builds the run of a push, with owner and instance ID if they are known, and reads the push from it", () => {
      const labels = {
        "app.kubernetes.io/name": "rex-remediation",
        "app.kubernetes.io/instance": "rex",
        "app.kubernetes.io/component": "remediation",
        "rex-remediation/task": "3",
      };
      const spec = {
        workflowTemplateRef: { name: "rex" },
        priority: push.pushedAt,
        arguments: {
          parameters: [
            { name: "task", value: "3" },
            { name: "before", value: push.before },
            { name: "after", value: push.after },
            { name: "repository", value: "acme/shop" },
            { name: "pushed-at", value: "1767225600" },
          ],
        },
      };
      const kind = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow" };
      const made = (uid: string, instance: string) =>
        jq(`. as $push | unfilled_run("rex"; "qa"; "${uid}"; "${instance}") | filled_run($push)`, push);
      deepEqual(made("", ""), { ...kind, metadata: { name: "rex", namespace: "qa", labels }, spec });
      deepEqual(made("e2b4", "prod"), {
        ...kind,
        metadata: {
          name: "rex",
          namespace: "qa",
          labels: { ...labels, "workflows.argoproj.io/controller-instanceid": "prod" },
          ownerReferences: [{ apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTemplate", name: "rex", uid: "e2b4" }],
        },
        spec,
      });
      deepEqual(jq("push_of", made("", "")), push);
    });

    it("decides by the same rule as the tools whether a run belongs to a push", () => {
      const recorded = { before: "a", after: "b", pushedAt: 1000, times: [1000, 1100] };
      const push = (pushedAt: number, more = {}) => ({ before: "a", after: "b", pushedAt, ...more });
      const cases = [
        { push: push(1000), same: true },
        { push: push(1049), same: true },
        { push: push(1050), same: true },
        { push: push(1051), same: false },
        { push: push(880), same: true },
        { push: push(879), same: false },
        { push: push(1000, { before: "c" }), same: false },
        { push: push(1000, { after: "c" }), same: false },
      ];
      deepEqual(
        jq(
          `map(is_of_push(${JSON.stringify(recorded)}))`,
          cases.map(({ push }) => push),
        ),
        cases.map(({ same }) => same),
      );
      deepEqual(
        cases.map(({ push }) => isOfPush(push, recorded)),
        cases.map(({ same }) => same),
      );
    });

    it("assigns an object to the repository that it names, and one without a name only if there is a single repository", () => {
      const one = { "acme/shop": "acme-Shop" };
      const two = { ...one, "acme/till": "acme-till" };
      const of = (repositories: object, repository: string, labels?: Record<string, string>) =>
        jq(`is_of_repository(${JSON.stringify(repositories)}; ${JSON.stringify(repository)}; "repo")`, {
          metadata: { labels },
        });
      deepEqual(
        [
          of(one, "Acme/Shop", { repo: "ACME-shop" }),
          of(one, "acme/shop", { repo: "acme-till" }),
          of(one, "acme/shop", {}),
          of(one, "acme/shop"),
        ],
        [true, false, true, true],
      );
      deepEqual(
        [
          of(two, "acme/shop", { repo: "acme-shop" }),
          of(two, "acme/till", { repo: "acme-shop" }),
          of(two, "acme/shop", {}),
          of(two, "acme/none", { repo: "acme-shop" }),
        ],
        [true, false, false, false],
      );
    });

    it("knows the containers of the pod, and which exit codes others have caused", () => {
      deepEqual(jq("[step_containers, (step_containers | map(step_of_container))]", null), [
        ["plan", "stop-qa", "restart-qa", "main"],
        ["plan", "stop-qa", "restart-qa", "record"],
      ]);
      deepEqual(
        jq("map(ended_by_others)", ["Error (exit code 64)", "x: Error (exit code 143): y", "Error (exit code 1)"]),
        [true, true, false],
      );
    });
  });
});
