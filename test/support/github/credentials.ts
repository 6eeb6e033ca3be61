import type { Token } from "./tokens.ts";

/** What a client proved itself with, or could have. */
export interface Credential {
  /** By its form: an App's JSON web token has three parts with dots between them. */
  kind: "json-web-token" | "token";
  /** The whole of it. */
  value: string;
  /** When it was issued or first came in, by the double's clock, ISO 8601. */
  time: string;
}

/** The credentials that requests came with, good or not, struck by a fault or not. They live as long as the double. */
export class Credentials {
  private readonly seen: Credential[] = [];

  /** Notes what an Authorization header carries. */
  see(authorization: string | undefined, time: string): void {
    const value = /^\S+ +(\S+)$/.exec(authorization ?? "")?.[1];
    if (value === undefined || this.seen.some((known) => known.value === value)) return;
    this.seen.push({ kind: value.split(".").length === 3 ? "json-web-token" : "token", value, time });
  }

  /** The issued tokens and whatever else came in, each once. */
  all(issued: readonly Token[]): Credential[] {
    const tokens = issued.map(({ token, createdAt }): Credential => ({ kind: "token", value: token, time: createdAt }));
    const known = new Set(tokens.map(({ value }) => value));
    return [...tokens, ...this.seen.filter(({ value }) => !known.has(value))];
  }
}
