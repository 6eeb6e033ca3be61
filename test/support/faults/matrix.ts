import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { RemediationConfig } from "../../../components/stepConfig.ts";
import type { FaultDefinition } from "../github/index.ts";
import { type Call, calls, type FaultKind, faultKinds, type Step, steps } from "./kinds.ts";

/** Regular expressions that the message of a final failure must match. A name in braces stands for a value of the case. */
export interface Words {
  step: string;
  object: string;
  command: string;
}

/** What GitHub does to a call. */
export type GitHubFault = Omit<FaultDefinition, "method" | "pathPattern"> & {
  /** The rate limit is used up and resets after this many seconds. */
  resetIn?: number;
};

/** One case of the matrix; test/faults/faults.yaml explains the fields. */
export interface FaultCase {
  /** Unique; also the title of the test. */
  id: string;
  fault: FaultKind;
  how?: string;
  step: Step;
  call?: Call;
  ending: "transient" | "final";
  isDefault: boolean;
  github?: GitHubFault;
  limits?: Partial<Pick<RemediationConfig, "stepTimeoutSeconds" | "cancelTimeoutSeconds">>;
  /** Default cases with the same word here strike the same run. */
  together?: string;
  words?: Words;
  why: string;
}

export interface NotTried {
  case: string;
  why: string;
}

interface Entry
  extends Pick<FaultCase, "fault" | "how" | "ending" | "github" | "limits" | "together" | "words" | "why"> {
  at: string[];
  default?: string[];
}

/** Reads the matrix in test/faults/faults.yaml. Throws if an entry is not a valid case. */
export function readMatrix(): { cases: FaultCase[]; notTried: NotTried[] } {
  const file = new URL("../../faults/faults.yaml", import.meta.url);
  const { cases, notTried } = parse(readFileSync(file, "utf8")) as { cases: Entry[]; notTried: NotTried[] };
  return { cases: cases.flatMap(casesOf), notTried };
}

function casesOf({ at, default: inDefault = [], ...entry }: Entry): FaultCase[] {
  if (!(entry.fault in faultKinds)) throw new Error(`fault ${entry.fault} is not a kind of fault`);
  const elsewhere = inDefault.filter((place) => !at.includes(place));
  if (elsewhere.length > 0) throw new Error(`fault ${entry.fault}: default names ${elsewhere}, but at does not`);
  return at.map((place) => {
    const [step = "", call] = place.split("/");
    if (!(steps as readonly string[]).includes(step)) throw new Error(`fault ${entry.fault}: ${step} is not a step`);
    if (call !== undefined && !(calls as readonly string[]).includes(call))
      throw new Error(`fault ${entry.fault}: ${call} is not a call to GitHub`);
    return {
      ...entry,
      id: `${entry.fault} (${place}${entry.how === undefined ? "" : `; ${entry.how}`})`,
      step: step as Step,
      call: call as Call | undefined,
      isDefault: inDefault.includes(place),
    };
  });
}
