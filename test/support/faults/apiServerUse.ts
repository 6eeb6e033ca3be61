/**
 * Keeps the test's own API calls from running while the API server restarts, because only the remediation has to survive that. Calls that
 * are retried until they succeed need no protection.
 */
class ApiServerUse {
  readonly #users = new Set<Promise<unknown>>();
  #down: Promise<unknown> = Promise.resolve();

  /** Runs `work` while the API server is up. Do not nest calls. */
  async whileUp<T>(work: () => Promise<T>): Promise<T> {
    for (let down: unknown; down !== this.#down; ) {
      down = this.#down;
      await down;
    }
    const used = work();
    this.#users.add(used);
    try {
      return await used;
    } finally {
      this.#users.delete(used);
    }
  }

  /** Runs `work`, which takes the API server down, once nobody uses the API server. */
  async whileDown(work: () => Promise<void>): Promise<void> {
    const before = this.#down;
    const afterUsers = async () => {
      await before;
      await Promise.allSettled(this.#users);
      await work();
    };
    const down = afterUsers();
    this.#down = down.catch(() => undefined);
    await down;
  }
}

export const apiServer = new ApiServerUse();
