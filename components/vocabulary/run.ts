import { instanceIdLabel, instanceLabels } from "../argoInstance.ts";
import { runLabels } from "../labels.ts";
import { taskLabel } from "./keys.ts";
import { repositoryPattern, shaPattern, taskPattern } from "./patterns.ts";
import type { RunValues } from "./runName.ts";

/** The Workflow of a remediation (a run). The Sensor, the sweep and people create runs. */

/** The parameters of a run that a push fills in, in this order. */
export const pushParameters = ["task", "before", "after", "repository", "pushed-at"] as const;
export type PushParameter = (typeof pushParameters)[number];

/** The regular expression that each parameter must match. */
export const parameterPatterns: Record<PushParameter, string> = {
  task: taskPattern,
  before: shaPattern,
  after: shaPattern,
  repository: repositoryPattern,
  "pushed-at": "[1-9][0-9]{0,9}",
};

/** Which value of a push goes into each parameter. */
const sources: Record<PushParameter, keyof RunValues> = {
  task: "task",
  before: "before",
  after: "after",
  repository: "repository",
  "pushed-at": "pushedAt",
};

/** All parameters, with the description that Argo shows. A parameter without a value is required. */
export const parameters: Record<PushParameter | "dry-run", { description: string; value?: string }> = {
  task: { description: "Number of the task." },
  // If these three and pushed-at are empty, a person started the run, and it uses the current head.
  before: { description: "Head of the branch before the push, 40 hexadecimal digits.", value: "" },
  after: { description: "Head of the branch after the push, 40 hexadecimal digits.", value: "" },
  repository: { description: "Pushed repository, owner/name; may be empty if only one is watched.", value: "" },
  "pushed-at": { description: "GitHub's time of the push, in seconds since 1970.", value: "" },
  "dry-run": { description: "true: only plan, and report what would be done; change nothing.", value: "false" },
};

/** The properties that all runs of an installation share. */
export interface RunArgs<Text> {
  /** Prefix of the installation's names. */
  name: string;
  namespace: Text;
  workflowTemplateName: Text;
  /** metadata.uid of that WorkflowTemplate, which then owns the runs; undefined if it is not known, so that runs have no owner. */
  workflowTemplateUid?: Text;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
}

/** Labels of every run, except the task's label. */
export function labelsOfRun(name: string, argoInstanceId: string | undefined): Record<string, string> {
  return { ...runLabels(name, "remediation"), ...instanceLabels(argoInstanceId) };
}

/** Makes the template the owner. `pulumi destroy` does not know the runs, but Kubernetes deletes them together with the template. */
function owner<Text>(name: Text, uid: Text) {
  return { apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTemplate", name, uid };
}

/** The run of a push, before the push fills in the name and the {@link pushFillings}. */
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

/** Where each value of a push goes. It is filled in as text unless `isNumber` is set. */
export const pushFillings: { path: (string | number)[]; value: keyof RunValues; isNumber?: true }[] = [
  { path: ["metadata", "labels", taskLabel], value: "task" },
  // Among the runs that wait for one task, the newest push goes first.
  { path: ["spec", "priority"], value: "pushedAt", isNumber: true },
  ...pushParameters.map((parameter, index) => ({
    path: ["spec", "arguments", "parameters", index, "value"],
    value: sources[parameter],
  })),
];

/** The run with everything that the push fills in, except its name. */
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
 * The run's name and the {@link pushFillings} as parameters of an Argo Events trigger.
 *
 * @param nameTemplate see runNameTemplate
 */
export function triggerParameters<Text>(dependencyName: string, nameTemplate: Text) {
  const fill = (dest: string, source: { dataKey: string; useRawData?: boolean } | { dataTemplate: Text }) => ({
    src: { dependencyName, ...source },
    dest,
  });
  return [
    // One push always gives the same name, however often GitHub delivers it; two pushes give two names.
    fill("metadata.name", { dataTemplate: nameTemplate }),
    ...pushFillings.map(({ path, value, isNumber }) =>
      fill(path.join("."), { dataKey: value, ...(isNumber && { useRawData: true }) }),
    ),
  ];
}

/** What a person may pass to a run. The plan finds out everything else. */
export interface RunByHand {
  task: string;
  /** owner/name; required only if several repositories are watched. */
  repository?: string;
  dryRun: boolean;
}

/** The run that a person starts, for the current head. */
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

/** A jq literal. A text that looks like `$name` becomes that variable. */
function jqObject(value: unknown): string {
  return JSON.stringify(value).replaceAll(/"(\$\w+)"/g, "$1");
}

/** The run of a push as jq functions, for the sweep. An empty `$uid` means no owner, an empty `$instance` no instance ID. */
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
