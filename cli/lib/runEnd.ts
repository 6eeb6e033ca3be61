import { outcomeLabel } from "../../components/vocabulary/keys.ts";
import { asOutcome, type Outcome } from "../../components/vocabulary/outcomes.ts";
import { endedByOthers as exitCodesOfOthers } from "../../components/vocabulary/steps.ts";

/** How a run ended. Argo's phase alone does not tell: something around the steps may fail after they have done all their work. */

interface Node {
  type?: string;
  phase?: string;
  message?: string;
  finishedAt?: string;
  outputs?: { exitCode?: string };
}

/** The part of a Workflow that tells of its end. */
export interface EndedRun {
  metadata: { labels?: Record<string, string> };
  status?: { phase?: string; message?: string; nodes?: Record<string, Node> };
}

/** Whether Argo calls it failed. */
export function isFailed({ status }: EndedRun): boolean {
  return ["Failed", "Error"].includes(status?.phase ?? "");
}

/** Whether the last step of one of its pods ended well: Argo notes the exit code of the container `main`, whatever becomes of the pod. */
export function stepsEndedWell({ status }: EndedRun): boolean {
  return Object.values(status?.nodes ?? {}).some(({ type, outputs }) => type === "Pod" && outputs?.exitCode === "0");
}

/**
 * The outcome of a remediation, from its label. In a run that Argo calls failed the label counts if a step or the exit handler came to
 * its end: one that Argo refused has no exit handler, and one that was resubmitted bears another's label until it has its own.
 */
export function outcomeOf(run: EndedRun): Outcome | undefined {
  const label = asOutcome(run.metadata.labels?.[outcomeLabel]);
  return isFailed(run) && !(label !== undefined && stepsEndedWell(run)) ? "failed" : label;
}

/** What failed around a run that did its work; undefined where nothing did. */
export function allTheSame(run: EndedRun): string | undefined {
  return isFailed(run) ? `Argo ended it as ${run.status?.phase} all the same: ${failureOf(run)}` : undefined;
}

/** Ends with these because another step has failed, or from outside; those that Argo has beside the steps have nobody to wait for. */
const endedByOthers = new RegExp(`^(?!init: |wait: ).*exit code (${exitCodesOfOthers.join("|")})\\b`);

/** The last words of what failed, else Argo's. Those of a pod, which may be the exit handler's or Argo's own container's, count where nothing else does. */
export function failureOf({ status }: EndedRun): string {
  const words = Object.values(status?.nodes ?? {})
    .filter(({ type = "", phase = "" }) => ["Container", "Pod"].includes(type) && ["Failed", "Error"].includes(phase))
    .filter(({ message = "" }) => message !== "" && !endedByOthers.test(message))
    .sort((one, other) => (one.finishedAt ?? "~").localeCompare(other.finishedAt ?? "~"))
    .sort((one, other) => Number(one.type === "Container") - Number(other.type === "Container"))
    .map(({ message = "" }) => inWords(message));
  return (words.at(-1) ?? status?.message ?? "it ended without a word").replaceAll(/\s+/g, " ");
}

/** Behind the first line of what Argo's own containers say stands where in its source that was. */
function inWords(message: string): string {
  const [, own, said] = /^(init|wait): (.*)/.exec(message) ?? [];
  const text = (said ?? message).replace(/^([a-z-]+: )?Error \(exit code \d+\): (?=.)/, "").trim();
  return own === undefined ? text : `Argo's container ${own}: ${text}`;
}
