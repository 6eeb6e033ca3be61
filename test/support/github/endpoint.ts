import type { Answer, JsonObject } from "./answers.ts";
import type { App, Apps } from "./apps.ts";
import type { Clock } from "./clock.ts";
import type { Hooks } from "./hooks.ts";
import type { Permissions } from "./permissions.ts";
import type { Repositories, Repository } from "./repositories.ts";
import type { Token, Tokens } from "./tokens.ts";

/** One request to an endpoint, taken apart. */
export interface Call {
  /** Parameters of the path, percent-decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** The JSON object that was sent; empty when there was none. */
  body: JsonObject;
  /** Where this GitHub is reached, without a slash at the end: what the URLs in answers begin with. */
  base: string;
  /** The path as Link headers name it: with the repository's id in place of its name. */
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
  /** As GitHub's OpenAPI description writes it. A last parameter named `ref` takes the rest of the path. */
  path: string;
  /** The endpoint's page, named in its errors. */
  docs: string;
  /** Every status that it answers with by itself, whatever the client sends. */
  statuses: readonly number[];
}

/** An endpoint for an App that proves itself with a JSON web token. */
export interface AppEndpoint extends Described {
  for: "app";
  handle(call: Call, world: World, app: App): Answer;
}

/** An endpoint for installation tokens under /repos/{owner}/{repo}. */
export interface RepositoryEndpoint extends Described {
  for: "repository";
  /** Sets of permissions, of which GitHub says that one is enough. */
  accepted: readonly Permissions[];
  /** Sets that really are enough here, where that differs. */
  sufficient?: readonly Permissions[];
  handle(call: Call, world: World, repository: Repository, token: Token): Answer;
}

/** An endpoint for installation tokens under /orgs/{org}. */
export interface OrganizationEndpoint extends Described {
  for: "organization";
  /** Sets of permissions, of which one is enough. */
  accepted: readonly Permissions[];
  /** `organization`: its login, as the installation on it spells it. */
  handle(call: Call, world: World, organization: string): Answer;
}

export type Endpoint = AppEndpoint | RepositoryEndpoint | OrganizationEndpoint;
