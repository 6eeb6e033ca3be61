import { Watch } from "@kubernetes/client-node";
import type { Cluster } from "../../test/support/cluster.ts";
import { type Workflow, workflowResource } from "../../test/support/workflows.ts";

/** A Workflow that met a condition, and when that was seen. The time has milliseconds; the Workflow's own times are whole seconds. */
export interface Seen {
  workflow: Workflow;
  at: Date;
}

/**
 * Watches a Workflow until it meets a condition. Call this before it can meet the condition. If it already does, the returned time is that
 * of the call. The Workflow need not exist yet.
 *
 * @param what name of the condition, for error messages
 * @param limit in milliseconds
 * @param signal aborts the wait
 * @throws Error with the condition's name if the limit has passed or the wait was aborted
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
    signal?.addEventListener("abort", () => giveUp("the wait was aborted"));
    const look = (type: string, workflow: Workflow) => {
      if (over || (type !== "ADDED" && type !== "MODIFIED") || !wanted(workflow)) return;
      const at = new Date();
      end(() => resolve({ workflow, at }));
    };
    // The client ends idle watches, and the server ends every watch after a while. A new watch begins with the Workflow's current state.
    const watch = async () => {
      connection = await new Watch(config).watch(path, { fieldSelector: `metadata.name=${name}` }, look, () => {
        if (!over) setTimeout(watch, 100);
      });
      if (over) connection.abort();
    };
    void watch();
  });
}
