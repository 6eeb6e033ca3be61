import {
  command,
  flag,
  type InstallationChoice,
  installationOf,
  installationOptions,
  Refusal,
  text,
} from "./lib/call.ts";

/** The arguments of `doctor`. */
export interface DoctorCall extends InstallationChoice {
  before: boolean;
  mainWorkflow?: string;
  ping: boolean;
  json: boolean;
}

export const doctor = command({
  command: "doctor",
  describe: "check everything that a remediation depends on, and say what is wrong and how to fix it",
  usage: `usage: $0 doctor [OPTION...]

Checks everything that a remediation depends on, and says what is wrong and how to fix it. It prints a line for each finding, and the
totals at the end. If a check fails, the checks that depend on it are skipped, so that one cause gives one failure.
It changes nothing: it tests permissions with dry runs, and tests the removal of labels with a label that does not exist.`,
  options: {
    before: flag(
      "check before the installation: tools, configuration, cluster, Argo, event bus, CodeRuns, and your rights to install. It needs no outputs; --stack NAME reads Pulumi.NAME.yaml (default: only the defaults of the configuration)",
    ),
    "main-workflow": text(
      "X: also check that a main workflow keeps the contract in docs/main-workflow.md; X is a file, or the name of a WorkflowTemplate",
    ),
    ping: flag(
      "have GitHub send a ping through the webhook, and check the answer: this proves that both sides have the same secret",
    ),
    json: flag("print one JSON object instead of lines"),
    ...installationOptions,
  },
  epilogue: `Each line:
  pass|warn|fail|skip  CHECK: what was found; fix: what to run or to edit

If the App may not read the webhooks, set the variable GITHUB_TOKEN to a token that may.

Exit codes:
  0  nothing failed
  1  something failed
  2  nothing was checked: the call is wrong, or there are no outputs`,
  read: ({ before = false, ping = false, json = false, ...values }): DoctorCall => {
    if (before && values.outputs !== undefined) {
      throw new Refusal("--before and --outputs: before the installation there are no outputs; give only one of them");
    }
    if (before && ping) {
      throw new Refusal("--before and --ping: before the installation nothing can answer; give only one of them");
    }
    return { before, ping, json, mainWorkflow: values["main-workflow"], ...installationOf(values) };
  },
  run: async (call) => (await import("./run/doctor.ts")).doctor(call),
});
