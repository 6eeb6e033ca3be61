import { Watch } from "@kubernetes/client-node";
import type { Cluster } from "../../test/support/cluster.ts";
import { type Workflow, workflowResource } from "../../test/support/workflows.ts";

/** A Workflow as it was wanted, and when it was seen so: to the millisecond, where its own times are whole seconds. */
export interface Seen {
  workflow: Workflow;
  at: Date;
}

/**
 * Waits, by a watch, until a Workflow is as wanted. To be begun before that can be so, because what is so already counts as seen now.
 * The Workflow need not be there yet.
 *
 * @param limit in milliseconds
 * @param signal ends the waiting
 * @throws Error, naming what was waited for, where the limit is over
 */
export function seen(
  { config, namespace }: Cluster,
  name: string,
  what: string,
  limit: number,
  wanted: (workflow: Workflow) => boolean,
  signal?: AbortSignal,
): Promise<Seen> {
  const { group, version, plural } = workflowResource;
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}`;
  return new Promise((resolve, reject) => {
    let connection: AbortController | undefined;
    let over = false;
    const end = (settle: () => void) => {
      over = true;
      clearTimeout(timer);
      connection?.abort();
      settle();
    };
    const giveUp = (why: string) => end(() => reject(new Error(`${why}: ${what}`)));
    const timer = setTimeout(() => giveUp(`not seen within ${limit / 1000} s`), limit);
    signal?.addEventListener("abort", () => giveUp("no longer waited for"));
    const look = (type: string, workflow: Workflow) => {
      if (over || (type !== "ADDED" && type !== "MODIFIED") || !wanted(workflow)) return;
      const at = new Date();
      end(() => resolve({ workflow, at }));
    };
    // A quiet watch is ended on this side, every watch on the other after a while. A new one begins with the Workflow as it is.
    const watch = async () => {
      connection = await new Watch(config).watch(path, { fieldSelector: `metadata.name=${name}` }, look, () => {
        if (!over) setTimeout(watch, 100);
      });
      if (over) connection.abort();
    };
    void watch();
  });
}
