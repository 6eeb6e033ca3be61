import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubeConfig, RbacAuthorizationV1Api } from "@kubernetes/client-node";
import type { Cluster } from "./cluster.ts";
import { codeRunResource } from "./codeRuns.ts";

const name = "steps";

/** What a pod needs to call the API server, as the kubelet provides it: environment variables, and the folder of the account. */
export interface PodAccount {
  environment: Record<string, string>;
  remove(): Promise<void>;
}

/**
 * An account for steps that run on this machine. It has the rights of the remediation's and the sweep's Roles together. No policy applies
 * to it.
 */
export async function podAccount({ namespace, config, core }: Cluster): Promise<PodAccount> {
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  await rbac.createNamespacedRole({
    namespace,
    body: {
      metadata: { name },
      rules: [
        { apiGroups: [codeRunResource.group], resources: [codeRunResource.plural], verbs: ["get", "list", "delete"] },
        { apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["get", "list", "patch", "create"] },
      ],
    },
  });
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
  });
  const { status } = await core.createNamespacedServiceAccountToken({
    name,
    namespace,
    body: { spec: { audiences: [], expirationSeconds: 3600 } },
  });
  const folder = await mkdtemp(join(tmpdir(), "rex-account-"));
  await writeFile(join(folder, "token"), status?.token ?? "", { mode: 0o600 });
  const { server, certificate } = clusterOf(config);
  await writeFile(join(folder, "ca.crt"), certificate);
  return {
    environment: {
      SERVICE_ACCOUNT: folder,
      KUBERNETES_SERVICE_HOST: server.hostname,
      KUBERNETES_SERVICE_PORT: server.port || "443",
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function clusterOf(config: KubeConfig): { server: URL; certificate: Buffer | string } {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error("the kubeconfig names no cluster");
  const { caFile, caData } = cluster;
  if (caData === undefined && caFile === undefined)
    throw new Error(`the kubeconfig has no certificate for ${cluster.server}`);
  return {
    server: new URL(cluster.server),
    certificate: caData !== undefined ? Buffer.from(caData, "base64") : readFileSync(caFile as string),
  };
}
