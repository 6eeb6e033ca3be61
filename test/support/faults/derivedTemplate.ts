import type { Cluster } from "../cluster.ts";

const resource = { group: "argoproj.io", version: "v1alpha1", plural: "workflowtemplates" };

interface Container {
  env: { name: string; value: string }[];
}

interface Template {
  containerSet?: { containers: Container[] };
  container?: Container;
  archiveLocation?: object;
}

interface WorkflowTemplate {
  metadata: { name: string; uid?: string };
  spec: { templates: Template[] };
}

/**
 * An archive location to which Argo's own container cannot upload a pod's logs, so that it fails after the steps have ended. Argo drops
 * the host of such a URL, so no other machine is contacted.
 */
export const nowhere = {
  archiveLogs: true,
  http: { url: "http://127.0.0.1:9/logs" },
};

/** A WorkflowTemplate that belongs to one test. */
export interface DerivedTemplate {
  name: string;
  uid: string;
  remove(): Promise<void>;
}

/**
 * Creates a copy of the deployed WorkflowTemplate with other values for some of its steps' environment variables.
 *
 * @param archiveLocation where its pods' logs are stored. Default: the controller's setting
 * @throws Error if no step has one of the variables
 */
export async function deriveTemplate(
  cluster: Cluster,
  name: string,
  environment: Record<string, string>,
  archiveLocation?: object,
): Promise<DerivedTemplate> {
  const { namespace } = cluster;
  const {
    metadata: _,
    spec,
    ...kind
  } = (await cluster.custom.getNamespacedCustomObject({
    ...resource,
    namespace,
    name: "rex-remediation",
  })) as WorkflowTemplate;
  const containers = spec.templates.flatMap(({ containerSet, container }) => [
    ...(containerSet?.containers ?? []),
    ...(container === undefined ? [] : [container]),
  ]);
  for (const [variable, value] of Object.entries(environment)) {
    const found = containers.flatMap(({ env }) => env.filter((one) => one.name === variable));
    if (found.length === 0) throw new Error(`no step has an environment variable ${variable}`);
    for (const one of found) one.value = value;
  }
  for (const template of spec.templates) {
    if (archiveLocation !== undefined && (template.containerSet ?? template.container) !== undefined)
      template.archiveLocation = archiveLocation;
  }
  const created = (await cluster.custom.createNamespacedCustomObject({
    ...resource,
    namespace,
    body: { ...kind, metadata: { name }, spec },
  })) as WorkflowTemplate;
  return {
    name,
    uid: created.metadata.uid ?? "",
    remove: async () => {
      await cluster.custom.deleteNamespacedCustomObject({ ...resource, namespace, name });
    },
  };
}
