import { createHash, randomBytes } from "node:crypto";

/** The SHA that stands for "no commit" in a push: the branch was created (before) or deleted (after). */
export const zeroSha = "0".repeat(40);

/** A fresh commit SHA. */
export function randomSha(): string {
  return randomBytes(20).toString("hex");
}

/** The SHA that always belongs to a name, where a test gives none. */
export function shaOf(name: string): string {
  return createHash("sha1").update(name).digest("hex");
}

/** The numeric id that always belongs to a name of a kind. Names ignore case, as GitHub's do. */
export function idOf(kind: string, name: string): number {
  return (
    (createHash("sha1").update(`${kind}:${name.toLowerCase()}`).digest().readUInt32BE(0) % 1_900_000_000) + 1_000_000
  );
}

/** The opaque node id for a kind and id, in the shape that GitHub used when the published examples were made. */
export function nodeIdOf(kind: string, id: number): string {
  return Buffer.from(`${String(kind.length).padStart(3, "0")}:${kind}${id}`).toString("base64");
}

/** `owner/name`, taken apart. Throws when it has another form. */
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

/** Login of who pushes, where a test names nobody. */
export const defaultPusher = "5dlabs-rex[bot]";

/** The account behind a login: `slug[bot]` is an App's bot, everything else a user. */
export function accountOf(login: string): Account {
  return { login, type: login.endsWith("[bot]") ? "Bot" : "User" };
}
