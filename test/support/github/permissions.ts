import { GitHubError } from "./answers.ts";

export type Level = "read" | "write" | "admin";

/** Permissions of an App, an installation or a token, as GitHub names them (`contents`, `pull_requests`, …). */
export type Permissions = Record<string, Level>;

const rank: Record<Level, number> = { read: 1, write: 2, admin: 3 };

/** Whether GitHub knows this level. */
export function isLevel(level: unknown): level is Level {
  return typeof level === "string" && Object.hasOwn(rank, level);
}

/** Whether all the wanted permissions are granted, at that level or a higher one. */
export function covers(granted: Permissions, wanted: Permissions): boolean {
  return Object.entries(wanted).every(([name, level]) => {
    const has = granted[name];
    return has !== undefined && rank[has] >= rank[level];
  });
}

/**
 * The value of X-Accepted-GitHub-Permissions: sets separated by semicolons, any one of which is enough.
 * https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible
 */
export function acceptedPermissions(alternatives: readonly Permissions[]): string {
  return alternatives
    .map((set) =>
      Object.entries(set)
        .map(([name, level]) => `${name}=${level}`)
        .join(","),
    )
    .join("; ");
}

/** Throws GitHub's refusal if a token has none of the sets. */
export function requireOneOf(granted: Permissions, sufficient: readonly Permissions[]): void {
  if (sufficient.some((set) => covers(granted, set))) return;
  throw new GitHubError(403, "Resource not accessible by integration");
}
