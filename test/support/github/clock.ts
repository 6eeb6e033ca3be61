/** GitHub's clock: this machine's, moved by a settable number of seconds. */
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

  /** The present time as GitHub writes it: ISO 8601, whole seconds, UTC. */
  iso(): string {
    return isoSeconds(this.now());
  }
}

/** A time as GitHub writes it: ISO 8601, whole seconds, UTC. */
export function isoSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
