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
      const next = this.#began + (this.#writes + 1) * 100;
      await this.#cluster.patchWorkflow(this.#workflow, {
        metadata: { annotations: { "tests.example/other-writer": String(this.#writes) } },
      });
      this.#writes += 1;
      await sleep(Math.max(0, next - Date.now()));
    }
  }
}
