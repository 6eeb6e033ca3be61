/** How a remediation can end, and what that means to whoever asks for it. */
export const outcomeMeanings = {
  remediated: "QA of the task begins again on the present head",
  "already-remediated": "QA was restarted for this head before; nothing was touched",
  superseded: "a newer push of the task is the one that counts; nothing was touched",
  "nothing-stale": "no agent, label or stage is left from an old head; nothing was touched",
  held: "a person holds the task with a label on its pull request; nothing was touched; take the label off and start this again",
  "no-pull-request": "no open pull request comes from a branch of the task; nothing was touched",
  "no-workflow": "no main workflow of the task is running; nothing was touched",
  "dry-run": "nothing was touched; without --dry-run it would be",
  failed: "a step failed, and the run says why and how to go on",
} as const;

export type Outcome = keyof typeof outcomeMeanings;

export const outcomes = Object.keys(outcomeMeanings) as Outcome[];

/** An outcome that somebody wrote on a run; undefined if it is none. */
export function asOutcome(text: string | undefined): Outcome | undefined {
  return outcomes.find((outcome) => outcome === text);
}
