import { createHash, randomBytes } from "node:crypto";

/** The SHA for "no commit" in a push: as `before` if it created the branch, as `after` if it deleted the branch. */
export const zeroSha = "0".repeat(40);

/** A fresh commit SHA. */
export function randomSha(): string {
  return randomBytes(20).toString("hex");
}

/** A SHA derived from a name, always the same, if a test sets none. */
export function shaOf(name: string): string {
  return createHash("sha1").update(name).digest("hex");
}

/** A numeric id derived from a kind and a name, always the same. Case does not matter, as on GitHub. */
export function idOf(kind: string, name: string): number {
  return (
    (createHash("sha1").update(`${kind}:${name.toLowerCase()}`).digest().readUInt32BE(0) % 1_900_000_000) + 1_000_000
  );
}

/** The opaque node id for a kind and id, in the format that GitHub used when the examples were published. */
export function nodeIdOf(kind: string, id: number): string {
  return Buffer.from(`${String(kind.length).padStart(3, "0")}:${kind}${id}`).toString("base64");
}

/** Splits `owner/name`. Throws if the text has another form. */
export function splitFullName(fullName: string): { owner: string; name: string } {
  const match = /^([A-Za-z0-9][A-Za-z0-9-]*)\/([A-Za-z0-9._-]+)$/.exec(fullName);
  if (!match?.[1] || !match[2]) throw new Error(`"${fullName}" is no repository's full name: expected owner/name`);
  return { owner: match[1], name: match[2] };
}

/** Who did something on GitHub. */
export interface Account {
  login: string;
  type: "User" | "Bot" | "Organization";
}

/** The login of the pusher, if a test names none. */
export const defaultPusher = "5dlabs-rex[bot]";

/** The account behind a login: `slug[bot]` is an App's bot, everything else a user. */
export function accountOf(login: string): Account {
  return { login, type: login.endsWith("[bot]") ? "Bot" : "User" };
}
