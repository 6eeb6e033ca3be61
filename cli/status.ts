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

/** The arguments of `status`. */
export interface StatusCall extends InstallationChoice {
  task?: string;
  github: boolean;
  limit: number;
  follow: boolean;
  json: boolean;
}

export const status = command({
  command: "status",
  describe: "show the latest remediations and their outcomes; for one task also its main workflow and agents",
  usage: `usage: $0 status [OPTION...]

Lists the remediations, newest first: start time, task, head, outcome, duration in seconds, trigger (push, sweep or by hand), and what the
remediation did or why it did nothing. For one task it also shows the main workflow and the agents, and explains what happened and why.`,
  options: {
    task: text(
      "N: show only this task, with all details. This also asks GitHub, as the App, if you may read the App's key",
    ),
    "no-github": flag("do not ask GitHub"),
    limit: text("N: show at most N remediations, from 1 to 9999 (default: 20)"),
    follow: flag("keep running until Ctrl-C, and print a line when a remediation begins or makes progress"),
    json: flag("print one JSON object; with --follow, one object per line for each change of a remediation"),
    ...installationOptions,
  },
  epilogue: `Exit codes:
  0  with --task: the task's last remediation did not fail; without --task: always, if the list could be read
  1  the task's last remediation failed, or it has none
  2  nothing was read: the call is wrong, or the cluster does not answer`,
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
