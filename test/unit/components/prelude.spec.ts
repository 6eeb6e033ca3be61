import { deepEqual, equal } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { jqVocabulary, prelude } from "../../../components/vocabulary/prelude.ts";

describe("the prelude of the steps", () => {
  /** What bash prints that has the prelude before the text. */
  const said = (text: string) => execFileSync("bash", ["-euc", `${prelude(text)}${text}`], { encoding: "utf8" });

  it("defines what a text uses, and nothing else", () => {
    equal(prelude('must_match TASK "$TASK" "$TASK_PATTERN"'), "readonly TASK_PATTERN='^[1-9][0-9]{0,8}$'\n");
    equal(
      prelude('exit "$EXIT_PLAN_AGAIN"; jq "$LEDGER"'),
      "readonly LEDGER=rex-remediation\nreadonly EXIT_PLAN_AGAIN=75\n",
    );
    equal(prelude("true"), "");
  });

  it("gives bash patterns for the whole of a text", () => {
    const matches = (pattern: string, texts: string[]) =>
      texts.map((text) => said(`[[ ${JSON.stringify(text)} =~ $${pattern} ]] && printf yes || printf no`));
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

  it("gives bash the functions of jq that a text uses", () => {
    const text = `jq -n "$VOCABULARY"'"task-3-x" | task_of_branch("task-")'`;
    equal(said(text), '"3"\n');
    equal(jqVocabulary(text).split("def ").length, 2);
  });

  describe("in jq", () => {
    const jq = (program: string, input: unknown) =>
      JSON.parse(
        execFileSync("jq", ["-c", jqVocabulary(program) + program], { input: JSON.stringify(input), encoding: "utf8" }),
      );

    it("knows a task by the name of its branch", () => {
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

    it("takes what names a repository for that one's, and what names none where there is no other", () => {
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

    it("knows the containers of the pod, and which end says nothing of its own container", () => {
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
