import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { JsonObject } from "../../support/github/answers.ts";
import { errorBody, Fixture, installationId, jwt, repository } from "./fixture.ts";

const path = `/app/installations/${installationId}/access_tokens`;
const docs = "/apps/apps#create-an-installation-access-token-for-an-app";
const label = `/repos/${repository}/issues/5/labels`;

describe("GitHub double: installation tokens", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await Fixture.open();
    await fixture.double.client.putRepository(repository, {
      branches: { "task-3": "a".repeat(40) },
      pulls: [{ number: 5, headRef: "task-3", labels: ["ready-for-qa"] }],
    });
  });
  after(() => fixture.close());

  const create = (body?: unknown, jsonWebToken = jwt()) =>
    fixture.post(path, { authorization: `Bearer ${jsonWebToken}`, body });
  const get = (token: string, where = `/repos/${repository}`) =>
    fixture.get(where, { authorization: `Bearer ${token}` });

  it("cover everything the installation has by default", async () => {
    const reply = await create();
    equal(reply.status, 201);
    const { token, expires_at, ...rest } = reply.json() as JsonObject;
    match(String(token), /^ghs_[A-Za-z0-9]{36}$/);
    const lifetime = (Date.parse(String(expires_at)) - Date.now()) / 1000;
    ok(lifetime > 3590 && lifetime <= 3600, `lives ${lifetime} s`);
    deepEqual(rest, {
      permissions: { metadata: "read", contents: "read", pull_requests: "write" },
      repository_selection: "selected",
    });
    equal((await get(String(token), "/repos/acme/other")).status, 200);
  });

  it("are narrowed to repositories by name and by id, in any case, and to permissions", async () => {
    const byName = (await create({ repositories: ["shop"], permissions: { contents: "read" } })).json() as JsonObject;
    deepEqual(byName.permissions, { metadata: "read", contents: "read" });
    const [shop] = byName.repositories as { id: number; full_name: string }[];
    equal(shop?.full_name, repository);
    const byId = (await create({ repository_ids: [shop?.id] })).json() as { repositories: { full_name: string }[] };
    deepEqual(
      byId.repositories.map(({ full_name }) => full_name),
      [repository],
    );
  });

  for (const [what, body, message] of [
    [
      "a permission that the installation lacks",
      { permissions: { issues: "write" } },
      "The permissions requested are not granted to this installation.",
    ],
    [
      "a higher level than the installation has",
      { permissions: { contents: "write" } },
      "The permissions requested are not granted to this installation.",
    ],
    [
      "an unknown level",
      { permissions: { contents: "all" } },
      "The permissions requested are not granted to this installation.",
    ],
    [
      "a repository that the installation lacks",
      { repositories: ["shop", "secret"] },
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    ],
    [
      "a repository by its full name",
      { repositories: [repository] },
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    ],
    [
      "a repository id that the installation lacks",
      { repository_ids: [1] },
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    ],
  ] as const)
    it(`are refused for ${what}`, async () => {
      const reply = await create(body);
      deepEqual([reply.status, reply.json()], [422, errorBody(422, message, docs)]);
    });

  it("are refused for another App's installation and for an unknown one", async () => {
    await fixture.install({ appId: 5000, installationId: 43, clientId: "Iv23liOther", slug: "other" });
    for (const id of [43, 999]) {
      const reply = await fixture.post(`/app/installations/${id}/access_tokens`, { authorization: `Bearer ${jwt()}` });
      deepEqual([reply.status, reply.json()], [404, errorBody(404, "Not Found", docs)]);
    }
  });

  it("reach only their own repositories; others seem not to exist", async () => {
    const token = await fixture.token({ repositories: ["shop"] });
    equal((await get(token)).status, 200);
    for (const other of ["Acme/Other", "Acme/Nothing", "Else/Where"]) {
      const reply = await get(token, `/repos/${other}`);
      deepEqual([reply.status, reply.json()], [404, errorBody(404, "Not Found", "/repos/repos#get-a-repository")]);
    }
  });

  it("are needed to see anything of a repository", async () => {
    equal((await fixture.get(`/repos/${repository}`)).status, 404);
  });

  it("learn from the answer which permission they lack", async () => {
    const token = await fixture.token({ permissions: { contents: "read" } });
    for (const [method, where, accepted, page] of [
      ["GET", `/repos/${repository}/pulls`, "pull_requests=read", "/pulls/pulls#list-pull-requests"],
      ["GET", label, "issues=read; pull_requests=read", "/issues/labels#list-labels-for-an-issue"],
      [
        "DELETE",
        `${label}/ready-for-qa`,
        "issues=write; pull_requests=write",
        "/issues/labels#remove-a-label-from-an-issue",
      ],
    ] as const) {
      const reply = await fixture.send(method, where, { authorization: `Bearer ${token}` });
      deepEqual(
        [reply.status, reply.json(), reply.headers["x-accepted-github-permissions"]],
        [403, errorBody(403, "Resource not accessible by integration", page), accepted],
      );
    }
    const { pulls } = await fixture.double.client.repository(repository);
    deepEqual(pulls[0]?.labels, ["ready-for-qa"]);
  });

  it("with the read permission can read but not write", async () => {
    const token = await fixture.token({ permissions: { pull_requests: "read" } });
    equal((await get(token, label)).status, 200);
    const remove = await fixture.send("DELETE", `${label}/ready-for-qa`, { authorization: `Bearer ${token}` });
    equal(remove.status, 403);
  });

  it("need pull_requests for a pull request's labels, even if they have issues", async () => {
    await fixture.install({ permissions: { contents: "read", issues: "write" } });
    const token = await fixture.token();
    await fixture.install();
    equal((await fixture.send("DELETE", `${label}/ready-for-qa`, { authorization: `Bearer ${token}` })).status, 403);
  });

  for (const [what, authorization] of [
    ["unknown", "Bearer ghs_000000000000000000000000000000000000"],
    ["no token at all", "Bearer x"],
    ["sent in another scheme", "Basic eDp5"],
  ] as const)
    it(`are refused when ${what}`, async () => {
      const reply = await fixture.get(`/repos/${repository}`, { authorization });
      deepEqual(
        [reply.status, reply.json()],
        [401, errorBody(401, "Bad credentials", "/repos/repos#get-a-repository")],
      );
    });

  it("are accepted after the word token, as well as Bearer", async () => {
    const token = await fixture.token();
    equal((await fixture.get(`/repos/${repository}`, { authorization: `token ${token}` })).status, 200);
  });

  it("expire after the configured lifetime", async () => {
    await fixture.double.client.settings({ tokenLifetimeSeconds: 60 });
    try {
      const token = await fixture.token();
      equal((await get(token)).status, 200);
      await fixture.double.client.settings({ clockOffsetSeconds: 60 });
      equal((await get(token)).status, 401);
    } finally {
      await fixture.double.client.settings({ tokenLifetimeSeconds: 3600, clockOffsetSeconds: 0 });
    }
  });

  it("stop working while the installation is suspended, and no new ones are issued", async () => {
    const token = await fixture.token();
    await fixture.install({ suspended: true });
    try {
      for (const reply of [await get(token), await create()])
        deepEqual([reply.status, (reply.json() as JsonObject).message], [403, "This installation has been suspended"]);
    } finally {
      await fixture.install();
    }
    equal((await get(token)).status, 200);
  });

  it("lose a repository that is removed from the installation", async () => {
    const token = await fixture.token();
    await fixture.install({ repositories: ["Acme/Other"] });
    try {
      equal((await get(token)).status, 404);
    } finally {
      await fixture.install();
    }
  });
});
