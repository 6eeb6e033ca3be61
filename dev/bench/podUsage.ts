import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../../test/support/cluster.ts";

/** What pods take of the machine at a moment. */
export interface Usage {
  /** Working set, as kubelet counts it: memory less what the kernel would give back at once. */
  mebibytes: number;
  /** Processor time since they were started. */
  cpuSeconds: number;
}

/**
 * Finds the running pods of a part of the program.
 *
 * @param part as the label app.kubernetes.io/component has it
 * @returns what they take together, each time that it is called
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
 * Where the kernel accounts for a pod of the embedded node (dev/cluster/cgroups.sh). Of version 2, which has one hierarchy, only the
 * files have been tried, not a machine.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class PodCgroup {
  readonly #isVersion2: boolean;
  readonly #memory: string;
  readonly #cpu: string;

  /**
   * @param uid the pod's
   * @param mount default: where every system has them
   * @throws Error if there is no such pod
   */
  constructor(uid: string, mount = "/sys/fs/cgroup", node = process.env.REX_NODE_ID) {
    this.#isVersion2 = existsSync(join(mount, "cgroup.controllers"));
    const folder = (controller: string) => {
      const root = join(mount, this.#isVersion2 ? "" : controller, `rex-${node}`, "kubepods");
      // Those of class Guaranteed stand at the top, others in a folder for their class.
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
