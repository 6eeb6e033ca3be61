import {
  command,
  flag,
  type InstallationChoice,
  installationOf,
  installationOptions,
  Refusal,
  text,
} from "./lib/call.ts";

/** What `doctor` is called with. */
export interface DoctorCall extends InstallationChoice {
  before: boolean;
  mainWorkflow?: string;
  ping: boolean;
  json: boolean;
}

export const doctor = command({
  command: "doctor",
  describe: "look at everything that a remediation rests on, and say what is wrong and how it is mended",
  usage: `usage: $0 doctor [OPTION...]

Looks at everything that a remediation rests on, and says what is wrong and how it is mended: a line for each check, and
at the end how many of each. A check that rests on one that failed is skipped, so that one cause is one failure.
It changes nothing: what has to be refused is tried as a dry run, taking labels off with one that is not there.`,
  options: {
    before: flag(
      "before installation: tools, configuration, cluster, Argo, event bus, CodeRuns, and your rights to install; --stack then names the stack whose Pulumi.NAME.yaml is read (default: the defaults alone), and there need be no outputs",
    ),
    "main-workflow": text(
      "X: whether a main workflow keeps the contract of docs/main-workflow.md: the name of a WorkflowTemplate, or a file",
    ),
    ping: flag(
      "let GitHub send a ping through the webhook, and look at its answer: it proves that the secrets are the same",
    ),
    json: flag("print one object on standard output instead"),
    ...installationOptions,
  },
  epilogue: `Each line:
  pass|warn|fail|skip  WHAT: what was found; fix: the command or the edit

The variable GITHUB_TOKEN may hold a token of yours, for the webhooks that the App may not see.

Exit codes:
  0  nothing failed
  1  something failed
  2  nothing was looked at: the call is wrong, or there are no outputs`,
  read: ({ before = false, ping = false, json = false, ...values }): DoctorCall => {
    if (before && values.outputs !== undefined) {
      throw new Refusal("--before and --outputs: before installation there are no outputs; give one of them");
    }
    if (before && ping) {
      throw new Refusal("--before and --ping: before installation nothing would answer; give one of them");
    }
    return { before, ping, json, mainWorkflow: values["main-workflow"], ...installationOf(values) };
  },
  run: async (call) => (await import("./run/doctor.ts")).doctor(call),
});
