/**
 * Keeps the test's own API calls from running while the API server restarts, because only the remediation has to survive that. Calls that
 * are repeated until they succeed need no protection.
 */
class ApiServerUse {
  readonly #users = new Set<Promise<unknown>>();
  #away: Promise<unknown> = Promise.resolve();

  /** Does something while the API server is up. Do not nest calls. */
  async whileThere<T>(work: () => Promise<T>): Promise<T> {
    for (let away: unknown; away !== this.#away; ) {
      away = this.#away;
      await away;
    }
    const used = work();
    this.#users.add(used);
    try {
      return await used;
    } finally {
      this.#users.delete(used);
    }
  }

  /** Does something that takes the API server down, once nobody is using it. */
  async away(work: () => Promise<void>): Promise<void> {
    const before = this.#away;
    const users = async () => {
      await before;
      await Promise.allSettled(this.#users);
      await work();
    };
    const away = users();
    this.#away = away.catch(() => undefined);
    await away;
  }
}

export const apiServer = new ApiServerUse();
