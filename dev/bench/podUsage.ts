import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../../test/support/cluster.ts";

/** The memory and processor time that pods use. */
export interface Usage {
  /** Working set as kubelet counts it: memory without the part that the kernel could free at once. */
  mebibytes: number;
  /** Processor time since the pods were started. */
  cpuSeconds: number;
}

/**
 * Finds the running pods of a part of the program.
 *
 * @param part value of the label app.kubernetes.io/component
 * @returns a function that returns the present usage of all of them together
 * @throws Error if there is none
 */
export async function usageOf({ core, namespace }: Cluster, part: string): Promise<() => Usage> {
  const labelSelector = `app.kubernetes.io/component=${part}`;
  const { items } = await core.listNamespacedPod({ namespace, labelSelector, fieldSelector: "status.phase=Running" });
  if (items.length === 0) throw new Error(`no pod of the ${part} is running`);
  const cgroups = items.map(({ metadata }) => new PodCgroup(metadata?.uid ?? ""));
  return () =>
    cgroups
      .map((cgroup) => cgroup.usage())
      .reduce((sum, one) => ({
        mebibytes: sum.mebibytes + one.mebibytes,
        cpuSeconds: sum.cpuSeconds + one.cpuSeconds,
      }));
}

/**
 * Reads what the kernel counts for a pod of the embedded node (dev/cluster/cgroups.sh). Version 2, with its single hierarchy, was tested
 * only with copies of its files, not on a machine.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class PodCgroup {
  readonly #isVersion2: boolean;
  readonly #memory: string;
  readonly #cpu: string;

  /**
   * @param uid UID of the pod
   * @param mount where the cgroups are mounted; the default is the same on every system
   * @param node id of the embedded node
   * @throws Error if there is no such pod
   */
  constructor(uid: string, mount = "/sys/fs/cgroup", node = process.env.REX_NODE_ID) {
    this.#isVersion2 = existsSync(join(mount, "cgroup.controllers"));
    const folder = (controller: string) => {
      const root = join(mount, this.#isVersion2 ? "" : controller, `rex-${node}`, "kubepods");
      // Pods of the class Guaranteed are at the top, others in a folder for their class.
      const places = ["", ...readdirSync(root)].map((name) => join(root, name, `pod${uid}`));
      const found = places.find((path) => existsSync(path));
      if (found === undefined) throw new Error(`pod ${uid} has no cgroup below ${root}`);
      return found;
    };
    this.#memory = folder("memory");
    this.#cpu = folder("cpuacct");
  }

  usage(): Usage {
    return { mebibytes: this.#workingSet() / 2 ** 20, cpuSeconds: this.#cpuSeconds() };
  }

  /** @see https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/ */
  #workingSet(): number {
    return this.#isVersion2
      ? number(this.#memory, "memory.current") - field(this.#memory, "memory.stat", "inactive_file")
      : number(this.#memory, "memory.usage_in_bytes") - field(this.#memory, "memory.stat", "total_inactive_file");
  }

  #cpuSeconds(): number {
    return this.#isVersion2
      ? field(this.#cpu, "cpu.stat", "usage_usec") / 1e6
      : number(this.#cpu, "cpuacct.usage") / 1e9;
  }
}

function number(folder: string, file: string): number {
  return Number(readFileSync(join(folder, file), "utf8"));
}

function field(folder: string, file: string, name: string): number {
  const [, value] = new RegExp(`^${name} (\\d+)$`, "m").exec(readFileSync(join(folder, file), "utf8")) ?? [];
  if (value === undefined) throw new Error(`${join(folder, file)} has no ${name}`);
  return Number(value);
}
