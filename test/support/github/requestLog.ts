/** One request that the double received. */
export interface LoggedRequest {
  /** Counts from 1. */
  id: number;
  /** Time on the double's clock, ISO 8601. */
  time: string;
  method: string;
  /** Path with query, as sent. */
  path: string;
  /** Null if no answer was sent (yet): the connection hangs or was broken. */
  status: number | null;
  /** When the answer was sent, as {@link time}; null if there was none. */
  answered: string | null;
  /** Id of the valid installation token in the request, or null. */
  tokenId: string | null;
  /** Id of the fault that struck it, or null. */
  faultId: number | null;
  userAgent: string | null;
  /** The JSON that was sent. */
  body: unknown;
}

/** The log of requests, without control requests. */
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

  /** Entries after an id, or from a time on; all entries if `mark` is null. */
  since(mark: string | null): LoggedRequest[] {
    if (mark === null || mark === "") return this.entries;
    if (/^\d+$/.test(mark)) return this.entries.filter(({ id }) => id > Number(mark));
    const from = Date.parse(mark);
    if (Number.isNaN(from)) throw new Error("since: expected the id of a request or an ISO 8601 time");
    return this.entries.filter(({ time }) => Date.parse(time) >= from);
  }
}
