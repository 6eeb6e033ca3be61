import { type Ending, endingIn, endingsIn, type RunEnding, runEndingIn } from "../../components/vocabulary/ending.ts";
import { outcomeLabel } from "../../components/vocabulary/keys.ts";
import { asOutcome, type Outcome } from "../../components/vocabulary/outcomes.ts";

/** How a run ended. Argo's phase alone does not tell: something around the steps may fail after the steps have done all their work. */

interface Node {
  type?: string;
  phase?: string;
  message?: string;
  finishedAt?: string;
  outputs?: { exitCode?: string; parameters?: { name: string; value?: string }[] };
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
export function failureAroundSteps(run: EndedRun): string | undefined {
  return isFailed(run) ? `Argo nevertheless ended it as ${run.status?.phase}: ${failureOf(run).did}` : undefined;
}

/** How the steps of a run ended. If the pod was started several times, those of the last one; empty until they have all ended. */
export function reportOf({ status }: EndedRun): Ending[] {
  return endingsIn(lastOutput(status?.nodes, "report"));
}

/**
 * Why a run failed: the exit handler's summary. If the exit handler did not get that far, the last ending of a step, or else what Argo says.
 */
export function failureOf({ status }: EndedRun): RunEnding {
  const summary = runEndingIn(lastOutput(status?.nodes, "ending"));
  if (summary !== undefined) return summary;
  const messages = byEnd(status?.nodes)
    .filter(({ type = "", phase = "" }) => ["Container", "Pod"].includes(type) && ["Failed", "Error"].includes(phase))
    .map(({ message = "" }) => message);
  const ending = messages.map(endingIn).findLast((one) => one !== undefined);
  if (ending !== undefined) return { ...ending, did: `${ending.step}: ${ending.did}` };
  // The first failure caused the others. Below the first line there may be a stack trace.
  const words = messages.find((message) => message !== "") ?? status?.message ?? "it ended without a message";
  return { did: `${words.split("\n")[0]}` };
}

/** The last value of an output parameter; empty if no node has one. */
function lastOutput(nodes: Record<string, Node> | undefined, parameter: string): string {
  const values = byEnd(nodes).map(({ outputs }) => outputs?.parameters?.find(({ name }) => name === parameter)?.value);
  return values.findLast((value) => value) ?? "";
}

function byEnd(nodes: Record<string, Node> = {}): Node[] {
  return Object.values(nodes).sort((one, other) => (one.finishedAt ?? "~").localeCompare(other.finishedAt ?? "~"));
}
