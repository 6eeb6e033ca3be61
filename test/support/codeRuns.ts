import type { V1CustomResourceDefinition } from "@kubernetes/client-node";

/** Group, version and plural of the CodeRuns in the tests. They are the program's defaults. */
export const codeRunResource = { group: "agents.platform", version: "v1", plural: "coderuns" };

/** The platform's CodeRun, reduced to what this project reads: labels and status.phase. */
export const codeRunDefinition: V1CustomResourceDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${codeRunResource.plural}.${codeRunResource.group}` },
  spec: {
    group: codeRunResource.group,
    scope: "Namespaced",
    names: { kind: "CodeRun", listKind: "CodeRunList", plural: "coderuns", singular: "coderun" },
    versions: [
      {
        name: codeRunResource.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: { type: "object", x_kubernetes_preserve_unknown_fields: true },
              status: { type: "object", x_kubernetes_preserve_unknown_fields: true },
            },
          },
        },
      },
    ],
  },
};

export interface CodeRun {
  apiVersion: string;
  kind: "CodeRun";
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: object[];
    creationTimestamp?: string;
    deletionTimestamp?: string;
  };
  spec?: { pod?: boolean };
  status?: { phase?: string };
}

/** The agent's name in object names, which allow no capitals: `cleo` for 5DLabs-Cleo. */
export function shortName(agent: string): string {
  return agent.slice(agent.lastIndexOf("-") + 1).toLowerCase();
}

/** A CodeRun of an agent (`5DLabs-Cleo`, `5DLabs-Tess`, `5DLabs-Rex` …) for a task. */
export function codeRun(
  name: string,
  agent: string,
  task: number | string,
  labels: Record<string, string> = {},
): CodeRun {
  return {
    apiVersion: `${codeRunResource.group}/${codeRunResource.version}`,
    kind: "CodeRun",
    metadata: { name, labels: { "task-id": String(task), "github-app": agent, ...labels } },
    spec: {},
  };
}

/** The same CodeRun with owners. Once they are gone, the garbage collector deletes it, too. */
export function ownedBy(owners: CodeRun[], run: CodeRun): CodeRun {
  const ownerReferences = owners.map(({ apiVersion, kind, metadata: { name, uid } }, index) => ({
    ...{ apiVersion, kind, name, uid, blockOwnerDeletion: true },
    ...(index === 0 && { controller: true }),
  }));
  return { ...run, metadata: { ...run.metadata, ownerReferences } };
}
