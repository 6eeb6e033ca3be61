import { deepEqual, equal, match } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Ending, endingIn } from "../../../components/vocabulary/ending.ts";

const lib = resolve(import.meta.dirname, "../../../components/steps/lib.sh");

/** How a step ends. test/chain shows how Argo reacts to it. */
describe("a step", function () {
  // Each case starts bash and jq a few times, which takes longer on a busy machine.
  this.timeout(20_000);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-lib-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs bash as the step stop-qa. */
  function run(bash: string, config: object = {}) {
    const { status, stdout, stderr } = spawnSync("bash", ["-c", `source ${lib}\n${bash}`], {
      env: {
        PATH: process.env.PATH ?? "",
        STEP: "stop-qa",
        SHARED_DIR: folder,
        TERMINATION_LOG: join(folder, "last-words"),
        CONFIG: JSON.stringify(config),
        REPOSITORY: "",
        REPOSITORIES: '{"acme/shop":"acme-shop"}',
        EXIT_PLAN_AGAIN: "75",
      },
      encoding: "utf8",
      // With a socket as its standard input, bash may take itself for a remote shell and read ~/.bashrc.
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = join(folder, "last-words");
    const text = existsSync(log) ? readFileSync(log, "utf8") : "";
    const { seconds, ...ending }: Partial<Ending> = endingIn(text) ?? {};
    return { status, stdout, stderr, text, ending, seconds };
  }

  it("fails with a cause, and by default says that the fault stays and that retry continues the run", () => {
    const { status, text, stderr, ending, seconds } = run('fail gone "the run" "is gone"');
    equal(status, 1);
    equal(stderr, "stop-qa: the run is gone\n");
    match(
      text,
      /^stop-qa: the run is gone\n\{"step":"stop-qa","cause":"gone","passes":false,"command":"retry","seconds":[\d.]+\}\n$/,
    );
    deepEqual(ending, { step: "stop-qa", did: "the run is gone", cause: "gone", passes: false, command: "retry" });
    equal(typeof seconds, "number");
  });

  it("fails with the object, whether the fault passes, and the command, if the call gives them", () => {
    deepEqual(run('object="run x" passes=true command=resubmit fail gone "no"').ending, {
      step: "stop-qa",
      did: "no",
      object: "run x",
      cause: "gone",
      passes: true,
      command: "resubmit",
    });
  });

  it("asks for a new plan, and says that the fault passes", () => {
    const { status, ending } = run('plan_again "play-3 changed"');
    equal(status, 75);
    deepEqual(ending, {
      step: "stop-qa",
      did: "play-3 changed; planning again",
      cause: "outdated-plan",
      passes: true,
      command: "retry",
    });
  });

  it("writes nothing that Argo would expand, and at most 1500 characters of words", () => {
    const { text, stderr, ending } = run(`object='a {{b' fail gone "{{workflow.name}} $(printf 'x%.0s' {1..2000})"`);
    equal(text.includes("{{") || stderr.includes("{{"), false);
    equal(ending.object, "a { {b");
    match(ending.did ?? "", /^\{ \{workflow\.name\}\} x+$/);
    equal(text.split("\n")[0]?.length, 1501);
  });

  it("reports what it did, in a file and in its log", () => {
    const { status, stdout, ending } = run('cause=held finish "a label" "is on it"');
    equal(status, 0);
    match(stdout, /^\d\d:\d\d:\d\d stop-qa: held: a label is on it\n$/);
    const did = { step: "stop-qa", did: "a label is on it", cause: "held" };
    deepEqual(ending, did);
    const { seconds, ...recorded } = JSON.parse(readFileSync(join(folder, "steps/stop-qa.json"), "utf8"));
    deepEqual([recorded, typeof seconds], [did, "number"]);
  });

  it("knows the configuration, whatever its values, and the repository if there is only one", () => {
    const config = {
      main: { typeLabel: 'it\'s "$(id)" {{x}}', stages: ["a"] },
      pull: { comments: false },
      stepTimeoutSeconds: 20,
    };
    const { status, stdout } = run(
      'printf "%s\\n" "$MAIN_TYPE_LABEL" "$PULL_COMMENTS" "$STEP_TIMEOUT_SECONDS" "$REPOSITORY"; [[ ! -v MAIN_STAGES ]]',
      config,
    );
    equal(status, 0);
    deepEqual(stdout.trimEnd().split("\n"), ['it\'s "$(id)" {{x}}', "false", "20", "acme/shop"]);
  });
});
