import { setTimeout as sleep } from "node:timers/promises";
import { argoCommand } from "../../components/argoInstance.ts";
import { type Ending, sentence } from "../../components/vocabulary/ending.ts";
import { outcomeMeanings } from "../../components/vocabulary/outcomes.ts";
import type { Installation } from "./installation.ts";
import { howToMakeRoom, postponed } from "./parallelism.ts";
import { type EndedStep, endedSteps, type Run, readRun } from "./remediationRun.ts";

/** Reports on a run to a person who waits for it. */

/** Waits until a run ends, but no longer than `seconds`, and reports each step as soon as it has ended. */
export async function follow(
  installation: Installation,
  name: string,
  seconds: number,
  say: (line: string) => void,
): Promise<{ run: Run; steps: EndedStep[] }> {
  const told = new Map<string, EndedStep>();
  const deadline = Date.now() + 1000 * seconds;
  let run: Run = { name, ended: false, report: [] };
  let trouble: string | undefined;
  let waitedFor: string | undefined;
  for (;;) {
    try {
      run = await readRun(installation, name);
      for (const step of await endedSteps(installation, name)) {
        if (!told.has(step.id)) say(`  ${step.step}: ${step.said}`);
        told.set(step.id, step);
      }
      trouble = undefined;
    } catch (error) {
      // The run goes on without this tool, so it is worth asking again.
      const words = (error as Error).message;
      if (words !== trouble) say(`  (${words}; asking again)`);
      trouble = words;
    }
    if (run.waitsFor !== waitedFor && run.waitsFor !== undefined) say(`  (waits: ${run.waitsFor})`);
    waitedFor = run.waitsFor;
    if (run.ended || Date.now() > deadline) return { run, steps: [...told.values()] };
    await sleep(500);
  }
}

/** Prints what the plan found, then what each step did. */
export function printReport(report: Ending[]): void {
  if (report.length === 0) return;
  console.log("report:");
  for (const line of report.flatMap(({ planned }) => planned ?? [])) console.log(`  ${line}`);
  for (const ending of report) console.log(`  ${ending.step}: ${sentence(ending)} (${ending.seconds} s)`);
}

/** Whether a run ended with an outcome other than failed. */
export function hasWorked({ ended, outcome }: Run): boolean {
  return ended && outcome !== undefined && outcome !== "failed";
}

/** The result of a run in one sentence, for a person on call. */
export function conclusion(run: Run, steps: EndedStep[], waitSeconds: number, namespace: string): string {
  const argo = argoCommand(namespace, run.instanceId);
  const look = `${argo} get ${run.name}; ${argo} logs ${run.name}`;
  if (!run.ended) {
    const outcome = run.outcome === undefined ? "" : `, although its outcome is already ${run.outcome}`;
    const why = postponed(run.waitsFor) ? ` (${run.waitsFor}; ${howToMakeRoom})` : "";
    return `run ${run.name} has not ended within ${waitSeconds} s${outcome}${why}; it continues without this tool; see: ${look}`;
  }
  if (run.outcome !== undefined && run.outcome !== "failed") {
    return `${run.outcome}: ${[outcomeMeanings[run.outcome], run.warning].filter(Boolean).join("; ")}`;
  }
  const last = steps.filter(({ exitCode }) => exitCode !== 0).at(-1);
  const why = last === undefined ? run.failure : `${last.step}: ${last.said}`;
  return `failed: ${why}; details: ${look}; what to do: docs/troubleshooting.md`;
}
