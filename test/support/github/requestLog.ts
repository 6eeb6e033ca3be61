/** One request that the double received. */
export interface LoggedRequest {
  /** Counts from 1. */
  id: number;
  /** By the double's clock, ISO 8601. */
  time: string;
  method: string;
  /** Path with query, as sent. */
  path: string;
  /** Null when no answer was sent (yet): a broken or a hanging connection. */
  status: number | null;
  /** When the answer was sent, as {@link time}; null without one. */
  answered: string | null;
  /** Id of the valid installation token that it carried. */
  tokenId: string | null;
  /** Id of the fault that struck it. */
  faultId: number | null;
  userAgent: string | null;
  /** The JSON that was sent. */
  body: unknown;
}

/** The log of requests, control requests left out. */
export class RequestLog {
  entries: LoggedRequest[] = [];

  open(entry: Omit<LoggedRequest, "id" | "status" | "answered" | "tokenId" | "faultId">): LoggedRequest {
    const opened = {
      id: this.entries.length + 1,
      ...entry,
      status: null,
      answered: null,
      tokenId: null,
      faultId: null,
    };
    this.entries.push(opened);
    return opened;
  }

  /** Entries after an id, or from a time on; all without either. */
  since(mark: string | null): LoggedRequest[] {
    if (mark === null || mark === "") return this.entries;
    if (/^\d+$/.test(mark)) return this.entries.filter(({ id }) => id > Number(mark));
    const from = Date.parse(mark);
    if (Number.isNaN(from)) throw new Error("since: expected the id of a request or an ISO 8601 time");
    return this.entries.filter(({ time }) => Date.parse(time) >= from);
  }
}
