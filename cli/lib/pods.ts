import { CoreV1Api, type KubeConfig, type V1Pod } from "@kubernetes/client-node";
import { ask, request } from "./installation.ts";

/** Pods of a label, without those that are being deleted. @throws ApiServerRefusal */
export async function listPods(cluster: KubeConfig, namespace: string, labelSelector: string): Promise<V1Pod[]> {
  const list = await ask(
    cluster,
    `list pods in namespace ${namespace}`,
    cluster.makeApiClient(CoreV1Api).listNamespacedPod({ namespace, labelSelector }, request),
  );
  return (list?.items ?? []).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
}

export function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}
