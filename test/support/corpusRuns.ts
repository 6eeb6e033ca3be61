import { Watch } from "@kubernetes/client-node";
import type { Cluster } from "./cluster.ts";
import { type Workflow, workflowResource } from "./workflows.ts";

/**
 * Sees every Workflow that is created in the namespace while it is open, as it was created, however short it lives. A Workflow that was
 * there before is not seen.
 */
export class CreatedWorkflows {
  readonly #cluster: Cluster;
  readonly #see: (workflow: Workflow) => void;
  readonly #path: string;
  #at: string;
  #closed = false;
  #failure: Error | undefined;
  #connection: AbortController | undefined;

  private constructor(cluster: Cluster, at: string, see: (workflow: Workflow) => void) {
    const { group, version, plural } = workflowResource;
    this.#cluster = cluster;
    this.#at = at;
    this.#see = see;
    this.#path = `/apis/${group}/${version}/namespaces/${cluster.namespace}/${plural}`;
  }

  static async open(cluster: Cluster, see: (workflow: Workflow) => void): Promise<CreatedWorkflows> {
    const list = await cluster.custom.listNamespacedCustomObject({
      ...workflowResource,
      namespace: cluster.namespace,
      limit: 1,
    });
    const created = new CreatedWorkflows(cluster, list.metadata.resourceVersion, see);
    await created.#watch();
    return created;
  }

  /** @throws Error if something may have been missed */
  close(): void {
    this.#closed = true;
    this.#connection?.abort();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #watch(): Promise<void> {
    this.#connection = await new Watch(this.#cluster.config).watch(
      this.#path,
      { resourceVersion: this.#at, allowWatchBookmarks: true },
      (type: string, object: Workflow & { message?: string }) => {
        if (type === "ERROR") {
          this.#failure = new Error(`the watch of Workflows broke: ${object.message}`);
          return;
        }
        this.#at = object.metadata.resourceVersion ?? this.#at;
        if (type === "ADDED") this.#see(object);
      },
      (error: unknown) => {
        if (this.#closed || this.#failure !== undefined) return;
        // The API server ends every watch after a while, and a quiet one is ended here: it goes on from where it was.
        if (!(error instanceof Error) || error.name === "TimeoutError") void this.#watch();
        else this.#failure = error;
      },
    );
  }
}
