/** What happens to requests instead of, or besides, a normal answer. */
export interface FaultDefinition {
  /** Default: every method. */
  method?: string;
  /** Regular expression, tested against the path with its query as the client sent it. */
  pathPattern: string;
  /** Answer with this status. */
  status?: number;
  headers?: Record<string, string>;
  /** Body of that answer: an object is sent as JSON, a string as it is. Default: GitHub's usual body for the status. */
  body?: unknown;
  /**
   * `hang`: never answer. `reset`: break the connection. `broken-json`: carry out the request and send half of its answer.
   * Without `status` and `action`, the request is only delayed.
   */
  action?: "hang" | "reset" | "broken-json";
  /** Carry out the request first, so that only its answer is lost. Default: false. */
  perform?: boolean;
  /** Delay before anything else, in milliseconds. Default: 0. */
  delayMs?: number;
  /** How many requests it strikes before it is removed. Default: 1; null: it stays until removed. */
  times?: number | null;
}

export interface Fault extends FaultDefinition {
  id: number;
  remaining: number | null;
}

/** Faults on demand. They strike in the order they were added. */
export class Faults {
  pending: Fault[] = [];
  private added = 0;

  /** Throws if the definition contradicts itself. */
  add(definition: FaultDefinition): Fault {
    const { pathPattern, status, action, times } = definition;
    if (typeof pathPattern !== "string") throw new Error("pathPattern: expected a regular expression");
    new RegExp(pathPattern);
    if (status !== undefined && action !== undefined) throw new Error("expected a status or an action, not both");
    if (status !== undefined && (!Number.isInteger(status) || status < 200 || status > 599))
      throw new Error("status: expected 200 to 599");
    if (action !== undefined && !["hang", "reset", "broken-json"].includes(action))
      throw new Error("action: expected hang, reset or broken-json");
    if (times !== undefined && times !== null && (!Number.isInteger(times) || times < 1))
      throw new Error("times: expected a positive integer or null");
    this.added += 1;
    const fault: Fault = { ...definition, id: this.added, remaining: times === undefined ? 1 : times };
    this.pending.push(fault);
    return fault;
  }

  /** Returns the fault that strikes this request, and counts it as used; undefined if none does. */
  strike(method: string, path: string): Fault | undefined {
    const fault = this.pending.find(
      (candidate) =>
        (candidate.method === undefined || candidate.method.toUpperCase() === method) &&
        new RegExp(candidate.pathPattern).test(path),
    );
    if (fault && fault.remaining !== null) {
      fault.remaining -= 1;
      if (fault.remaining === 0) this.pending = this.pending.filter((other) => other !== fault);
    }
    return fault;
  }

  clear(): void {
    this.pending = [];
  }
}

/** GitHub's usual body for a status, for faults without a body. */
export function usualBody(status: number): unknown {
  const message: Record<number, string> = {
    401: "Bad credentials",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    422: "Validation Failed",
    429: "Too Many Requests",
    500: "Server Error",
  };
  if (status >= 502) return "<html><body><h1>Unicorn! · GitHub</h1></body></html>";
  if (status < 300) return undefined;
  return {
    message: message[status] ?? `Status ${status}`,
    documentation_url: "https://docs.github.com/rest",
    status: String(status),
  };
}
