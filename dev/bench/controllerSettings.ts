import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import type { Cluster } from "../../test/support/cluster.ts";
import { nodeComponent } from "../../test/support/faults/nodeComponent.ts";

/** Settings of Argo's workflow controller that differ from the defaults. */
export interface ControllerSettings {
  /**
   * Keys of its ConfigMap.
   * @see https://argo-workflows.readthedocs.io/en/latest/workflow-controller-configmap/
   */
  config?: Record<string, string>;
  /**
   * Its environment.
   * @see https://argo-workflows.readthedocs.io/en/latest/environment-variables/
   */
  environment?: Record<string, string>;
}

const configMap = "workflow-controller-configmap";

/** Runs `work` while the controller has these settings, and restores the defaults afterwards, even if `work` fails. */
export async function withController<T>(
  cluster: Cluster,
  settings: ControllerSettings,
  work: () => Promise<T>,
): Promise<T> {
  try {
    await configure(cluster, settings.config ?? {});
    await nodeComponent("restart", "workflow-controller", settings.environment);
    return await work();
  } finally {
    await configure(cluster, Object.fromEntries(Object.keys(settings.config ?? {}).map((key) => [key, null])));
    await nodeComponent("restart", "workflow-controller");
  }
}

async function configure({ core, namespace }: Cluster, data: Record<string, string | null>): Promise<void> {
  await core.patchNamespacedConfigMap(
    { name: configMap, namespace, body: { data } },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
}
