import { gates, type Platform, type Task } from "../platform.ts";
import type { WorkflowNode } from "../workflows.ts";
import type { PushedRun } from "./sensorRun.ts";

/** The ledger's and the messages' annotations on the main workflow. Annotations of others are ignored. */
const annotations = ["head", "pushed", "pushed-at", "run", "resumed", "outcome", "message"].map(
  (key) => `rex-remediation/${key}`,
);

/** The state of a task and its run, without anything that differs from task to task. */
export interface FinalState {
  run: { phase?: string; outcome?: string; output?: string };
  /** Labels of the pull request, and of one whose branch only starts like the task's. */
  labels: { task: string[]; neighbour: string[] };
  /** The beginning of each comment on the pull request. */
  comments: string[];
  main: { phase?: string; stage?: string; annotations: Record<string, string>; gates: string[] };
  /** Kinds of the agents that still exist. */
  agents: string[];
}

/** Reads everything that a remediation changes. */
export async function finalState(platform: Platform, task: Task, { run, push }: PushedRun): Promise<FinalState> {
  const [of, main, agents, repository] = await Promise.all([
    platform.cluster.workflow(run),
    platform.cluster.workflow(task.workflow),
    platform.agents(task.id),
    platform.github.repository(task.repository),
  ]);
  const labels = (branch: string) => repository.pulls.find(({ headRef }) => headRef === branch)?.labels ?? [];
  const state: FinalState = {
    run: {
      phase: of?.status?.phase,
      outcome: of?.metadata.labels?.["rex-remediation/outcome"],
      output: outputOf(of?.status?.nodes ?? {}),
    },
    labels: { task: labels(task.branch), neighbour: labels(neighbourBranch(task)) },
    comments: repository.comments
      .filter(({ issue }) => issue === task.pull)
      .map(({ body }) => /^<!-- .* -->\n\*\*QA begins again on /.exec(body)?.[0] ?? body),
    main: {
      phase: main?.status?.phase,
      stage: main?.metadata.labels?.["current-stage"],
      annotations: Object.fromEntries(annotations.map((key) => [key, main?.metadata.annotations?.[key] ?? ""])),
      gates: gates(main)
        .map(({ displayName, phase, message = "" }) => `${displayName} ${phase} ${message}`.trim())
        .sort(),
    },
    agents: agents.map(({ metadata }) => metadata.labels?.["github-app"] ?? "").sort(),
  };
  // The run's name contains the other values, so it is replaced first.
  const names = { run, after: push.after, before: push.before, pushedAt: String(push.pushedAt), task: task.id };
  return JSON.parse(
    Object.entries(names).reduce((text, [name, own]) => text.replaceAll(own ?? "", `<${name}>`), JSON.stringify(state)),
  );
}

/** The run's output parameter, from its last pod. */
function outputOf(nodes: Record<string, WorkflowNode>): string | undefined {
  const outputs = Object.values(nodes).filter(({ type }) => type === "Retry");
  return outputs.flatMap((node) => node.outputs?.parameters ?? []).find(({ name }) => name === "outcome")?.value;
}

/** A branch that belongs to no task, but that GitHub also returns when asked for branches that start like the task's. */
export function neighbourBranch(task: Task): string {
  return `task-${task.id}0-of-another`;
}
