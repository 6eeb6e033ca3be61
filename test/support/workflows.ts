import type { Node } from "../../cli/lib/mainWorkflowState.ts";

/** Group, version and plural of Argo's Workflows. */
export const workflowResource = { group: "argoproj.io", version: "v1alpha1", plural: "workflows" };

export interface WorkflowNode extends Node {
  id: string;
  name: string;
  nodeFlag?: { hooked?: boolean };
  message?: string;
  startedAt?: string;
  finishedAt?: string;
  outputs?: { exitCode?: string; parameters?: { name: string; value?: string; valueFrom?: object }[] };
}

export interface Workflow {
  apiVersion: string;
  kind: "Workflow";
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    creationTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: Record<string, unknown>;
  status?: {
    phase?: string;
    nodes?: Record<string, WorkflowNode>;
    compressedNodes?: string;
    offloadNodeStatusVersion?: string;
    startedAt?: string;
    finishedAt?: string;
    message?: string;
    outputs?: { parameters?: { name: string; value?: string }[] };
    /** Templates of other WorkflowTemplates, by scope and name. */
    storedTemplates?: Record<string, object>;
    /** The WorkflowTemplate's spec as it was when Argo first saw the Workflow. */
    storedWorkflowTemplateSpec?: object;
  };
}

/** A node of a main workflow, as Argo writes it. */
export function workflowNode(id: string, type: string, phase: string, more: Partial<WorkflowNode> = {}): WorkflowNode {
  return { id, name: `play.${id}`, displayName: id, type, phase, startedAt: "2026-01-01T00:00:00Z", ...more };
}

/** A main workflow in a namespace without a controller: it has the status that the test gives it, and nothing changes that. */
export function mainWorkflow(
  name: string,
  task: number | string,
  stage: string | undefined,
  nodes: WorkflowNode[] = [],
  more: { labels?: Record<string, string>; annotations?: Record<string, string>; status?: object; spec?: object } = {},
): Workflow {
  return {
    apiVersion: `${workflowResource.group}/${workflowResource.version}`,
    kind: "Workflow",
    metadata: {
      name,
      labels: {
        "workflow-type": "play-orchestration",
        "task-id": String(task),
        ...(stage === undefined ? {} : { "current-stage": stage }),
        ...more.labels,
      },
      ...(more.annotations === undefined ? {} : { annotations: more.annotations }),
    },
    spec: { entrypoint: "play", ...more.spec },
    status: { phase: "Running", nodes: Object.fromEntries(nodes.map((node) => [node.id, node])), ...more.status },
  };
}
