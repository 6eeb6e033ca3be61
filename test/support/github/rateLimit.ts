/** GitHub's lowest limit for an installation, in requests per hour. */
const limit = 5000;
const windowSeconds = 3600;

/** Counts requests per client and hour, and reports the count as GitHub does. It refuses nothing. For that there are faults. */
export class RateLimit {
  private readonly windows = new Map<string, { used: number; reset: number }>();

  /** Counts a request of this client and returns the headers for its answer. */
  headers(client: string, nowSeconds: number): Record<string, string> {
    let window = this.windows.get(client);
    if (!window || window.reset <= nowSeconds) {
      window = { used: 0, reset: nowSeconds + windowSeconds };
      this.windows.set(client, window);
    }
    window.used += 1;
    return {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(Math.max(0, limit - window.used)),
      "x-ratelimit-reset": String(window.reset),
      "x-ratelimit-resource": "core",
      "x-ratelimit-used": String(window.used),
    };
  }
}
