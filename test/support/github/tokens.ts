import { randomBytes } from "node:crypto";
import { badCredentials, GitHubError } from "./answers.ts";
import { type Apps, type Installation, reaches } from "./apps.ts";
import type { Clock } from "./clock.ts";
import { idOf, splitFullName } from "./identity.ts";
import { covers, isLevel, type Permissions } from "./permissions.ts";

/** An installation access token and what it is good for. */
export interface Token {
  /** Short name, safe to print: what the request log calls it. */
  id: string;
  token: string;
  appId: number;
  installationId: number;
  permissions: Permissions;
  /** Full names of the repositories that it reaches. */
  repositories: string[];
  /** Whether the request that made it named repositories. */
  narrowed: boolean;
  createdAt: string;
  expiresAt: string;
}

/** What a request for a token may ask for; everything the installation has when left out. */
export interface TokenRequest {
  /** Repository names, without their owner. */
  repositories?: unknown;
  repository_ids?: unknown;
  permissions?: unknown;
}

/** GitHub's limit on the repositories that one request may name. */
const mostRepositories = 500;

/** Installation access tokens: issued, recognised, expired. */
export class Tokens {
  issued: Token[] = [];
  /** How long a new token is valid. Default: GitHub's hour. */
  lifetimeSeconds = 3600;
  private readonly apps: Apps;
  private readonly clock: Clock;

  constructor(apps: Apps, clock: Clock) {
    this.apps = apps;
    this.clock = clock;
  }

  /** Throws GitHub's 422 for a repository or permission that the installation lacks, 403 when it is suspended. */
  issue(installation: Installation, request: TokenRequest): Token {
    if (installation.suspended) throw suspended();
    const repositories = selectRepositories(installation, request);
    const permissions = selectPermissions(installation, request.permissions);
    const now = this.clock.now();
    const token: Token = {
      id: `token-${this.issued.length + 1}`,
      token: `ghs_${randomBytes(27).toString("base64url").replaceAll(/[-_]/g, "0").slice(0, 36)}`,
      appId: installation.appId,
      installationId: installation.id,
      permissions,
      repositories: repositories ?? [...installation.repositories],
      narrowed: repositories !== undefined,
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + this.lifetimeSeconds * 1000).toISOString(),
    };
    this.issued.push(token);
    return token;
  }

  /** The token that a request carries, or undefined when it carries none. Throws 401 for one that is no good (any more). */
  authenticate(authorization: string | undefined): Token | undefined {
    if (authorization === undefined) return undefined;
    const value = /^(?:bearer|token) +(\S+)$/i.exec(authorization)?.[1];
    const token = this.issued.find((known) => known.token === value);
    if (!token || Date.parse(token.expiresAt) <= this.clock.now()) throw badCredentials();
    const installation = this.apps.installation(token.installationId);
    if (!installation) throw badCredentials();
    if (installation.suspended) throw suspended();
    return token;
  }

  /** Whether the token reaches a repository: it was made for it, and the installation still has it. */
  reaches(token: Token, fullName: string): boolean {
    const installation = this.apps.installation(token.installationId);
    const named = token.repositories.some((name) => name.toLowerCase() === fullName.toLowerCase());
    return named && installation !== undefined && reaches(installation, fullName);
  }
}

function selectRepositories(installation: Installation, request: TokenRequest): string[] | undefined {
  const { repositories: names, repository_ids: ids } = request;
  if (names === undefined && ids === undefined) return undefined;
  const wanted = [...list(names), ...list(ids)];
  if (wanted.length > mostRepositories) throw new GitHubError(422, "Too many repositories provided in the request.");
  const found = wanted.map((want) =>
    installation.repositories.find((fullName) =>
      typeof want === "number"
        ? idOf("Repository", fullName) === want
        : splitFullName(fullName).name.toLowerCase() === String(want).toLowerCase(),
    ),
  );
  if (found.includes(undefined))
    throw new GitHubError(
      422,
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    );
  return [...new Set(found as string[])];
}

function selectPermissions(installation: Installation, wanted: unknown): Permissions {
  if (wanted === undefined || wanted === null) return { ...installation.permissions };
  const valid = typeof wanted === "object" && !Array.isArray(wanted) && Object.values(wanted).every(isLevel);
  if (!valid || !covers(installation.permissions, wanted as Permissions))
    throw new GitHubError(422, "The permissions requested are not granted to this installation.");
  return { metadata: "read", ...(wanted as Permissions) };
}

function list(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new GitHubError(422, "Invalid request.\n\nExpected an array of repositories.");
  return value;
}

function suspended(): GitHubError {
  return new GitHubError(403, "This installation has been suspended");
}
