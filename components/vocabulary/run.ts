import { instanceIdLabel, instanceLabels } from "../argoInstance.ts";
import { runLabels } from "../labels.ts";
import { taskLabel } from "./keys.ts";
import { repositoryPattern, shaPattern, taskPattern } from "./patterns.ts";
import type { RunValues } from "./runName.ts";

/** A remediation's Workflow, which the Sensor, the sweep and people make. */

/** Its parameters that a push fills in, in their order. */
export const pushParameters = ["task", "before", "after", "repository", "pushed-at"] as const;
export type PushParameter = (typeof pushParameters)[number];

/** Each of them, as a regular expression. */
export const parameterPatterns: Record<PushParameter, string> = {
  task: taskPattern,
  before: shaPattern,
  after: shaPattern,
  repository: repositoryPattern,
  "pushed-at": "[1-9][0-9]{0,9}",
};

/** The value of a push that fills each of them in. */
const sources: Record<PushParameter, keyof RunValues> = {
  task: "task",
  before: "before",
  after: "after",
  repository: "repository",
  "pushed-at": "pushedAt",
};

/** All parameters, with what `argo submit` tells of them. One without a value has to be given. */
export const parameters: Record<PushParameter | "dry-run", { description: string; value?: string }> = {
  task: { description: "Number of the task." },
  // These three and pushed-at empty: by hand, for the present head.
  before: { description: "Head of the branch before the push, 40 hexadecimal digits.", value: "" },
  after: { description: "Head of the branch after the push, 40 hexadecimal digits.", value: "" },
  repository: { description: "Pushed repository, owner/name; may be empty if just one is watched.", value: "" },
  "pushed-at": { description: "GitHub's time of the push, in seconds since 1970.", value: "" },
  "dry-run": { description: "true: plan, say what would be done, touch nothing.", value: "false" },
};

/** What all runs of an installation have in common. */
export interface RunArgs<Text> {
  /** Prefix of the installation's names. */
  name: string;
  namespace: Text;
  workflowTemplateName: Text;
  /** metadata.uid of that WorkflowTemplate, which then owns the runs; undefined if that is not known. */
  workflowTemplateUid?: Text;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
}

/** Labels of every run, but for the task's. */
export function labelsOfRun(name: string, argoInstanceId: string | undefined): Record<string, string> {
  return { ...runLabels(name, "remediation"), ...instanceLabels(argoInstanceId) };
}

/** pulumi destroy knows nothing of the runs: what the template leaves behind is deleted with it. */
function owner<Text>(name: Text, uid: Text) {
  return { apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTemplate", name, uid };
}

/** The run of a push, but for what the push fills in: its name, and {@link pushFillings}. */
export function unfilledRun<Text>(args: RunArgs<Text>) {
  const { name, namespace, workflowTemplateName, workflowTemplateUid, argoInstanceId } = args;
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      name,
      namespace,
      labels: { ...labelsOfRun(name, argoInstanceId), [taskLabel]: "" },
      ...(workflowTemplateUid !== undefined && { ownerReferences: [owner(workflowTemplateName, workflowTemplateUid)] }),
    },
    spec: {
      workflowTemplateRef: { name: workflowTemplateName },
      priority: 0,
      arguments: { parameters: pushParameters.map((parameter) => ({ name: parameter, value: "" })) },
    },
  };
}

/** What a push fills in: where, and by which of its values; as text unless it is a number. */
export const pushFillings: { path: (string | number)[]; value: keyof RunValues; isNumber?: true }[] = [
  { path: ["metadata", "labels", taskLabel], value: "task" },
  // Of the runs that wait for one task the newest push goes first.
  { path: ["spec", "priority"], value: "pushedAt", isNumber: true },
  ...pushParameters.map((parameter, index) => ({
    path: ["spec", "arguments", "parameters", index, "value"],
    value: sources[parameter],
  })),
];

/** The same in TypeScript: the run with what the push fills in, but for its name. */
export function filledRun<Run extends object>(run: Run, push: RunValues): Run {
  const filled = structuredClone(run);
  for (const { path, value, isNumber } of pushFillings) {
    const last = path.at(-1) ?? "";
    const parent = path.slice(0, -1).reduce((at, key) => at[key] as Branch, filled as Branch);
    parent[last] = isNumber ? push[value] : `${push[value]}`;
  }
  return filled;
}

interface Branch {
  [key: string | number]: unknown;
}

/**
 * The same as parameters of Argo Events' trigger.
 *
 * @param nameTemplate see runNameTemplate
 */
export function triggerParameters<Text>(dependencyName: string, nameTemplate: Text) {
  const fill = (dest: string, source: { dataKey: string; useRawData?: boolean } | { dataTemplate: Text }) => ({
    src: { dependencyName, ...source },
    dest,
  });
  return [
    // The same name for the same push, however often and in whatever wrapping it is delivered; another one for every other push.
    fill("metadata.name", { dataTemplate: nameTemplate }),
    ...pushFillings.map(({ path, value, isNumber }) =>
      fill(path.join("."), { dataKey: value, ...(isNumber && { useRawData: true }) }),
    ),
  ];
}

/** What a person may tell a run; the plan finds out everything else. */
export interface RunByHand {
  task: string;
  /** owner/name; needed only where several repositories are watched. */
  repository?: string;
  dryRun: boolean;
}

/** The run that a person makes, for the present head. */
export function runByHand(args: Required<RunArgs<string>>, { task, repository, dryRun }: RunByHand) {
  const { name, workflowTemplateName, workflowTemplateUid, argoInstanceId } = args;
  const told: Partial<Record<keyof typeof parameters, string>> = {
    task,
    ...(repository !== undefined && { repository }),
    ...(dryRun && { "dry-run": "true" }),
  };
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: {
      generateName: `${name}-${task}-`,
      labels: { ...labelsOfRun(name, argoInstanceId), [taskLabel]: task },
      ownerReferences: [owner(workflowTemplateName, workflowTemplateUid)],
    },
    spec: {
      workflowTemplateRef: { name: workflowTemplateName },
      arguments: { parameters: Object.entries(told).map(([name, value]) => ({ name, value })) },
    },
  };
}

/** A literal of jq, in which a text `$name` is the variable. */
function jqObject(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"(\$\w+)"/g, "$1");
}

/** The same as jq: what the sweep makes. `$uid` and `$instance` are empty where there is none. */
export const runFunctions = {
  parameters_of: "def parameters_of: .spec.arguments.parameters // [] | map({(.name): .value}) | add // {};",
  push_of: `def push_of: parameters_of | {${pushParameters
    .filter((parameter) => parameter !== "pushed-at")
    .join(", ")}, pushedAt: (.["pushed-at"] | tonumber? // 0)};`,
  unfilled_run: `def unfilled_run($name; $namespace; $uid; $instance): ${jqObject(
    unfilledRun({
      name: "$name",
      namespace: "$namespace",
      workflowTemplateName: "$name",
      workflowTemplateUid: "$uid",
      argoInstanceId: "$instance",
    }),
  )}
  | if $uid == "" then del(.metadata.ownerReferences) else . end
  | if $instance == "" then del(.metadata.labels[${JSON.stringify(instanceIdLabel)}]) else . end;`,
  filled_run: `def filled_run($push): ${pushFillings
    .map(
      ({ path, value, isNumber }) => `setpath(${JSON.stringify(path)}; $push.${value}${isNumber ? "" : " | tostring"})`,
    )
    .join("\n  | ")};`,
};
