/** Reads a main workflow's status as the steps do; components/steps/main-workflow.sh and restart-qa.sh give the reasons. */

/** A node in the status of a Workflow, as Argo writes it. */
export interface Node {
  name?: string;
  displayName: string;
  type: string;
  phase: string;
  boundaryID?: string;
  templateName?: string;
  /** `local/…`, or the WorkflowTemplate that calls it: `namespaced/NAME` or `cluster/NAME`. */
  templateScope?: string;
  templateRef?: { name?: string; template?: string; clusterScope?: boolean };
}

interface Step {
  name: string;
  inline?: Template;
}

interface Template {
  name?: string;
  suspend?: { duration?: string };
  steps?: Step[][];
  dag?: { tasks?: Step[] };
}

interface Spec {
  shutdown?: string;
  templates?: Template[];
  templateDefaults?: Template;
}

/** The part of a Workflow that shows whether it has ended and at which gates it waits. */
export interface WorkflowState {
  metadata: { name: string };
  spec?: Spec;
  status?: {
    phase?: string;
    nodes?: Record<string, Node>;
    storedTemplates?: Record<string, Template>;
    storedWorkflowTemplateSpec?: Spec;
  };
}

const endPhases = ["Succeeded", "Failed", "Error"];

/** @returns how it ended, in words; undefined as long as it can still begin a round */
export function howItEnded({ metadata: { name }, spec, status }: WorkflowState): string | undefined {
  const phase = status?.phase ?? "";
  if (endPhases.includes(phase)) return `has ended (${phase})`;
  if (spec?.shutdown) return `was told to stop (spec.shutdown: ${spec.shutdown})`;
  const isOver = Object.values(status?.nodes ?? {}).some(
    (node) =>
      node.name?.startsWith(`${name}.onExit`) ||
      (node.name === name && [...endPhases, "Skipped", "Omitted"].includes(node.phase)),
  );
  return isOver ? "reached its exit handler" : undefined;
}

/** Names of the waiting gates. Suspend nodes with a duration, of a hook or of the exit handler are not gates. */
export function waitingGates(workflow: WorkflowState): string[] {
  const { name } = workflow.metadata;
  return Object.values(workflow.status?.nodes ?? {})
    .filter(({ type, phase }) => type === "Suspend" && phase === "Running")
    .filter((node) => ![".onExit", ".hooks."].some((of) => node.name?.startsWith(`${name}${of}`)))
    .filter((node) => !pauses(workflow, node))
    .map(({ displayName }) => displayName);
}

function pauses(workflow: WorkflowState, node: Node): boolean {
  const defaults = executed(workflow)?.templateDefaults;
  return Boolean(templateOf(workflow, node)?.suspend?.duration ?? defaults?.suspend?.duration);
}

function executed({ spec, status }: WorkflowState): Spec | undefined {
  return status?.storedWorkflowTemplateSpec ?? spec;
}

function templateOf(workflow: WorkflowState, node: Node): Template | undefined {
  const { status } = workflow;
  const { templateRef: ref, templateName, templateScope = "local/" } = node;
  if (ref !== undefined)
    return status?.storedTemplates?.[`${ref.clusterScope ? "cluster" : "namespaced"}/${ref.name}/${ref.template}`];
  if (!templateName) return inlineTemplateOf(workflow, node);
  return templateScope.startsWith("local/")
    ? executed(workflow)?.templates?.find(({ name }) => name === templateName)
    : status?.storedTemplates?.[`${templateScope}/${templateName}`];
}

/** An inline template has no name. It is part of the step that calls it. */
function inlineTemplateOf(workflow: WorkflowState, node: Node): Template | undefined {
  const caller = workflow.status?.nodes?.[node.boundaryID ?? ""];
  if (caller === undefined) return undefined;
  const step = (node.name ?? "")
    .slice(caller.name?.length)
    .replace(/^(\[\d+\])?\./, "")
    .replace(/\(.*$/, "");
  const template = templateOf(workflow, caller);
  return [...(template?.steps ?? []).flat(), ...(template?.dag?.tasks ?? [])].find(({ name }) => name === step)?.inline;
}
