import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { V1Pod } from "@kubernetes/client-node";
import { type Cluster, unless } from "./cluster.ts";

const run = promisify(execFile);

/** A text that somebody could read, and where it is. */
export interface WrittenText {
  place: string;
  text: string;
}

/**
 * The logs of all containers of the namespace's pods, including init containers and previous instances. A container that has not started
 * yet, or is removed meanwhile, has no log.
 */
export async function podLogs(cluster: Cluster): Promise<WrittenText[]> {
  const { items } = await cluster.core.listNamespacedPod({ namespace: cluster.namespace });
  const texts: WrittenText[] = [];
  for (const pod of items) {
    const logs = await Promise.all(instances(pod).map((instance) => containerLog(cluster, pod, instance)));
    texts.push(...logs.filter((log) => log !== undefined));
  }
  return texts;
}

interface Instance {
  container: string;
  previous: boolean;
}

/** The containers of a pod that have started. */
function instances({ status }: V1Pod): Instance[] {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return statuses
    .filter(({ containerID }) => containerID)
    .flatMap(({ name: container, restartCount }) => [
      { container, previous: false },
      ...(restartCount > 0 ? [{ container, previous: true }] : []),
    ]);
}

async function containerLog(
  { core, namespace }: Cluster,
  pod: V1Pod,
  { container, previous }: Instance,
): Promise<WrittenText | undefined> {
  const name = pod.metadata?.name ?? "";
  const text = await core
    .readNamespacedPodLog({ name, namespace, container, previous })
    // 404: the pod is gone. 400: the kubelet no longer has the container, or has no previous instance.
    .catch(unless(404))
    .catch(unless(400));
  return text === undefined ? undefined : { place: `log of ${name}/${container}${previous ? " before" : ""}`, text };
}

/** Every object of the namespace except Secrets, and the admission policies, as JSON with all managed fields. */
export async function objectsButSecrets({ namespace }: Cluster): Promise<WrittenText[]> {
  const { stdout } = await kubectl("api-resources", "--verbs=list", "--namespaced", "--output=name");
  // Events appear twice, in two API groups.
  const leftOut = ["", "secrets", "events.events.k8s.io"];
  const kinds = stdout.split("\n").filter((kind) => !leftOut.includes(kind));
  const policies = ["validatingadmissionpolicies", "validatingadmissionpolicybindings"];
  return objects(namespace, [...kinds, ...policies]);
}

/** The namespace's objects of some kinds. */
export async function objects(namespace: string, kinds: string[]): Promise<WrittenText[]> {
  const { stdout } = await kubectl(
    "get",
    kinds.join(),
    `--namespace=${namespace}`,
    "--output=json",
    "--show-managed-fields",
  );
  const { items } = JSON.parse(stdout) as { items: { kind: string; metadata: { name: string } }[] };
  return items.map((item) => ({ place: `${item.kind} ${item.metadata.name}`, text: JSON.stringify(item) }));
}

/** Every state of a run's WorkflowTaskResults that was seen until the run ended. */
export async function taskResults(
  { custom, namespace }: Cluster,
  run: string,
  isOver: () => boolean,
): Promise<WrittenText[]> {
  const seen = new Map<string, WrittenText>();
  while (!isOver()) {
    const { items } = (await custom.listNamespacedCustomObject({
      group: "argoproj.io",
      version: "v1alpha1",
      plural: "workflowtaskresults",
      namespace,
      labelSelector: `workflows.argoproj.io/workflow=${run}`,
    })) as { items: { metadata: { name: string } }[] };
    for (const item of items) {
      const text = JSON.stringify(item);
      seen.set(text, { place: `WorkflowTaskResult ${item.metadata.name}`, text });
    }
    await sleep(200);
  }
  return [...seen.values()];
}

function kubectl(...args: string[]): Promise<{ stdout: string }> {
  return run("kubectl", args, { timeout: 60_000, maxBuffer: 512 * 1024 * 1024 });
}

/** Every file below a folder, read as Latin-1, so that each byte is one character. */
export function filesBelow(folder: string): WrittenText[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((place) => ({ place, text: readFileSync(place, "latin1") }));
}
