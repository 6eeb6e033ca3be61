import type { IncomingHttpHeaders } from "node:http";
import { type Answer, badRequest, GitHubError, type JsonObject, notFound } from "./answers.ts";
import { authenticateApp } from "./appAuthentication.ts";
import type { Call, Endpoint, OrganizationEndpoint, RepositoryEndpoint, World } from "./endpoint.ts";
import { endpoints } from "./endpoints/all.ts";
import { acceptedPermissions, requireOneOf } from "./permissions.ts";
import type { Repository } from "./repositories.ts";
import type { Token } from "./tokens.ts";

/** An incoming request. */
export interface Request {
  method: string;
  /** Path with query, as sent. */
  target: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The server's address as the client used it, e.g. `http://127.0.0.1:8080`. */
  base: string;
}

/** The answer, and the endpoint that gave it. */
export interface Routed {
  answer: Answer;
  /** Undefined if the path is not an endpoint. */
  endpoint?: Endpoint;
  /** The valid token of the request, if it had one. */
  token?: Token;
}

/** API versions, by date. */
const apiVersions = ["2022-11-28", "2026-03-10"];
const generalDocs = "https://docs.github.com/rest";

/** Answers a request as GitHub does: checks the headers, the sender and its permissions, and then handles the request. */
export async function route(request: Request, world: World): Promise<Routed> {
  const [rawPath = "", rawQuery = ""] = request.target.split("?", 2);
  const routed: Routed = { answer: { status: 500 } };
  try {
    checkHeaders(request.headers);
    const path = byName(rawPath, world);
    const match = find(request.method, path);
    if (!match) throw notFound();
    routed.endpoint = match.endpoint;
    const call: Call = {
      params: match.params,
      query: new URLSearchParams(rawQuery),
      body: request.method === "POST" || request.method === "PATCH" ? parseBody(request.body) : {},
      base: request.base,
      canonicalPath: byId(path, match.params, world),
    };
    routed.answer = await answer(match.endpoint, call, request.headers.authorization, world, routed);
    // A redirect is not the endpoint's own answer.
    if (isRedirect(routed.answer)) delete routed.endpoint;
  } catch (error) {
    if (!(error instanceof GitHubError)) throw error;
    routed.answer = error.answer(routed.endpoint?.docs ?? generalDocs);
  }
  if (routed.endpoint && "accepted" in routed.endpoint && routed.token)
    routed.answer.headers = {
      "x-accepted-github-permissions": acceptedPermissions(routed.endpoint.accepted),
      ...routed.answer.headers,
    };
  return routed;
}

async function answer(
  endpoint: Endpoint,
  call: Call,
  authorization: string | undefined,
  world: World,
  routed: Routed,
): Promise<Answer> {
  if (endpoint.for === "app") {
    const app = await authenticateApp(authorization, world.apps, world.clock.seconds());
    const renamed = renamedOf(call, world);
    return renamed && world.apps.installationFor(app, renamed.fullName)
      ? redirectTo(renamed, endpoint, call)
      : endpoint.handle(call, world, app);
  }
  const token = world.tokens.authenticate(authorization);
  if (token) routed.token = token;
  if (endpoint.for === "repository") return answerForRepository(endpoint, call, token, world);
  if (!token) throw new GitHubError(401, "Requires authentication");
  return answerForOrganization(endpoint, call, token, world);
}

function answerForOrganization(endpoint: OrganizationEndpoint, call: Call, token: Token, world: World): Answer {
  const account = world.apps.installation(token.installationId)?.account ?? "";
  if (account.toLowerCase() !== call.params.org?.toLowerCase()) throw notFound();
  requireOneOf(token.permissions, endpoint.accepted);
  return endpoint.handle(call, world, account);
}

function answerForRepository(endpoint: RepositoryEndpoint, call: Call, token: Token | undefined, world: World): Answer {
  const renamed = renamedOf(call, world);
  if (renamed && token && world.tokens.reaches(token, renamed.fullName)) return redirectTo(renamed, endpoint, call);
  const repository = world.repositories.find(`${call.params.owner}/${call.params.repo}`);
  // If the client may not see a private repository, GitHub answers as if it did not exist.
  if (!repository || !token || !world.tokens.reaches(token, repository.fullName)) throw notFound();
  requireOneOf(token.permissions, endpoint.sufficient ?? endpoint.accepted);
  return endpoint.handle(call, world, repository, token);
}

function renamedOf({ params: { owner, repo } }: Call, world: World): Repository | undefined {
  return owner && repo ? world.repositories.byFormerName(`${owner}/${repo}`) : undefined;
}

/** https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects */
function redirectTo({ id }: Repository, { method }: Endpoint, { base, canonicalPath, query }: Call): Answer {
  const path = canonicalPath.replace(/^\/repos\/[^/]+\/[^/]+/, `/repositories/${id}`);
  const location = `${base}${path}${query.size > 0 ? `?${query}` : ""}`;
  return {
    status: method === "GET" ? 301 : 307,
    headers: { location },
    body: {
      message: method === "GET" ? "Moved Permanently" : "Temporary Redirect",
      url: location,
      documentation_url:
        "https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects",
    },
  };
}

function isRedirect({ status }: Answer): boolean {
  return status === 301 || status === 307;
}

function checkHeaders(headers: IncomingHttpHeaders): void {
  if (!headers["user-agent"])
    throw new GitHubError(
      403,
      "Request forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check https://developer.github.com for other possible causes.",
    );
  const version = headers["x-github-api-version"];
  if (version !== undefined && !apiVersions.includes(String(version))) {
    const supported = [...apiVersions]
      .reverse()
      .map((name, index) => `"${name}"${index === 0 ? " (most recent)" : ""}`);
    throw new GitHubError(
      400,
      `The version you specified in the "X-GitHub-API-Version" request header, "${version}", is not a supported version. The following versions are currently supported: ${supported.join(", ")}.`,
    );
  }
}

/** The endpoint for a method and path, and the percent-decoded parameters of the path. */
export function find(method: string, path: string): { endpoint: Endpoint; params: Record<string, string> } | undefined {
  const parts = path.split("/");
  for (const endpoint of endpoints) {
    if (endpoint.method !== method) continue;
    const template = endpoint.path.split("/");
    const takesRest = template.at(-1) === "{ref}";
    if (takesRest ? parts.length < template.length : parts.length !== template.length) continue;
    const given = takesRest
      ? [...parts.slice(0, template.length - 1), parts.slice(template.length - 1).join("/")]
      : parts;
    const names = template.map((part) => /^\{(\w+)\}$/.exec(part)?.[1]);
    if (!names.every((name, index) => (name ? given[index] !== "" : template[index] === given[index]))) continue;
    const params: Record<string, string> = {};
    for (const [index, name] of names.entries()) if (name) params[name] = percentDecode(given[index] as string);
    return { endpoint, params };
  }
  return undefined;
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest();
  }
}

function parseBody(text: string): JsonObject {
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new GitHubError(400, "Problems parsing JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new GitHubError(400, "Body should be a JSON object");
  return value as JsonObject;
}

/** Turns /repositories/ID/…, which GitHub's own links use, into /repos/OWNER/NAME/…. */
function byName(path: string, world: World): string {
  const [, id, rest] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
  const repository = id ? world.repositories.byId(Number(id)) : undefined;
  return repository ? `/repos/${repository.fullName}${rest ?? ""}` : path;
}

function byId(path: string, params: Record<string, string>, world: World): string {
  const repository = params.owner && world.repositories.find(`${params.owner}/${params.repo}`);
  return repository ? path.replace(/^\/repos\/[^/]+\/[^/]+/, `/repositories/${repository.id}`) : path;
}
