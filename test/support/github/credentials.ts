import type { Token } from "./tokens.ts";

/** A credential that a client sent, or was issued. */
export interface Credential {
  /** Recognised by its form: an App's JSON web token has three parts with dots between them. */
  kind: "json-web-token" | "token";
  /** The complete credential. */
  value: string;
  /** When it was issued or first received, by the double's clock, ISO 8601. */
  time: string;
}

/** The credentials of all requests, valid or not, even if a fault struck the request. They are kept as long as the double runs. */
export class Credentials {
  private readonly seen: Credential[] = [];

  /** Notes the credential in an Authorization header. */
  see(authorization: string | undefined, time: string): void {
    const value = /^\S+ +(\S+)$/.exec(authorization ?? "")?.[1];
    if (value === undefined || this.seen.some((known) => known.value === value)) return;
    this.seen.push({ kind: value.split(".").length === 3 ? "json-web-token" : "token", value, time });
  }

  /** The issued tokens and all other credentials received, each once. */
  all(issued: readonly Token[]): Credential[] {
    const tokens = issued.map(({ token, createdAt }): Credential => ({ kind: "token", value: token, time: createdAt }));
    const known = new Set(tokens.map(({ value }) => value));
    return [...tokens, ...this.seen.filter(({ value }) => !known.has(value))];
  }
}
