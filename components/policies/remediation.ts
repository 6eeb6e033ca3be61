import { ledgerKey, ledgerPrefix, outcomeLabel } from "../vocabulary/keys.ts";
import { outcomes } from "../vocabulary/outcomes.ts";
import { taskPattern, whole } from "../vocabulary/patterns.ts";
import { isOfWatchedRepository } from "../vocabulary/repositoryRule.ts";
import type { Rules } from "./admissionPolicy.ts";
import { literal, mapAt, requestingPod, sameBut, textAt } from "./cel.ts";

/** Annotation of a main workflow that says whether its new round has begun. */
const resumed = ledgerKey("resumed");

/** What the rules for the remediation's account depend on. */
export interface RemediationRulesArgs {
  /** Prefix of every run's name. The task's number follows it. */
  name: string;
  agentsToCancel: string[];
  /** Names of the pusher; see pusherNames. */
  pusherNames: string[];
  /** Values of the repository label, one for each repository. */
  repositoryLabels: string[];
  codeRuns: { group: string; resource: string; taskLabel: string; agentLabel: string; repositoryLabel: string };
  mainWorkflows: {
    typeLabel: string;
    type: string;
    taskLabel: string;
    stageLabel: string;
    repositoryLabel: string;
    resetStage: string;
  };
  /** The templates of the WorkflowTemplate that run in a pod. */
  templates: readonly string[];
  /** See {@link foreignKey}. Other webhooks may set labels and annotations with such keys, to any value. */
  foreign: string;
}

/** Which CodeRuns the remediation may delete. The name of the requesting pod tells which task it works for. */
export function codeRunRules({
  name,
  agentsToCancel,
  pusherNames,
  repositoryLabels,
  codeRuns,
}: RemediationRulesArgs): Rules {
  const refusal = (why: string) => `"CodeRun " + oldObject.metadata.name + ${why}`;
  return {
    apiGroup: codeRuns.group,
    resources: [codeRuns.resource, `${codeRuns.resource}/*`],
    operations: ["CREATE", "UPDATE", "DELETE"],
    variables: {
      pod: requestingPod,
      labels: mapAt("oldObject.metadata", "labels"),
      agent: textAt("variables.labels", codeRuns.agentLabel),
      task: textAt("variables.labels", codeRuns.taskLabel),
    },
    checks: [
      {
        expression: 'request.operation == "DELETE"',
        refusal: '"a remediation may only delete CodeRuns, not create or change them"',
      },
      {
        expression: `variables.agent in ${literal(agentsToCancel)}`,
        refusal: refusal(
          `" belongs to agent '" + variables.agent + ${literal(`', which is not in the cancel list (${some(agentsToCancel)})`)}`,
        ),
      },
      {
        // Other checks cover the task, agent and repository labels; this one skips them because a repository may share the pusher's name.
        expression: `!variables.labels.exists(key, !(key in ${literal([codeRuns.taskLabel, codeRuns.agentLabel, codeRuns.repositoryLabel])}) && variables.labels[key].lowerAscii() in ${literal(pusherNames)})`,
        refusal: refusal(literal(` names the pusher (${pusherNames.join(", ")}) in a label`)),
      },
      {
        expression: isOfTask(name, "variables.task"),
        refusal: refusal(`" belongs to task '" + variables.task + "', not to the task of pod '" + variables.pod + "'"`),
      },
      {
        expression: isOfWatchedRepository("variables.labels", codeRuns.repositoryLabel, repositoryLabels),
        refusal: refusal(literal(` names none of the watched repositories (${some(repositoryLabels)})`)),
      },
      {
        expression: 'request.options[?"preconditions"].?uid.orValue("") == oldObject.metadata.uid',
        refusal: refusal('" may only be deleted by its UID, so that a newer CodeRun of the same name is safe"'),
      },
    ],
  };
}

/** Which Workflows the remediation may change, and how: stage, gates and ledger of its task's main workflow; the outcome of its own run. */
export function workflowRules({
  name,
  repositoryLabels,
  mainWorkflows,
  templates,
  foreign,
}: RemediationRulesArgs): Rules {
  const { typeLabel, type, taskLabel, stageLabel, repositoryLabel, resetStage } = mainWorkflows;
  const refusal = (why: string) => `"workflow " + oldObject.metadata.name + ${why}`;
  const inOwnOrMain = (own: string, main: string) => `variables.own ? (${own}) : (${main})`;
  return {
    apiGroup: "argoproj.io",
    resources: ["workflows", "workflows/*"],
    operations: ["CREATE", "UPDATE", "DELETE"],
    variables: {
      pod: requestingPod,
      labels: mapAt("object.metadata", "labels"),
      oldLabels: mapAt("oldObject.metadata", "labels"),
      annotations: mapAt("object.metadata", "annotations"),
      oldAnnotations: mapAt("oldObject.metadata", "annotations"),
      status: mapAt("object", "status"),
      oldStatus: mapAt("oldObject", "status"),
      nodes: mapAt("variables.status", "nodes"),
      oldNodes: mapAt("variables.oldStatus", "nodes"),
      own: isOwnRun("oldObject.metadata.name", templates),
      task: textAt("variables.oldLabels", taskLabel),
      main: [
        `${textAt("variables.oldLabels", typeLabel)} == ${literal(type)}`,
        isOfTask(name, "variables.task"),
        isOfWatchedRepository("variables.oldLabels", repositoryLabel, repositoryLabels),
      ].join(" && "),
      // A workflow that was told to stop only runs its exit handler.
      ended: `${textAt("variables.oldStatus", "phase")} in ["Succeeded", "Failed", "Error"] || ${textAt(mapAt("oldObject", "spec"), "shutdown")} != ""`,
      // A gate of the workflow's exit handler or hooks does not lead to a new round.
      handlers: 'oldObject.metadata.name + ".onExit"',
      hooks: 'oldObject.metadata.name + ".hooks."',
    },
    checks: [
      {
        expression: 'request.operation == "UPDATE"',
        refusal: '"a remediation may change Workflows, but not create or delete them"',
      },
      {
        expression: "variables.own || variables.main",
        refusal: refusal(
          `" is neither the run of pod '" + variables.pod + "' nor a main workflow of its task and of a watched repository"`,
        ),
      },
      {
        expression: "variables.own || !variables.ended",
        refusal: refusal(`" has ended"`),
      },
      {
        // Besides labels and annotations, only the fields that the API server itself maintains may change.
        expression: [
          sameBut("object", "oldObject", 'key in ["metadata", "spec", "status"]'),
          sameBut(
            "object.metadata",
            "oldObject.metadata",
            'key in ["labels", "annotations", "managedFields", "resourceVersion", "generation"]',
          ),
        ].join(" && "),
        refusal: refusal(
          '" must keep its owners, its finalizers and all other metadata except labels and annotations"',
        ),
      },
      {
        expression: inOwnOrMain(onlySet(outcomeLabel, outcomes, foreign), onlySet(stageLabel, [resetStage], foreign)),
        refusal: refusal(
          `${literal(" must keep its labels; a remediation may only set ")} + (variables.own ? ${literal(`${outcomeLabel} to an outcome`)} : ${literal(`${stageLabel} to ${resetStage}`)})`,
        ),
      },
      {
        expression: inOwnOrMain(
          sameBut("variables.annotations", "variables.oldAnnotations", "false", foreign),
          sameBut(
            "variables.annotations",
            "variables.oldAnnotations",
            `key.startsWith(${literal(ledgerPrefix)})`,
            foreign,
          ),
        ),
        refusal: refusal(
          literal(
            ` must keep its annotations; a remediation may only set those that begin with ${ledgerPrefix}, and only on a main workflow`,
          ),
        ),
      },
      {
        expression: `object.spec == oldObject.spec || (!variables.own && !("suspend" in object.spec) && ${sameBut("object.spec", "oldObject.spec", 'key == "suspend"')})`,
        refusal: refusal('" must keep its spec; a remediation may only remove suspend, and only on a main workflow"'),
      },
      {
        expression: inOwnOrMain(
          "variables.status == variables.oldStatus",
          sameBut("variables.status", "variables.oldStatus", 'key == "nodes"'),
        ),
        refusal: refusal(
          '" must keep its status; a remediation may only open a waiting gate, and only on a main workflow"',
        ),
      },
      {
        expression: `variables.own || (${[
          "variables.nodes.size() == variables.oldNodes.size()",
          `variables.nodes.all(id, id in variables.oldNodes && (variables.nodes[id] == variables.oldNodes[id] || (${isOpenedGate("variables.nodes[id]", "variables.oldNodes[id]")})))`,
        ].join(" && ")})`,
        refusal: refusal('" must keep its nodes; a remediation may only set a waiting gate to Succeeded"'),
      },
      {
        // A round begins only when a gate opens, and no later run finishes a workflow that is already marked as resumed.
        expression: `variables.own || ${textAt("variables.annotations", resumed)} != "true" || ${textAt("variables.oldAnnotations", resumed)} == "true" || variables.oldNodes.exists(id, ${textAt("variables.oldNodes[id]", "type")} == "Suspend" && ${textAt("variables.oldNodes[id]", "phase")} == "Running" && id in variables.nodes && ${textAt("variables.nodes[id]", "phase")} == "Succeeded")`,
        refusal: refusal('" may only be marked as resumed in the write that opens its gate"'),
      },
    ],
  };
}

/** Which results Argo's own container in the pod may report: only the results of this pod. */
export function taskResultRules({ templates }: RemediationRulesArgs): Rules {
  return {
    apiGroup: "argoproj.io",
    resources: ["workflowtaskresults", "workflowtaskresults/*"],
    operations: ["CREATE", "UPDATE"],
    variables: {
      pod: requestingPod,
      run: textAt(mapAt("object.metadata", "labels"), "workflows.argoproj.io/workflow"),
    },
    checks: [
      {
        // A node is named RUN-NUMBER, its pod RUN-TEMPLATE-NUMBER.
        expression: [
          isOwnRun("variables.run", templates),
          'object.metadata.name == variables.run + variables.pod.substring(variables.pod.lastIndexOf("-"))',
          `object.metadata.?ownerReferences.orValue([]).all(owner, owner.kind == "Workflow" && owner.name == variables.run)`,
        ].join(" && "),
        refusal: `"pod '" + variables.pod + "' may only report its own results, not those of '" + request.name + "'"`,
      },
    ],
  };
}

/** Whether the requesting pod belongs to a run for the task. */
function isOfTask(name: string, task: string): string {
  return `${task}.matches(${literal(whole(taskPattern))}) && variables.pod.startsWith(${literal(`${name}-`)} + ${task} + "-")`;
}

/** Whether the requesting pod belongs to the Workflow of that name. */
function isOwnRun(run: string, templates: readonly string[]): string {
  return `variables.pod.startsWith(${run} + "-") && variables.pod.substring(${run}.size()).matches(${literal(`^-(${templates.join("|")})-[0-9]+$`)})`;
}

/** The first items of a list, for a refusal: if a message exceeds 5 KiB, the API server shows the expression instead. */
function some(texts: string[]): string {
  const more = texts.length - 20;
  return more > 0 ? `${texts.slice(0, 20).join(", ")} and ${more} more` : texts.join(", ");
}

/** Whether this label is the only one that differs, apart from foreign ones, and its new value is one of these. */
function onlySet(label: string, values: readonly string[], foreign: string): string {
  const [after, before, key] = ["variables.labels", "variables.oldLabels", literal(label)];
  return [
    sameBut(after, before, `key == ${key}`, foreign),
    `(${after}[?${key}] == ${before}[?${key}] || ${textAt(after, label)} in ${literal(values)})`,
  ].join(" && ");
}

/** Whether a gate was opened the way `argo resume` opens it: values that a person could supply take their defaults. */
function isOpenedGate(after: string, before: string): string {
  const parameters = (node: string) => `${node}.?outputs.?parameters.orValue([])`;
  const byDefault =
    'was.name == is.name && "supplied" in was.?valueFrom.orValue({}) && is[?"value"] == was.valueFrom[?"default"]';
  return [
    `${textAt(before, "type")} == "Suspend"`,
    `${textAt(before, "phase")} == "Running"`,
    `!${textAt(before, "name")}.startsWith(variables.handlers)`,
    `!${textAt(before, "name")}.startsWith(variables.hooks)`,
    `${textAt(after, "phase")} == "Succeeded"`,
    sameBut(after, before, 'key in ["phase", "finishedAt", "message", "outputs"]'),
    sameBut(mapAt(after, "outputs"), mapAt(before, "outputs"), 'key == "parameters"'),
    `${parameters(after)}.size() == ${parameters(before)}.size()`,
    `${parameters(after)}.all(is, ${parameters(before)}.exists(was, is == was || (${byDefault})))`,
  ].join(" && ");
}
