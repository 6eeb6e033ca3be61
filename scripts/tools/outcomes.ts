/** What each outcome of a remediation that did not fail means to whoever asks for it. */
export const meanings: Record<string, string> = {
  remediated: "QA of the task begins again on the present head",
  "already-remediated": "QA was restarted for this head before; nothing was touched",
  superseded: "a newer push of the task is the one that counts; nothing was touched",
  "nothing-stale": "no agent, label or stage is left from an old head; nothing was touched",
  held: "a person holds the task with a label on its pull request; nothing was touched; take the label off and start this again",
  "no-pull-request": "no open pull request comes from a branch of the task; nothing was touched",
  "no-workflow": "no main workflow of the task is running; nothing was touched",
  "dry-run": "nothing was touched; without --dry-run it would be",
};
