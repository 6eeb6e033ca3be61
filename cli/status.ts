import {
  command,
  flag,
  type InstallationChoice,
  installationOf,
  installationOptions,
  must,
  taskOf,
  text,
} from "./lib/call.ts";

/** What `status` is called with. */
export interface StatusCall extends InstallationChoice {
  task?: string;
  github: boolean;
  limit: number;
  follow: boolean;
  json: boolean;
}

export const status = command({
  command: "status",
  describe: "what was remediated, what not and why; of one task also its main workflow and agents",
  usage: `usage: $0 status [OPTION...]

Remediations, newest first: when each started, for which task and head, its outcome, its seconds, its trigger (push, sweep, by hand) and what it
did, or why it did nothing. For one task also its main workflow, its agents, and why something happened or nothing did.`,
  options: {
    task: text("N: only this task, and all about it; GitHub is asked as the App, if you may read its key"),
    "no-github": flag("do not ask GitHub"),
    limit: text("N: how many remediations, from 1 to 9999 (default: 20)"),
    follow: flag("go on: a line when a remediation begins, and whenever it gets further; until Ctrl-C"),
    json: flag("print one object; with --follow one a line for each remediation"),
    ...installationOptions,
  },
  epilogue: `Exit codes:
  0  with --task: its last remediation did not fail; without: whatever it says
  1  the task's last remediation failed, or it has none
  2  nothing can be said: the call is wrong, or the cluster cannot be asked`,
  read: ({ task, limit = "20", follow = false, json = false, ...values }): StatusCall => {
    must("--limit", limit, "^[1-9][0-9]{0,3}$", "a whole number from 1 to 9999");
    return {
      ...(task !== undefined && { task: taskOf(task, "status") }),
      github: values["no-github"] !== true,
      limit: Number(limit),
      follow,
      json,
      ...installationOf(values),
    };
  },
  run: async (call) => (await import("./run/status.ts")).status(call),
});
