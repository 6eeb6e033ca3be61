import { equal, ok } from "node:assert/strict";
import { stepEnvironment } from "../../steps/scenario.ts";
import { StepBench } from "../../support/step.ts";
import { push, run } from "./decided.ts";

const nowhere = "127.0.0.1";

/**
 * Parameters that plan refuses before it makes any call: here neither the API server nor GitHub would answer. A run has either all
 * parameters of a push or, if started by hand, none.
 */
describe("plan refuses", () => {
  let bench: StepBench;

  before(async () => {
    bench = await StepBench.open(
      stepEnvironment({
        namespace: "agents",
        TASK: push.task,
        RUN_NAME: run,
        "github.apiUrl": `http://${nowhere}:9`,
        KUBERNETES_SERVICE_HOST: nowhere,
        KUBERNETES_SERVICE_PORT: "9",
        // If plan did make a call, it would try for this long.
        stepTimeoutSeconds: "2",
      }),
    );
  });
  after(() => bench.close());

  const noNumber = (value: string) => `parameter TASK is ${value}; expected a number without leading zeros`;
  const noCommit = (name: string, value: string) =>
    `parameter ${name} is ${value}; expected a commit SHA of 40 hex digits`;
  const bad: [string, string, string][] = [
    ["TASK", "012", noNumber("012")],
    ["TASK", "3x", noNumber("3x")],
    ["TASK", "$(touch /tmp/x)", noNumber("\\$\\(touch\\ /tmp/x\\)")],
    ["TASK", "1234567890", noNumber("1234567890")],
    [
      "RUN_NAME",
      "rex-remediation-33-x",
      "the run is called rex-remediation-33-x; the name of a run for task 3 must begin with rex-remediation-3-, or the API server refuses its writes: argo -n agents submit --from workflowtemplate/rex-remediation --generate-name rex-remediation-3- -p task=3 … with the same parameters",
    ],
    ["BEFORE", "main", noCommit("BEFORE", "main")],
    ["BEFORE", "", noCommit("BEFORE", "''")],
    ["AFTER", "{{workflow.name}}", noCommit("AFTER", "\\{\\{workflow.name\\}\\}")],
    ["AFTER", "", noCommit("AFTER", "''")],
    ["REPOSITORY", "acme", "parameter REPOSITORY is acme; expected owner/name"],
    [
      "REPOSITORY",
      "mallory/shop",
      `parameter REPOSITORY is mallory/shop, which is not a configured repository (acme/other, acme/shop): correct it, or add it to repositories (pulumi up), then: argo -n agents resubmit ${run}`,
    ],
    ["PUSHED_AT", "", "parameter PUSHED_AT is ''; expected seconds since 1970"],
    ["PUSHED_AT", "now", "parameter PUSHED_AT is now; expected seconds since 1970"],
    [
      "PUSHED_AT",
      "2147483647",
      `parameter PUSHED_AT is 2147483647, N s ahead of this node's clock; expected a time in the past: correct the clock, or find out who created this run (kubectl -n agents get workflow ${run} -o yaml)`,
    ],
    ["DRY_RUN", "yes", "parameter DRY_RUN is yes; expected true or false"],
  ];
  for (const [name, value, words] of bad) {
    it(`parameter ${name} as ${value || "nothing"} [bad-parameter-${name}]`, async () => {
      const result = await bench.run("plan", { [name]: value });
      equal(result.exitCode, 1, result.log);
      equal(result.lastWords.replace(/\b[1-9]\d+ s ahead/, "N s ahead"), `plan: ${words}`);
      ok(!result.lastWords.includes("{{"));
    });
  }
});
