import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Apps } from "./apps.ts";
import { GitHubDoubleClient } from "./client.ts";
import { Clock } from "./clock.ts";
import { type Controlled, control, isControl } from "./control.ts";
import { Credentials } from "./credentials.ts";
import type { World } from "./endpoint.ts";
import { Faults, usualBody } from "./faults.ts";
import { Hooks } from "./hooks.ts";
import { RateLimit } from "./rateLimit.ts";
import { Repositories } from "./repositories.ts";
import { type LoggedRequest, RequestLog } from "./requestLog.ts";
import { type Request, type Routed, route } from "./router.ts";
import { loadState, saveState } from "./stateFile.ts";
import { Tokens } from "./tokens.ts";

export interface GitHubDoubleOptions {
  /** Address to listen on. Default: 127.0.0.1. */
  host?: string;
  /** Default: 0, which picks a free port. */
  port?: number;
  /** File that keeps the state while the double is stopped. Default: none. */
  stateFile?: string;
  /** Called with every answer before it is sent, for example to check it against GitHub's description. */
  onAnswer?: (routed: Routed) => void;
}

/** A running double. */
export interface GitHubDouble {
  /** Base URL of the API, without a slash at the end. */
  url: string;
  /** Controls this double. */
  client: GitHubDoubleClient;
  /** Stops it and closes all connections, even hanging ones. */
  close(): Promise<void>;
}

/** GitHub's largest webhook payload is 25 MB. Requests to the API are much smaller. */
const largestBody = 25 * 1024 * 1024;

/** Starts a double of GitHub's REST API. Rejects if it cannot listen at that address. */
export async function startGitHubDouble(options: GitHubDoubleOptions = {}): Promise<GitHubDouble> {
  const clock = new Clock();
  const apps = new Apps(clock);
  const world: World = {
    clock,
    apps,
    tokens: new Tokens(apps, clock),
    repositories: new Repositories(clock),
    hooks: new Hooks(apps, clock),
  };
  const controlled: Controlled = {
    world,
    faults: new Faults(),
    log: new RequestLog(),
    credentials: new Credentials(),
    rateLimit: new RateLimit(),
  };
  if (options.stateFile) loadState(options.stateFile, world);

  const server = createServer((incoming, response) => {
    serve(controlled, options, incoming, response).catch((error: Error) => {
      process.stderr.write(`GitHub double: ${incoming.method} ${incoming.url}: ${error.stack}\n`);
      if (!response.headersSent) send(response, 500, {}, { message: `The double failed: ${error.message}` });
    });
  });
  // By default Node.js closes an idle connection after five seconds. A client that reuses it at that moment would fail.
  server.keepAliveTimeout = 0;
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    url,
    client: new GitHubDoubleClient(url),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  controlled: Controlled,
  options: GitHubDoubleOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await read(incoming);
  const { method = "GET", url: target = "/", headers } = incoming;
  const base = `http://${headers.host ?? "localhost"}`;
  const save = (): void => {
    if (options.stateFile && method !== "GET") saveState(options.stateFile, controlled.world);
  };
  if (isControl(target)) {
    try {
      const result = control(controlled, method, target, body === "" ? {} : JSON.parse(body));
      save();
      send(response, 200, {}, result);
    } catch (error) {
      send(response, 400, {}, { message: (error as Error).message });
    }
    return;
  }
  const { world, log, credentials } = controlled;
  const time = new Date(world.clock.now()).toISOString();
  credentials.see(headers.authorization, time);
  const entry = log.open({
    time,
    method,
    path: target,
    userAgent: headers["user-agent"] ?? null,
    body: parsed(body),
  });
  await answer(controlled, options, { method, target, headers, body, base }, response, entry);
  save();
}

async function answer(
  { world, faults, rateLimit }: Controlled,
  options: GitHubDoubleOptions,
  request: Request,
  response: ServerResponse,
  entry: LoggedRequest,
): Promise<void> {
  const perform = async (): Promise<Routed> => {
    const routed = await route(request, world);
    entry.tokenId = routed.token?.id ?? null;
    options.onAnswer?.(routed);
    return routed;
  };
  const respond = (status: number, headers: Record<string, string>, body: unknown): void => {
    entry.status = status;
    entry.answered = new Date(world.clock.now()).toISOString();
    const limits = rateLimit.headers(entry.tokenId ?? "app", world.clock.seconds());
    send(response, status, { ...usualHeaders(world, request), ...limits, ...headers }, body);
  };
  const fault = faults.strike(request.method, request.target);
  entry.faultId = fault?.id ?? null;
  if (fault?.delayMs) await sleep(fault.delayMs);
  if (fault?.perform) await perform();
  if (fault?.action === "hang") return;
  if (fault?.action === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  if (fault?.status !== undefined) {
    respond(fault.status, fault.headers ?? {}, fault.body ?? usualBody(fault.status));
    return;
  }
  const { answer } = await perform();
  if (fault?.action !== "broken-json") {
    respond(answer.status, answer.headers ?? {}, answer.body);
    return;
  }
  const whole = JSON.stringify(answer.body ?? {});
  const half = whole.slice(0, Math.ceil(whole.length / 2));
  respond(answer.status, { ...answer.headers, "content-type": "application/json; charset=utf-8" }, half);
}

/** The headers that GitHub sends with every answer. */
function usualHeaders(world: World, request: Request): Record<string, string> {
  return {
    server: "github.com",
    // Clients correct their clock by this header, so it shows GitHub's time and not this machine's.
    date: new Date(world.clock.now()).toUTCString(),
    "cache-control": "private, max-age=60, s-maxage=60",
    "x-github-media-type": "github.v3; format=json",
    "x-github-api-version-selected": String(request.headers["x-github-api-version"] ?? "2022-11-28"),
    "x-github-request-id": randomUUID().toUpperCase(),
    "x-content-type-options": "nosniff",
  };
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  const isText = typeof body === "string";
  const content = body === undefined ? "" : isText ? body : JSON.stringify(body);
  const type: Record<string, string> =
    body === undefined ? {} : { "content-type": isText ? "text/html" : "application/json; charset=utf-8" };
  const length: Record<string, string> = status === 204 ? {} : { "content-length": String(Buffer.byteLength(content)) };
  response.writeHead(status, { ...type, ...length, ...headers });
  response.end(content);
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > largestBody) throw new Error("the request's body is too large");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(body: string): unknown {
  if (body === "") return null;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
