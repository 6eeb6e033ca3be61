import { VersionApi } from "@kubernetes/client-node";
import { ask, request } from "../lib/installation.ts";
import { type Check, type Finding, fail, pass } from "./check.ts";
import type { DoctorContext } from "./context.ts";
import { atLeast } from "./versions.ts";

/** The cluster itself. */

const leastKubernetes = "1.30.0";

export const clusterCheck: Check<DoctorContext> = { name: "cluster", look: reached };
export const namespaceCheck: Check<DoctorContext> = { name: "namespace", needs: [clusterCheck], look: exists };

async function reached({ cluster }: DoctorContext): Promise<Finding> {
  const version = await ask(cluster, "read the version", cluster.makeApiClient(VersionApi).getCode(request));
  return kubernetes(version?.gitVersion ?? "", cluster.getCurrentCluster()?.server ?? "");
}

export function kubernetes(version: string, server: string): Finding {
  const found = `Kubernetes ${version} at ${server}`;
  return atLeast(version, leastKubernetes)
    ? pass(found)
    : fail(`${found}; expected >= ${leastKubernetes}`, "update the cluster, or name another with --context NAME");
}

async function exists({ core, cluster, namespace: name }: DoctorContext): Promise<Finding> {
  const found = await ask(cluster, `read namespace ${name}`, core.readNamespace({ name }, request));
  if (found === undefined) {
    return fail(
      `there is no namespace ${name}`,
      `kubectl create namespace ${name}, or pulumi config set namespace NAME`,
    );
  }
  const phase = found.status?.phase;
  return phase === "Terminating"
    ? fail(
        `${name} is being deleted`,
        `kubectl get namespace ${name} -o yaml says what holds it; make it again after that`,
      )
    : pass(name);
}
