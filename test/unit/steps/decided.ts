import { equal, ok } from "node:assert/strict";
import { jqProgram } from "../../../components/stepScripts.ts";
import { push, runNameOf, sha, stepEnvironment } from "../../steps/scenario.ts";
import type { CodeRun } from "../../support/codeRuns.ts";
import type { Plan } from "../../support/step.ts";
import { mainWorkflow, type Workflow, workflowNode } from "../../support/workflows.ts";
import { jq as runJq } from "./jq.ts";

/** What the API server and GitHub answer. Default for each: as after a push by Rex to a task under review. */
export interface World {
  mainWorkflows?: Workflow[];
  branches?: { ref: string; sha: string }[];
  pulls?: Plan["pulls"];
  runs?: object[];
  codeRuns?: CodeRun[];
  /** Those of all tasks; default: only this task's. */
  allCodeRuns?: CodeRun[];
  /** Changes to the environment and the configuration that the program gives the step; see withConfig. */
  environment?: Record<string, string>;
  /** Seconds since 1970; default: the time of the push. */
  now?: number;
}

/** What plan decides from a {@link World}, and what it read for that, in this order. */
export interface Decided {
  outcome?: string;
  reason?: string;
  begin?: boolean;
  cause?: string;
  command?: string | null;
  words?: string;
  asked: string[];
  log: string[];
  plan: Plan & { round?: number };
  shown: string[];
}

export const task = "3";
export const run = runNameOf(task);
export const ours = { repository: "acme-shop" };

/** The task's main workflow, past the reset stage and at its gate. */
export function main(
  stage: string | undefined,
  more: Parameters<typeof mainWorkflow>[4] = {},
  name = `play-${task}`,
): Workflow {
  const gate = workflowNode("gate", "Suspend", "Running");
  return withUid(mainWorkflow(name, task, stage, [gate], { labels: ours, ...more }));
}

export function pull(more: Partial<NonNullable<Plan["pulls"]>[number]> = {}): NonNullable<Plan["pulls"]>[number] {
  return { number: 3, ref: `task-${task}-fix`, ready: true, labelled: true, held: false, ...more };
}

/** The object as the API server stores it. */
export function withUid<T extends { metadata: { name: string } }>(object: T): T {
  return {
    ...object,
    metadata: {
      uid: `uid-of-${object.metadata.name}`,
      creationTimestamp: iso(push.pushedAt - 600),
      ...object.metadata,
    },
  };
}

export function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000", "");
}

/** Does what plan.sh does: it reads until decide.jq needs nothing more. In one process, because starting jq is slow. */
const program = `${jqProgram("decide.jq")}
  . as {$answers, $now}
  | {needs: ["main-workflows"], facts: null, asked: []}
  | until(.end;
      (if .asked + .needs | index(["all-coderuns"]) then "owned"
        elif .asked + .needs | index(["coderuns"]) then "agents"
        else "ledger" end) as $on
      | ([{needs, $now, facts}] + [.needs[] | $answers[.]]
          | if $on == "ledger" then decide_on_ledger elif $on == "agents" then decide_on_agents else decide_on_owned end) as $next
      | .asked += .needs
      | if $next.decision.need then .needs = $next.decision.need | .facts = $next.facts else .end = $next end)
  | .end + .end.decision + {asked}`;

/** Runs decide.jq as plan does, until it needs nothing more. */
export function decided(world: World = {}): Decided {
  const codeRuns = world.codeRuns ?? [];
  const branches = world.branches ?? [{ ref: `task-${task}-fix`, sha: push.after }];
  const pulls = world.pulls ?? [pull()];
  const answers: Record<string, unknown> = {
    "main-workflows": { items: world.mainWorkflows ?? [main("waiting-ready-for-qa")] },
    "ended-workflows": { items: world.mainWorkflows ?? [] },
    "pulls-to-comment": pulls,
    branches,
    "head-by-hand": { at: push.pushedAt, branches },
    runs: { items: world.runs ?? [] },
    pulls,
    "pulls-of-head": branches.some(({ sha }) => sha === push.after) ? pulls : null,
    coderuns: { items: codeRuns },
    "all-coderuns": { items: world.allCodeRuns ?? codeRuns },
  };
  const {
    facts: _,
    decision: __,
    ...rest
  } = jq(program, { answers, now: world.now ?? push.pushedAt }, world) as {
    facts: object;
    decision: object;
  } & Decided;
  return rest;
}

/** The decision in one line. */
export function end(world: World): string {
  const { outcome, reason, begin, cause, words } = decided(world);
  return begin ? "remediate" : outcome === undefined ? `${cause}: ${words}` : `${outcome}: ${reason}`;
}

/**
 * Runs begin.jq, as plan does once it has decided to restart QA.
 *
 * @param workflow the main workflow at that time; default: as plan read it
 * @returns what plan has to do next, and the patch or the words for it
 */
export function beginning(
  world: World = {},
  workflow = world.mainWorkflows?.[0] ?? main("waiting-ready-for-qa"),
): string[] {
  const { begin, plan } = decided(world);
  ok(begin, "QA is not restarted");
  const program = `{plan: [.plan], workflow} as {$plan, $workflow} | "the command" as $again | $workflow | ${jqProgram("begin.jq")}`;
  return jq(program, { plan, workflow }, world) as string[];
}

/** The main workflow's annotations once plan has written the ledger. */
export function begun(world: World = {}): Record<string, string> {
  const [todo, patch = ""] = beginning(world);
  equal(todo, "write");
  const prefix = "/metadata/annotations/";
  const written = (JSON.parse(patch) as { op: string; path: string; value: string }[])
    .filter(({ op, path }) => op === "add" && path.startsWith(prefix))
    .map(({ path, value }) => [path.slice(prefix.length).replaceAll("~1", "/"), value]);
  return { ...world.mainWorkflows?.[0]?.metadata.annotations, ...Object.fromEntries(written) };
}

/** Runs a jq program with the environment of a step of {@link run}, and returns its single output. */
export function jq(program: string, input: object, { environment }: Pick<World, "environment"> = {}): unknown {
  const env = {
    PATH: process.env.PATH ?? "",
    ...stepEnvironment({ namespace: "agents", TASK: task, RUN_NAME: run, ...environment }),
  };
  return runJq(program, input, {}, env);
}

/** The ledger on a main workflow; default: of this run. */
export function ledger(resumed: string, more: Record<string, string> = {}): Record<string, string> {
  const entry = {
    head: push.after,
    heads: more.head ?? push.after,
    pushed: push.after,
    "pushed-at": String(push.pushedAt),
    run,
    resumed,
    ...more,
  };
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [`rex-remediation/${key}`, value]));
}

/** Another run of the task; default: for a push one second later. */
export function newer(more: { repository?: string; at?: number; outcome?: string; phase?: string } = {}): object {
  const parameters = {
    after: sha("c"),
    repository: more.repository ?? "acme/shop",
    "pushed-at": String(more.at ?? push.pushedAt + 1),
  };
  return {
    metadata: {
      name: "newer",
      labels: { "rex-remediation/task": task, ...(more.outcome && { "rex-remediation/outcome": more.outcome }) },
    },
    status: { phase: more.phase },
    spec: { arguments: { parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })) } },
  };
}

export { push, sha };
