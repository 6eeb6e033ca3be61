import { configAnnotation, type RemediationConfig } from "../../../components/stepConfig.ts";
import type { Cluster } from "../cluster.ts";

const resource = { group: "argoproj.io", version: "v1alpha1", plural: "workflowtemplates" };

interface Template {
  containerSet?: object;
  container?: object;
  archiveLocation?: object;
}

interface WorkflowTemplate {
  metadata: { name: string; uid?: string };
  spec: { podMetadata: { annotations: Record<string, string> }; templates: Template[] };
}

/**
 * An archive location to which Argo's own container cannot upload a pod's logs, so that this container fails after the steps have ended.
 * Argo drops the host of such a URL, so it contacts no other machine.
 */
export const unreachableArchive = {
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
 * Creates a copy of the deployed WorkflowTemplate with changes to the configuration of its steps.
 *
 * @param change changes the configuration in place. Default: nothing changes
 * @param archiveLocation where its pods' logs are stored. Default: the controller's setting
 */
export async function deriveTemplate(
  cluster: Cluster,
  name: string,
  change: ((config: RemediationConfig) => void) | undefined,
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
  const { annotations } = spec.podMetadata;
  const config: RemediationConfig = JSON.parse(annotations[configAnnotation] ?? "");
  change?.(config);
  annotations[configAnnotation] = JSON.stringify(config);
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
