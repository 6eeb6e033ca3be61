import { deepEqual, equal } from "node:assert/strict";
import type { Endpoint } from "../../support/github/endpoint.ts";
import { endpoints } from "../../support/github/endpoints/all.ts";
import type { AppDefinition } from "../../support/github/index.ts";
import { OpenApiCheck, operation } from "../../support/github/openapi.ts";
import { find } from "../../support/github/router.ts";
import { appId, Fixture, installationId, jwt, permissions, type Reply, repository } from "./fixture.ts";

/** What all endpoints together need. */
const installed: Partial<AppDefinition> = {
  permissions: { ...permissions, repository_hooks: "write", organization_hooks: "write" },
  repositories: [repository, "Acme/Other", "Acme/Empty"],
};

/** A body that succeeds, for the endpoints that need one. */
const goodBodies: Record<string, unknown> = {
  "POST /repos/{owner}/{repo}/issues/{issue_number}/comments": { body: "hello" },
  "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}": { body: "hello again" },
  "POST /app/installations/{installation_id}/access_tokens": { repositories: ["shop"] },
  "PATCH /app/hook/config": { content_type: "json" },
  "POST /repos/{owner}/{repo}/hooks": { config: { url: "https://hooks.example.com/other" } },
  "PATCH /repos/{owner}/{repo}/hooks/{hook_id}": { active: true },
  "POST /orgs/{org}/hooks": { name: "web", config: { url: "https://hooks.example.com/other" } },
  "PATCH /orgs/{org}/hooks/{hook_id}": { active: true },
};

/** A malformed query, for the endpoints without a body. */
const malformed: Record<string, string> = {
  "GET /app/hook/deliveries": "?cursor=none",
  "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries": "?cursor=none",
  "GET /orgs/{org}/hooks/{hook_id}/deliveries": "?cursor=none",
};

/** A query or a body that cannot be processed. */
const unprocessable: Record<string, { query?: string; body?: unknown }> = {
  "GET /app/hook/deliveries": { query: "?status=none" },
  "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries": { query: "?status=none" },
  "GET /orgs/{org}/hooks/{hook_id}/deliveries": { query: "?status=none" },
  "PATCH /app/hook/config": { body: { url: "nowhere" } },
  "POST /repos/{owner}/{repo}/hooks": {
    body: { config: { url: "https://hooks.example.com/push", content_type: "json" } },
  },
  "PATCH /repos/{owner}/{repo}/hooks/{hook_id}": { body: { events: [] } },
  "POST /orgs/{org}/hooks": { body: { config: { url: "https://hooks.example.com/push" } } },
  "PATCH /orgs/{org}/hooks/{hook_id}": { body: { config: { url: "nowhere" } } },
  "GET /repos/{owner}/{repo}/pulls": { query: "?state=none" },
  "POST /repos/{owner}/{repo}/issues/{issue_number}/comments": { body: { body: "" } },
  "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}": { body: {} },
  "POST /app/installations/{installation_id}/access_tokens": { body: { permissions: { administration: "write" } } },
};

/** Statuses that GitHub describes without saying when it sends them. The double sends them only as faults. */
const unexplained: Record<string, number[]> = {
  "GET /repos/{owner}/{repo}/activity": [422],
  "GET /app/hook/deliveries/{delivery_id}": [400, 422],
  "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}": [400, 422],
  "GET /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}": [400, 422],
};

describe("GitHub double: GitHub's OpenAPI description", () => {
  let fixture: Fixture;
  let commentId: number;
  /** One delivery from today and one from last week for each hook: the App's, the repository's and the organisation's. */
  const deliveries = {
    app: { recent: 0, old: 0 },
    repository: { recent: 0, old: 0 },
    organization: { recent: 0, old: 0 },
  };
  let organizationHook: number;
  before(async () => {
    fixture = await Fixture.open();
    await fixture.install(installed);
    await fixture.double.client.putRepository("Acme/Empty", { branches: { main: null } });
    await fixture.double.client.putRepository(repository, {
      branches: { "task-3": "a".repeat(40) },
      pulls: [
        { number: 5, headRef: "task-3", labels: ["ready-for-qa", "task-3"] },
        { number: 6, headRef: "task-3", headRepo: "Mallory/Shop", state: "closed" },
        { number: 7, headRef: "gone", headRepo: null },
      ],
    });
    const created = await fixture.post(`/repos/${repository}/issues/5/comments`, {
      authorization: `Bearer ${await fixture.token()}`,
      body: { body: "first" },
    });
    commentId = (created.json() as { id: number }).id;
    const { client } = fixture.double;
    await client.putAppHook(appId, { url: "https://hooks.example.com/push" });
    await client.putRepositoryHook(repository, { id: 7, url: "https://hooks.example.com/push" });
    const note = async (hook: "app" | number, daysAgo: number) => {
      const deliveredAt = Math.floor(Date.now() / 1000) - daysAgo * 24 * 3600;
      return (await client.noteDelivery({ hook, statusCode: 502, repository, deliveredAt })).id;
    };
    deliveries.app = { recent: await note("app", 0), old: await note("app", 7) };
    deliveries.repository = { recent: await note(7, 0), old: await note(7, 7) };
    const made = await fixture.post("/orgs/Acme/hooks", {
      authorization: `Bearer ${await fixture.token()}`,
      body: { name: "web", config: { url: "https://hooks.example.com/push" } },
    });
    organizationHook = (made.json() as { id: number }).id;
    deliveries.organization = { recent: await note(organizationHook, 0), old: await note(organizationHook, 7) };
  });
  after(() => fixture.close());
  afterEach(() => deepEqual(fixture.problems, []));

  const keyOf = ({ method, path }: Endpoint) => `${method} ${path}`;

  function pathOf(endpoint: Endpoint, fullName = repository, age: "recent" | "old" = "recent"): string {
    const { [age]: deliveryId } = deliveries[endpoint.for];
    return endpoint.path
      .replace("{owner}/{repo}", fullName)
      .replace("{installation_id}", String(installationId))
      .replace("{ref}", "heads/task-3")
      .replace(/\{(pull|issue)_number\}/, "5")
      .replace("{name}", "ready-for-qa")
      .replace("{comment_id}", String(commentId))
      .replace("{org}", fullName.split("/")[0] ?? "")
      .replace("{hook_id}", String(endpoint.for === "organization" ? organizationHook : 7))
      .replace("{delivery_id}", String(deliveryId));
  }

  async function goodAuthorization(endpoint: Endpoint): Promise<string> {
    return `Bearer ${endpoint.for === "app" ? jwt() : await fixture.token()}`;
  }

  /** Sends the endpoint a request that it answers with this status. */
  async function provoke(endpoint: Endpoint, status: number): Promise<Reply> {
    const key = keyOf(endpoint);
    const send = (path: string, authorization: string, body: unknown = goodBodies[key]) =>
      fixture.send(endpoint.method, path, { authorization, body });
    const authorization = await goodAuthorization(endpoint);
    switch (status) {
      case 400:
        return send(pathOf(endpoint) + (malformed[key] ?? ""), authorization, malformed[key] ? undefined : "{");
      case 401:
        return send(pathOf(endpoint), "Bearer x");
      case 403: {
        await fixture.install({ suspended: true });
        const reply = await send(pathOf(endpoint), authorization);
        await fixture.install(installed);
        return reply;
      }
      case 404:
        return endpoint.for === "app"
          ? send(pathOf(endpoint), `Bearer ${jwt({ iss: 99 })}`)
          : send(pathOf(endpoint, "Nobody/Nothing"), authorization);
      case 409:
        return send(pathOf(endpoint, "Acme/Empty"), authorization);
      case 422:
        return send(
          pathOf(endpoint, repository, "old") + (unprocessable[key]?.query ?? ""),
          authorization,
          unprocessable[key]?.body ?? goodBodies[key],
        );
      default:
        return send(pathOf(endpoint), authorization);
    }
  }

  for (const endpoint of endpoints) {
    for (const status of endpoint.statuses)
      it(`describes the answer ${status} of ${keyOf(endpoint)}`, async () => {
        equal(find(endpoint.method, pathOf(endpoint))?.endpoint, endpoint);
        const reply = await provoke(endpoint, status);
        equal(reply.status, status, reply.text);
      });

    it(`names the documentation of ${keyOf(endpoint)}`, () => {
      // The description links one of them to an old page of GitHub Enterprise Server.
      const url = operation(endpoint).externalDocs?.url.replace(/\/enterprise-server@[\d.]+/, "");
      equal(endpoint.docs, url);
    });

    it(`has no other status for ${keyOf(endpoint)} than those the double sends and those listed here`, () => {
      // Moved, not modified, not acceptable, gone, down: the double sends these only as faults.
      const never = [301, 304, 406, 410, 500, 503, ...(unexplained[keyOf(endpoint)] ?? [])];
      const described = Object.keys(operation(endpoint).responses).map(Number);
      deepEqual(
        described.filter((status) => !endpoint.statuses.includes(status) && !never.includes(status)),
        [],
      );
    });
  }

  describe("the check itself", () => {
    const check = new OpenApiCheck();
    const endpoint = endpoints.find(({ path }) => path === "/repos/{owner}/{repo}/labels/{name}") as Endpoint;
    const good = {
      id: 1,
      node_id: "x",
      url: "https://example.com",
      name: "ready",
      description: null,
      color: "ededed",
      default: false,
    };
    const where = "GET /repos/{owner}/{repo}/labels/{name}";
    for (const [what, answer, expected] of [
      ["passes an answer that matches the description", { status: 200, body: good }, []],
      [
        "finds a missing field",
        { status: 200, body: { ...good, name: undefined } },
        [`${where} 200: / must have required property 'name'`],
      ],
      ["finds a wrong type", { status: 200, body: { ...good, name: 1 } }, [`${where} 200: /name must be string`]],
      [
        "finds a string that is not a URL",
        { status: 200, body: { ...good, url: "x" } },
        [`${where} 200: /url must match format "uri"`],
      ],
      [
        "finds a wrong type in an error",
        { status: 404, body: { message: 1 } },
        [`${where} 404: /message must be string`],
      ],
      [
        "finds a status that the description of the endpoint does not have",
        { status: 418, body: {} },
        [`${where} 418: not among the statuses of the endpoint`],
      ],
      ["finds a missing body", { status: 200 }, [`${where} 200: / must be object`]],
    ] as const)
      it(what, () => deepEqual(check.check({ endpoint, answer }), expected));
  });
});
