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

/** What `push` is called with. */
export interface PushCall extends InstallationChoice, Consent {
  task: string;
  repository?: string;
  branch?: string;
  /** The commit pushed. */
  sha?: string;
  /** The commit before. */
  before?: string;
  url?: string;
  waitSeconds: number;
  json: boolean;
}

export const push = command({
  command: "push",
  describe: "send a push of a task's branch as GitHub would, for real, and say what came of it",
  usage: `usage: $0 push --task N [OPTION...]

Sends a push of the task's branch to the installation's EventSource as GitHub would, signed, from the configured pusher; waits, and says what
came of it. It acts for real: what the push makes stale is cancelled.

By default it is the push that made the branch what it is, as GitHub recorded it: one that has its run already gets no other.`,
  options: {
    task: text("N: the task's number"),
    repository: text("NAME: owner/name; needed where several repositories are watched"),
    branch: text("NAME: needed where the task has several branches"),
    sha: text("SHA: the commit pushed (default: the branch's head)"),
    before: text("SHA: the commit before (default: as GitHub recorded it). Another one makes it another push, of now"),
    url: text(
      "URL: where to send it (default: the stack's output webhookUrl; if that is inside the cluster, through a port that the API server forwards)",
    ),
    wait: text("SECONDS: how long to wait for the end (default: 300); the run goes on in any case"),
    json: jsonAtTheEnd,
    ...writingOptions,
    ...installationOptions,
  },
  epilogue: `To look only:
  scripts/rex push --task N --dry-run       says which push that is
  scripts/rex remediate --task N --dry-run  says what would be touched

Exit codes:
  0  the push was taken, and its run ended with any outcome but failed; there may have been nothing to do
  1  it was not taken, no run came, or the run failed or has not ended in time
  2  nothing was sent: the call is wrong, not confirmed, the push would not have counted, or the cluster or GitHub cannot be asked`,
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
