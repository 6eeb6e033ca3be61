import type { Answer, JsonObject } from "./answers.ts";
import type { App, Apps } from "./apps.ts";
import type { Clock } from "./clock.ts";
import type { Hooks } from "./hooks.ts";
import type { Permissions } from "./permissions.ts";
import type { Repositories, Repository } from "./repositories.ts";
import type { Token, Tokens } from "./tokens.ts";

/** One parsed request to an endpoint. */
export interface Call {
  /** Parameters of the path, percent-decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** The JSON object that was sent; empty if there was none. */
  body: JsonObject;
  /** The base URL of this GitHub, without a slash at the end. URLs in answers begin with it. */
  base: string;
  /** The path as it appears in Link headers, with the repository's id instead of its name. */
  canonicalPath: string;
}

/** Everything that GitHub knows. */
export interface World {
  clock: Clock;
  apps: Apps;
  tokens: Tokens;
  repositories: Repositories;
  hooks: Hooks;
}

interface Described {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** The path as in GitHub's OpenAPI description. A last parameter named `ref` stands for the rest of the path. */
  path: string;
  /** The endpoint's documentation page, named in its errors. */
  docs: string;
  /** Every status of its answers, except those of faults. */
  statuses: readonly number[];
}

/** An endpoint for an App that authenticates with a JSON web token. */
export interface AppEndpoint extends Described {
  for: "app";
  handle(call: Call, world: World, app: App): Answer;
}

/** An endpoint for installation tokens under /repos/{owner}/{repo}. */
export interface RepositoryEndpoint extends Described {
  for: "repository";
  /** Sets of permissions. According to GitHub, each of them is enough. */
  accepted: readonly Permissions[];
  /** The sets that are really enough, if others. */
  sufficient?: readonly Permissions[];
  handle(call: Call, world: World, repository: Repository, token: Token): Answer;
}

/** An endpoint for installation tokens under /orgs/{org}. */
export interface OrganizationEndpoint extends Described {
  for: "organization";
  /** Sets of permissions. Each of them is enough. */
  accepted: readonly Permissions[];
  /** `organization`: its login, spelled as in the installation. */
  handle(call: Call, world: World, organization: string): Answer;
}

export type Endpoint = AppEndpoint | RepositoryEndpoint | OrganizationEndpoint;
