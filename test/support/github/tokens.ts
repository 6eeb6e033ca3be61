import { randomBytes } from "node:crypto";
import { badCredentials, GitHubError } from "./answers.ts";
import { type Apps, type Installation, reaches } from "./apps.ts";
import type { Clock } from "./clock.ts";
import { idOf, splitFullName } from "./identity.ts";
import { covers, isLevel, type Permissions } from "./permissions.ts";

/** An installation access token and what it allows. */
export interface Token {
  /** Short name for the request log, safe to print. */
  id: string;
  token: string;
  appId: number;
  installationId: number;
  permissions: Permissions;
  /** Full names of the repositories that it can access. */
  repositories: string[];
  /** Whether the request for it named repositories. */
  narrowed: boolean;
  createdAt: string;
  expiresAt: string;
}

/** What a request for a token may contain. For an omitted field, the token gets everything that the installation has. */
export interface TokenRequest {
  /** Repository names, without their owner. */
  repositories?: unknown;
  repository_ids?: unknown;
  permissions?: unknown;
}

/** GitHub's limit on the number of repositories that one request may name. */
const mostRepositories = 500;

/** Issues installation access tokens, recognises them and lets them expire. */
export class Tokens {
  issued: Token[] = [];
  /** How long a new token is valid, in seconds. Default: 3600, as on GitHub. */
  lifetimeSeconds = 3600;
  private readonly apps: Apps;
  private readonly clock: Clock;

  constructor(apps: Apps, clock: Clock) {
    this.apps = apps;
    this.clock = clock;
  }

  /** Throws GitHub's 422 if the installation lacks a wanted repository or permission, and 403 if it is suspended. */
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

  /** The token of a request, or undefined if the request has none. Throws 401 if the token is invalid or has expired. */
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

  /** Whether the token can access a repository: the token was issued for it, and the installation still has it. */
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
