import { Watch } from "@kubernetes/client-node";
import type { Cluster } from "./cluster.ts";

/** The API names of a kind that is not part of Kubernetes itself. */
interface Kind {
  group: string;
  version: string;
  plural: string;
}

interface KubernetesObject {
  metadata: { resourceVersion?: string };
}

/** A change of an object, as the API server reported it. */
export interface Change<T> {
  type: "ADDED" | "MODIFIED" | "DELETED";
  /** The object after the change; for a deletion, its last state. */
  object: T;
  /** When this process received the change, in milliseconds since 1970. */
  at: number;
}

/** Reports every change of the namespace's objects of one kind while it is open, even of short-lived ones. Ignores older objects. */
export class Changes<T extends KubernetesObject> {
  readonly #cluster: Cluster;
  readonly #see: (change: Change<T>) => void;
  readonly #path: string;
  readonly #labelSelector: string | undefined;
  #at: string;
  #closed = false;
  #failure: Error | undefined;
  #connection: AbortController | undefined;

  private constructor(
    cluster: Cluster,
    { group, version, plural }: Kind,
    at: string,
    see: (change: Change<T>) => void,
    labelSelector: string | undefined,
  ) {
    this.#cluster = cluster;
    this.#at = at;
    this.#see = see;
    this.#labelSelector = labelSelector;
    this.#path = `/apis/${group}/${version}/namespaces/${cluster.namespace}/${plural}`;
  }

  /** @param labelSelector which objects. Default: all of the kind */
  static async open<T extends KubernetesObject>(
    cluster: Cluster,
    kind: Kind,
    see: (change: Change<T>) => void,
    labelSelector?: string,
  ): Promise<Changes<T>> {
    const { group, version, plural } = kind;
    const list = await cluster.custom.listNamespacedCustomObject({
      group,
      version,
      plural,
      namespace: cluster.namespace,
      limit: 1,
    });
    const changes = new Changes<T>(cluster, kind, list.metadata.resourceVersion, see, labelSelector);
    await changes.#watch();
    return changes;
  }

  /** @throws Error if it may have missed something */
  close(): void {
    this.#closed = true;
    this.#connection?.abort();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #watch(): Promise<void> {
    this.#connection = await new Watch(this.#cluster.config).watch(
      this.#path,
      { resourceVersion: this.#at, allowWatchBookmarks: true, labelSelector: this.#labelSelector },
      (type: string, object: T & { message?: string }) => {
        if (type === "ERROR") {
          this.#failure = new Error(`the watch of ${this.#path} broke: ${object.message}`);
          return;
        }
        this.#at = object.metadata.resourceVersion ?? this.#at;
        if (type !== "BOOKMARK") this.#see({ type: type as Change<T>["type"], object, at: Date.now() });
      },
      (error: unknown) => {
        if (this.#closed || this.#failure !== undefined) return;
        // The API server ends every watch after a while, and the client ends quiet ones. A new watch continues from the same point.
        if (!(error instanceof Error) || error.name === "TimeoutError") void this.#watch();
        else this.#failure = error;
      },
    );
  }
}
