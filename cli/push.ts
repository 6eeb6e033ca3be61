import { shaPattern, whole } from "../components/vocabulary/patterns.ts";
import {
  type Consent,
  command,
  consentOf,
  type InstallationChoice,
  installationOf,
  installationOptions,
  jsonAtTheEnd,
  must,
  mustBeRepository,
  mustBeUrl,
  secondsOf,
  taskOf,
  text,
  writingOptions,
} from "./lib/call.ts";

/** The arguments of `push`. */
export interface PushCall extends InstallationChoice, Consent {
  task: string;
  repository?: string;
  branch?: string;
  /** The commit pushed. */
  sha?: string;
  /** The branch's head before the push. */
  before?: string;
  url?: string;
  waitSeconds: number;
  json: boolean;
}

export const push = command({
  command: "push",
  describe: "send the push event of a task's branch as GitHub would, and report what its run does",
  usage: `usage: $0 push --task N [OPTION...]

Sends a signed push event of the task's branch to the installation's EventSource, as GitHub would, in the name of the configured pusher. Then it
waits for the run and reports what it did. This is not a simulation: the run cancels the agents whose work the push made stale.

By default it sends the last push of the branch, as GitHub recorded it. If that push already has a run, it does not get another one.`,
  options: {
    task: text("N: the number of the task"),
    repository: text("NAME: owner/name; needed if several repositories are watched"),
    branch: text("NAME: the branch; needed if the task has several branches"),
    sha: text("SHA: the pushed commit (default: the head of the branch)"),
    before: text(
      "SHA: the head before the push (default: as GitHub recorded it). A different one makes it a new push, with the current time",
    ),
    url: text(
      "URL: where to send the event (default: the stack's output webhookUrl; if that URL is inside the cluster, through a port forwarded by the API server)",
    ),
    wait: text("SECONDS: how long to wait for the run to end (default: 300); the run continues in any case"),
    json: jsonAtTheEnd,
    ...writingOptions,
    ...installationOptions,
  },
  epilogue: `To see what would happen, without doing it:
  scripts/rex push --task N --dry-run       shows which push would be sent
  scripts/rex remediate --task N --dry-run  shows what a run would touch

Exit codes:
  0  the push was accepted, and its run ended with an outcome other than failed; there may have been nothing to do
  1  the push was not accepted, no run was created, or the run failed or did not end in time
  2  nothing was sent: the call is wrong or was not confirmed, the push would be ignored, or the cluster or GitHub does not answer`,
  read: ({ task, repository, branch, sha, before, url, wait = "300", json = false, ...values }): PushCall => {
    const number = taskOf(task, "push");
    mustBeRepository(repository);
    if (sha !== undefined) must("--sha", sha, `^(?!0{40})${shaPattern}$`, "the 40 digits of a commit");
    if (before !== undefined) must("--before", before, whole(shaPattern), "the 40 digits of a commit");
    mustBeUrl(url);
    return {
      task: number,
      repository,
      branch,
      sha,
      before,
      url,
      waitSeconds: secondsOf(wait, 5),
      json,
      ...installationOf(values),
      ...consentOf(values),
    };
  },
  run: async (call) => (await import("./run/push.ts")).push(call),
});
