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

/** The arguments of `remediate`. */
export interface RemediateCall extends InstallationChoice, Consent {
  task: string;
  /** owner/name; needed only if several repositories are watched. */
  repository?: string;
  waitSeconds: number;
  json: boolean;
}

export const remediate = command({
  command: "remediate",
  describe: "start a remediation of a task by hand, or only plan one",
  usage: `usage: $0 remediate --task N [OPTION...]

Starts a remediation of a task by hand, for the current head of its branch, as a push by Rex would. It reports what each step did, and ends with
the report and the outcome of the run.`,
  options: {
    task: text("N: the number of the task"),
    repository: text("NAME: owner/name; needed if several repositories are watched"),
    wait: text("SECONDS: how long to wait for the run to end (default: 300); the run continues in any case"),
    json: jsonAtTheEnd,
    ...writingOptions,
    "dry-run": {
      ...writingOptions["dry-run"],
      describe: "only plan: show what a run would touch, what it would leave alone, and why; change nothing",
    },
    ...installationOptions,
  },
  epilogue: `The same without this tool:
  argo submit -n NAMESPACE --from workflowtemplate/rex-remediation --generate-name rex-remediation-N- -p task=N

Exit codes:
  0  the run ended with an outcome other than failed; there may have been nothing to do
  1  the run failed or did not end in time
  2  nothing was started: the call is wrong or was not confirmed, or the cluster does not answer`,
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
