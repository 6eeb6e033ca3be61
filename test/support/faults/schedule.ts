/** Something to be done in its time. It tells of its own failure. */
export type Job = () => Promise<void>;

/** Runs jobs in their order, at most `width` at a time. */
export async function sideBySide(jobs: Job[], width: number): Promise<void> {
  const waiting = [...jobs];
  const work = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await job();
  };
  await Promise.all(Array.from({ length: width }, work));
}

/** Runs jobs one after the other. */
export function oneByOne(jobs: Job[]): Promise<void> {
  return sideBySide(jobs, 1);
}

/**
 * A fault that strikes the whole node once, when each of several runs stands at its step.
 */
export class Round {
  readonly #strike: () => Promise<void>;
  readonly #struck = Promise.withResolvers<void>();
  #missing: number;

  constructor(members: number, strike: () => Promise<void>) {
    this.#missing = members;
    this.#strike = strike;
  }

  /** A run stands at its step; resolves when the fault has struck. */
  async stand(): Promise<void> {
    this.#arrived();
    await this.#struck.promise;
  }

  /** A run will not come: the others do not wait for it. */
  leave(): void {
    this.#arrived();
  }

  #arrived(): void {
    this.#missing -= 1;
    if (this.#missing > 0) return;
    this.#strike().then(this.#struck.resolve, this.#struck.reject);
  }
}
