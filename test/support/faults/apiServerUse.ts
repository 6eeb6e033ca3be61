/**
 * Keeps the test's own calls of the API server and its restart apart: it is the remediation that has to bear that, not the test.
 * What only asks until it gets an answer needs no protection.
 */
class ApiServerUse {
  readonly #users = new Set<Promise<unknown>>();
  #away: Promise<unknown> = Promise.resolve();

  /** Does something while the API server is there. Not to be nested. */
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

  /** Does something that takes the API server away, once nobody uses it. */
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
