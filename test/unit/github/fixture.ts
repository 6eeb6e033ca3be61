import { ok } from "node:assert/strict";
import { createSign } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import {
  type AppDefinition,
  type AppKey,
  type GitHubDouble,
  type GitHubDoubleOptions,
  generateAppKey,
  startGitHubDouble,
} from "../../support/github/index.ts";
import { OpenApiCheck } from "../../support/github/openapi.ts";

export const repository = "Acme/Shop";
export const appId = 4711;
export const installationId = 42;
/** The permissions that the remediation asks for, the least that it needs. */
export const permissions = { contents: "read", pull_requests: "write" } as const;

/** One key pair for all specs, because making one takes a while. */
export const key: AppKey = generateAppKey();

/** One check for all specs, because reading the description takes a while. */
const check = new OpenApiCheck();

/** A reply of the double, as it was sent. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The body, parsed as JSON. Throws if it is not JSON. */
  json: () => unknown;
}

export interface RequestOptions {
  /** Full value of the Authorization header. Default: none. */
  authorization?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/**
 * A double with an App installed on Acme/Shop and Acme/Other. Every answer is checked against GitHub's description. Requests add no header
 * by themselves except User-Agent.
 */
export class Fixture {
  readonly double: GitHubDouble;
  readonly problems: string[];

  private constructor(double: GitHubDouble, problems: string[]) {
    this.double = double;
    this.problems = problems;
  }

  static async open(options: GitHubDoubleOptions = {}): Promise<Fixture> {
    const problems: string[] = [];
    const double = await startGitHubDouble({
      ...options,
      onAnswer: (routed) => problems.push(...check.check(routed)),
    });
    const fixture = new Fixture(double, problems);
    await fixture.install();
    return fixture;
  }

  /** Stops the double. Throws if an answer did not match GitHub's description. */
  async close(): Promise<void> {
    await this.double.close();
    ok(this.problems.length === 0, this.problems.join("\n"));
  }

  install(more: Partial<AppDefinition> = {}) {
    return this.double.client.putApp({
      appId,
      slug: "rex-remediation",
      clientId: "Iv23liTest",
      publicKeyPem: key.publicKeyPem,
      installationId,
      permissions: { ...permissions },
      repositories: [repository, "Acme/Other"],
      ...more,
    });
  }

  /** An installation token, requested without Octokit. */
  async token(body?: unknown, installation = installationId, iss = appId): Promise<string> {
    const reply = await this.post(`/app/installations/${installation}/access_tokens`, {
      authorization: `Bearer ${jwt({ iss })}`,
      body,
    });
    return (reply.json() as { token: string }).token;
  }

  get(path: string, options: RequestOptions = {}): Promise<Reply> {
    return this.send("GET", path, options);
  }

  post(path: string, options: RequestOptions = {}): Promise<Reply> {
    return this.send("POST", path, options);
  }

  /** Sends a request; `body` is sent as JSON, or as it is if it is a string. */
  send(method: string, path: string, { authorization, headers, body }: RequestOptions = {}): Promise<Reply> {
    const content = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(this.double.url + path, {
        method,
        headers: { "user-agent": "specs", ...(authorization ? { authorization } : {}), ...headers },
        timeout: 5000,
      });
      outgoing.on("error", reject);
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer within 5 s")));
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: () => JSON.parse(text) });
        });
      });
      outgoing.end(content);
    });
  }
}

/** Every answer that the shared check has seen, from all doubles of the specs. */
export function checked(): ReadonlySet<string> {
  return check.seen;
}

/** An App's JSON web token, made without a library; a claim that is undefined is left out. */
export function jwt(claims: Record<string, unknown> = {}, { alg = "RS256", privateKeyPem = key.privateKeyPem } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg, typ: "JWT" })}.${encode({ iat: now - 60, exp: now + 540, iss: appId, ...claims })}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKeyPem, "base64url")}`;
}

/** GitHub's error body. */
export function errorBody(status: number, message: string, docs: string, more: Record<string, unknown> = {}) {
  return { message, ...more, documentation_url: `https://docs.github.com/rest${docs}`, status: String(status) };
}
