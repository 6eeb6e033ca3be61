/** GitHub's clock: this machine's clock plus an offset that tests can set. */
export class Clock {
  offsetSeconds = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.offsetSeconds * 1000;
  }

  /** Whole seconds since the epoch. */
  seconds(): number {
    return Math.floor(this.now() / 1000);
  }

  /** The current time in GitHub's format: ISO 8601, whole seconds, UTC. */
  iso(): string {
    return isoSeconds(this.now());
  }
}

/** A time in GitHub's format: ISO 8601, whole seconds, UTC. */
export function isoSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
