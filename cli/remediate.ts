import {
  type Consent,
  command,
  consentOf,
  type InstallationChoice,
  installationOf,
  installationOptions,
  jsonAtTheEnd,
  mustBeRepository,
  secondsOf,
  taskOf,
  text,
  writingOptions,
} from "./lib/call.ts";

/** What `remediate` is called with. */
export interface RemediateCall extends InstallationChoice, Consent {
  task: string;
  /** owner/name; needed only where several repositories are watched. */
  repository?: string;
  waitSeconds: number;
  json: boolean;
}

export const remediate = command({
  command: "remediate",
  describe: "start a remediation of a task by hand, or only plan one",
  usage: `usage: $0 remediate --task N [OPTION...]

Starts a remediation of a task by hand, for the present head of its branch, as Rex's push would; says what each step did, and ends with the
run's report and outcome.`,
  options: {
    task: text("N: the task's number"),
    repository: text("NAME: owner/name; needed where several repositories are watched"),
    wait: text("SECONDS: how long to wait for the end (default: 300); the run goes on in any case"),
    json: jsonAtTheEnd,
    ...writingOptions,
    "dry-run": {
      ...writingOptions["dry-run"],
      describe: "only plan: say what would be touched, and why the rest would not; touch nothing",
    },
    ...installationOptions,
  },
  epilogue: `The same without this tool:
  argo submit -n NAMESPACE --from workflowtemplate/rex-remediation --generate-name rex-remediation-N- -p task=N

Exit codes:
  0  the run ended with any outcome but failed; there may have been nothing to do
  1  it failed, or has not ended in time
  2  nothing was started: the call is wrong, not confirmed, or the cluster cannot be asked`,
  read: ({ task, repository, wait = "300", json = false, ...values }): RemediateCall => {
    const number = taskOf(task, "remediate");
    mustBeRepository(repository);
    return {
      task: number,
      repository,
      waitSeconds: secondsOf(wait, 5),
      json,
      ...installationOf(values),
      ...consentOf(values),
    };
  },
  run: async (call) => (await import("./run/remediate.ts")).remediate(call),
});
