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

/** Whether Argo holds a workflow back because as many run as its ConfigMap allows: only the English of status.message tells. */
export function postponed(message: string | undefined): boolean {
  return message?.includes("too many workflows are already running") ?? false;
}

/** What a person does about that. */
export const roomForRuns =
  'Argo runs no more workflows at once than its ConfigMap says (parallelism, namespaceParallelism), and main workflows that wait at gates count: npm run doctor says how many, docs/troubleshooting.md, "Too many workflows are running", the ways out';
