/** A piece of work. It reports its own failure. */
export type Job = () => Promise<void>;

/** Starts jobs in order, at most `width` at a time. */
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

/** A fault of the whole node. It strikes once, when each of several runs has reached its step. */
export class SharedFault {
  readonly #strike: () => Promise<void>;
  readonly #struck = Promise.withResolvers<void>();
  #missing: number;

  constructor(members: number, strike: () => Promise<void>) {
    this.#missing = members;
    this.#strike = strike;
  }

  /** Says that a run has reached its step. Resolves once the fault has struck. */
  async arrive(): Promise<void> {
    this.#expectOneLess();
    await this.#struck.promise;
  }

  /** Says that a run will not reach its step, so that the others do not wait for it. */
  leave(): void {
    this.#expectOneLess();
  }

  #expectOneLess(): void {
    this.#missing -= 1;
    if (this.#missing > 0) return;
    this.#strike().then(this.#struck.resolve, this.#struck.reject);
  }
}
