/** GitHub's least limit for an installation, per hour. */
const limit = 5000;
const windowSeconds = 3600;

/** Counts requests per client and hour and tells of it as GitHub does. It refuses nothing: faults do that. */
export class RateLimit {
  private readonly windows = new Map<string, { used: number; reset: number }>();

  /** Headers of an answer to this client, which is counted. */
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
