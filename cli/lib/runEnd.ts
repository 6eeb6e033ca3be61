import { outcomeLabel } from "../../components/vocabulary/keys.ts";
import { asOutcome, type Outcome } from "../../components/vocabulary/outcomes.ts";
import { endedByOthers as exitCodesOfOthers } from "../../components/vocabulary/steps.ts";

/** How a run ended. Argo's phase alone does not tell: something around the steps may fail after the steps have done all their work. */

interface Node {
  type?: string;
  phase?: string;
  message?: string;
  finishedAt?: string;
  outputs?: { exitCode?: string };
}

/** The part of a Workflow that shows how it ended. */
export interface EndedRun {
  metadata: { labels?: Record<string, string> };
  status?: { phase?: string; message?: string; nodes?: Record<string, Node> };
}

/** Whether its phase is Failed or Error. */
export function isFailed({ status }: EndedRun): boolean {
  return ["Failed", "Error"].includes(status?.phase ?? "");
}

/** Whether the last step of one of its pods succeeded. Argo records the exit code of the container `main`, even if the pod fails later. */
export function stepsEndedWell({ status }: EndedRun): boolean {
  return Object.values(status?.nodes ?? {}).some(({ type, outputs }) => type === "Pod" && outputs?.exitCode === "0");
}

/**
 * The outcome of a remediation, from its label. If Argo calls the run failed, the label counts only if a pod ended well. A run that Argo
 * refused has no exit handler to set the label, and a resubmitted run has the label of the first run until it gets its own.
 */
export function outcomeOf(run: EndedRun): Outcome | undefined {
  const label = asOutcome(run.metadata.labels?.[outcomeLabel]);
  return isFailed(run) && !(label !== undefined && stepsEndedWell(run)) ? "failed" : label;
}

/** What failed around the steps of a run that did its work; undefined if nothing failed. */
export function allTheSame(run: EndedRun): string | undefined {
  return isFailed(run) ? `Argo nevertheless ended it as ${run.status?.phase}: ${failureOf(run)}` : undefined;
}

/** Messages of steps that only ended because another step failed or because they were killed. Argo's own containers are excluded. */
const endedByOthers = new RegExp(`^(?!init: |wait: ).*exit code (${exitCodesOfOthers.join("|")})\\b`);

/** The last message of a failed container, or else of a failed pod, or else of Argo. */
export function failureOf({ status }: EndedRun): string {
  const words = Object.values(status?.nodes ?? {})
    .filter(({ type = "", phase = "" }) => ["Container", "Pod"].includes(type) && ["Failed", "Error"].includes(phase))
    .filter(({ message = "" }) => message !== "" && !endedByOthers.test(message))
    .sort((one, other) => (one.finishedAt ?? "~").localeCompare(other.finishedAt ?? "~"))
    .sort((one, other) => Number(one.type === "Container") - Number(other.type === "Container"))
    .map(({ message = "" }) => inWords(message));
  return (words.at(-1) ?? status?.message ?? "it ended without a message").replaceAll(/\s+/g, " ");
}

/** Only the first line of a message of Argo's own containers: the rest is a stack trace. */
function inWords(message: string): string {
  const [, own, said] = /^(init|wait): (.*)/.exec(message) ?? [];
  const text = (said ?? message).replace(/^([a-z-]+: )?Error \(exit code \d+\): (?=.)/, "").trim();
  return own === undefined ? text : `Argo's container ${own}: ${text}`;
}
