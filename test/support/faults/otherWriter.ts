import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../cluster.ts";

/** Somebody who changes an annotation of their own on a workflow, ten times a second. */
export class OtherWriter {
  readonly #cluster: Cluster;
  readonly #workflow: string;
  readonly #done: Promise<void>;
  #writes = 0;
  #ends = false;
  readonly #began = Date.now();

  constructor(cluster: Cluster, workflow: string) {
    this.#cluster = cluster;
    this.#workflow = workflow;
    this.#done = this.#write();
  }

  /** Ends it. Writes a second, as they were made. */
  async end(): Promise<number> {
    this.#ends = true;
    await this.#done;
    return (this.#writes * 1000) / (Date.now() - this.#began);
  }

  async #write(): Promise<void> {
    while (!this.#ends) {
      const next = Date.now() + 100;
      const metadata = { annotations: { "tests.example/other-writer": String(this.#writes) } };
      await this.#cluster.patchWorkflow(this.#workflow, { metadata }).then(
        () => {
          this.#writes += 1;
        },
        // The API server may be away for a moment; the rate tells how often.
        () => undefined,
      );
      await sleep(Math.max(0, next - Date.now()));
    }
  }
}
