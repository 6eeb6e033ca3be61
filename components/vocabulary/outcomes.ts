/** How a remediation can end, with an explanation for the person who started it. */
export const outcomeMeanings = {
  remediated: "QA of the task begins again on the current head",
  "already-remediated": "QA was already restarted for this head; nothing was touched",
  superseded: "a newer push of the task counts instead; nothing was touched",
  "nothing-stale": "no agent, label or stage is left from an old head; nothing was touched",
  held: "a person holds the task with a label on its pull request; nothing was touched; take the label off and start this again",
  "no-pull-request": "no open pull request comes from a branch of the task; nothing was touched",
  "no-workflow": "no main workflow of the task is running; nothing was touched",
  "dry-run": "nothing was touched, because of --dry-run",
  failed: "a step failed; the run says why, and how to continue",
} as const;

export type Outcome = keyof typeof outcomeMeanings;

export const outcomes = Object.keys(outcomeMeanings) as Outcome[];

/** The text if it is a valid outcome; otherwise undefined. */
export function asOutcome(text: string | undefined): Outcome | undefined {
  return outcomes.find((outcome) => outcome === text);
}
