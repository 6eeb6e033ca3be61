import { type ChildProcess, spawn } from "node:child_process";
import type { Cluster } from "./cluster.ts";

/** What a pod writes to its log from now on. It follows the log, because the log may be rotated before somebody reads it later. */
export class FollowedLog {
  readonly #kubectl: ChildProcess;
  readonly #pod: string;
  #text = "";
  #errors = "";
  #grew = Date.now();

  constructor({ namespace }: Cluster, pod: string) {
    const since = new Date().toISOString();
    this.#pod = pod;
    this.#kubectl = spawn(
      "kubectl",
      ["logs", pod, "--namespace", namespace, "--follow", `--since-time=${since}`, "--request-timeout=0"],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#kubectl.stdout?.setEncoding("utf8").on("data", (chunk) => {
      this.#text += chunk;
      this.#grew = Date.now();
    });
    this.#kubectl.stderr?.setEncoding("utf8").on("data", (chunk) => {
      this.#errors += chunk;
    });
  }

  /**
   * Waits until the log has been quiet for a second, and stops following it.
   * @throws Error if the log could not be followed until now
   */
  async close(): Promise<void> {
    while (Date.now() - this.#grew < 1000) await new Promise((resolve) => setTimeout(resolve, 100));
    const { exitCode } = this.#kubectl;
    this.#kubectl.kill();
    if (exitCode !== null) throw new Error(`kubectl logs ${this.#pod} ended early (${exitCode}): ${this.#errors}`);
  }

  /** The lines, without line breaks. */
  get lines(): string[] {
    return this.#text.split("\n").filter((line) => line !== "");
  }
}
