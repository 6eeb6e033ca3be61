import { VersionApi } from "@kubernetes/client-node";
import { ask, request } from "../lib/installation.ts";
import { type Check, type Finding, fail, pass } from "./check.ts";
import type { Namespace } from "./context.ts";
import { atLeast } from "./versions.ts";

/** The cluster itself. */

const leastKubernetes = "1.30.0";

export function clusterChecks(namespace: Namespace): Check[] {
  return [
    { what: "cluster", look: () => reached(namespace) },
    { what: "namespace", needs: ["cluster"], look: () => there(namespace) },
  ];
}

async function reached({ cluster }: Namespace): Promise<Finding> {
  const version = await ask(cluster, "read the version", cluster.makeApiClient(VersionApi).getCode(request));
  return kubernetes(version?.gitVersion ?? "", cluster.getCurrentCluster()?.server ?? "");
}

export function kubernetes(version: string, server: string): Finding {
  const found = `Kubernetes ${version} at ${server}`;
  return atLeast(version, leastKubernetes)
    ? pass(found)
    : fail(`${found}; expected >= ${leastKubernetes}`, "update the cluster, or name another with --context NAME");
}

async function there({ core, cluster, name }: Namespace): Promise<Finding> {
  const namespace = await ask(cluster, `read namespace ${name}`, core.readNamespace({ name }, request));
  if (namespace === undefined) {
    return fail(
      `there is no namespace ${name}`,
      `kubectl create namespace ${name}, or pulumi config set namespace NAME`,
    );
  }
  const phase = namespace.status?.phase;
  return phase === "Terminating"
    ? fail(
        `${name} is being deleted`,
        `kubectl get namespace ${name} -o yaml says what holds it; make it again after that`,
      )
    : pass(name);
}
