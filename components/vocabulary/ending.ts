import { jqText } from "./jqText.ts";
import type { Step } from "./steps.ts";

/**
 * How a step ended. A step that succeeds writes it into steps/STEP.json; `record` collects these in the run's output parameter `report`.
 * Every step also writes it into its termination log: first {@link did}, in one or more lines that begin with the step's name, then
 * everything else as one line of JSON. A failed container set has no outputs, so for a failure the termination log is all there is. Argo
 * shows it as the container's message, behind a prefix of its own.
 */
export interface Ending {
  step: Step;
  /** What the step did or why it failed, for people. */
  did: string;
  /** The object that this is about, such as `main workflow play-3`. */
  object?: string;
  /** Identifies why it ended this way, in kebab case: the reason of a failure, or the outcome that `plan` or `record` came to. */
  cause?: string;
  /** Only for a failure: whether the same step can succeed later without anybody doing anything. */
  passes?: boolean;
  /** Only for a failure: how to continue the run. A retried run keeps its configuration, a resubmitted one gets the current one. */
  command?: Verb;
  /** How long the step took. */
  seconds?: number;
  /** Only for `plan`, in the report: the head of the branch that QA restarts on. */
  head?: string;
  /** Only for `plan`, in the report: what it found, one line each. */
  planned?: string[];
}

/** How `failed` sums up why a run did not succeed. `step`, `object` and `cause` are those of the first cause. */
export interface RunEnding extends Omit<Ending, "step"> {
  /** Undefined if no step failed, only something around them. */
  step?: Step;
}

/** Subcommand of `argo`. */
export type Verb = "retry" | "resubmit";

/** What Argo puts in front of a termination message: the container's name if the message is a pod's, and the exit code. */
const argoPrefix = "^([a-z-]+: )?[A-Za-z]+ \\([a-z ]*exit code [0-9]+\\): ";

/** What a step did, for people, with the outcome that it came to. */
export function sentence({ cause, did }: Ending): string {
  return cause === undefined ? did : `${cause}: ${did}`;
}

/** The ending in Argo's message about a container or a pod, or in a termination log; undefined if it has none. */
export function endingIn(message = ""): Ending | undefined {
  const lines = message.trimEnd().split("\n");
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const ending = asEnding(parsed(lines[at] ?? ""));
    if (ending === undefined) continue;
    const words = lines.slice(0, at).join("\n").replace(new RegExp(argoPrefix), "");
    const name = `${ending.step}: `;
    return { ...ending, did: words.startsWith(name) ? words.slice(name.length) : words };
  }
  return undefined;
}

/** The endings in the output parameter `report`; none if it is empty or something else. */
export function endingsIn(report: string): Ending[] {
  const endings = parsed(report);
  return Array.isArray(endings) ? endings.flatMap((one) => asEnding(one) ?? []) : [];
}

/** The output parameter `ending` of the exit handler; undefined if it is empty or something else. */
export function runEndingIn(text: string): RunEnding | undefined {
  const ending = parsed(text);
  return isObject(ending) && typeof ending.did === "string" ? (ending as unknown as RunEnding) : undefined;
}

function asEnding(value: unknown): Ending | undefined {
  return isObject(value) && typeof value.step === "string" ? ({ did: "", ...value } as Ending) : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** {@link endingIn} in jq: a message -> the ending or null. */
export const endingInJq = `def ending_in: (. // "" | sub("\\\\s+$"; "") | split("\\n")) as $lines
  | first(range($lines | length - 1; -1; -1) as $at | $lines[$at] | fromjson? | select(type == "object" and (.step | type) == "string")
      | . as $ending | $lines[:$at] | join("\\n") | sub(${jqText(argoPrefix)}; "")
      | $ending + {did: ltrimstr("\\($ending.step): ")}) // null;`;
