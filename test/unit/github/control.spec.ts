import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomSha, zeroSha } from "../../support/github/index.ts";
import { appId, errorBody, Fixture, installationId, jwt, key, permissions, repository } from "./fixture.ts";

describe("GitHub double: headers", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await Fixture.open();
  });
  after(() => fixture.close());

  it("must name the client", async () => {
    const reply = await fixture.get("/app", { authorization: `Bearer ${jwt()}`, headers: { "user-agent": "" } });
    equal(reply.status, 403);
    ok(reply.text.includes("Please make sure your request has a User-Agent header"), reply.text);
  });

  for (const version of ["2022-11-28", "2026-03-10"])
    it(`may ask for API version ${version}`, async () => {
      const reply = await fixture.get("/app", {
        authorization: `Bearer ${jwt()}`,
        headers: { "x-github-api-version": version },
      });
      deepEqual([reply.status, reply.headers["x-github-api-version-selected"]], [200, version]);
    });

  it("may not ask for a version that there is not", async () => {
    const reply = await fixture.get("/app", { headers: { "x-github-api-version": "v3" } });
    deepEqual(
      [reply.status, reply.json()],
      [
        400,
        errorBody(
          400,
          'The version you specified in the "X-GitHub-API-Version" request header, "v3", is not a supported version. The following versions are currently supported: "2026-03-10" (most recent), "2022-11-28".',
          "",
        ),
      ],
    );
  });

  it("tell what is left of the rate limit", async () => {
    const authorization = `Bearer ${await fixture.token()}`;
    const get = () => fixture.get(`/repos/${repository}`, { authorization });
    const { headers: first } = await get();
    const { headers: second } = await get();
    deepEqual(
      [first["x-ratelimit-limit"], first["x-ratelimit-remaining"], second["x-ratelimit-remaining"]],
      ["5000", "4999", "4998"],
    );
  });

  for (const path of ["/", "/nothing", "/repos/Acme", "/repos/Acme/Shop/nothing", "/repos//Shop", "/_doubles"])
    it(`find nothing at ${path}`, async () => {
      const reply = await fixture.get(path);
      deepEqual([reply.status, reply.json()], [404, errorBody(404, "Not Found", "")]);
    });
});

describe("GitHub double: control", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await Fixture.open();
  });
  after(() => fixture.close());

  it("logs every request to the API, in order, with the token's name and never the token", async () => {
    const { client } = fixture.double;
    const mark = (await client.requests()).at(-1)?.id ?? 0;
    const value = await fixture.token({ repositories: ["shop"] });
    await client.addFault({ pathPattern: "/pulls", status: 500 });
    for (const path of [`/repos/${repository}`, `/repos/${repository}/pulls?state=open`, `/repos/${repository}/pulls`])
      await fixture.get(path, { authorization: `Bearer ${value}` });
    const logged = await client.requests(mark);
    const name = (await client.tokens()).at(-1)?.id;
    deepEqual(
      logged.map(({ method, path, status, tokenId, faultId, body, userAgent }) => [
        method,
        path,
        status,
        tokenId,
        faultId !== null,
        body,
        userAgent,
      ]),
      [
        ["POST", `/app/installations/42/access_tokens`, 201, null, false, { repositories: ["shop"] }, "specs"],
        ["GET", `/repos/${repository}`, 200, name, false, null, "specs"],
        ["GET", `/repos/${repository}/pulls?state=open`, 500, null, true, null, "specs"],
        ["GET", `/repos/${repository}/pulls`, 200, name, false, null, "specs"],
      ],
    );
    ok(!JSON.stringify(logged).includes(value));
    deepEqual(await client.requests(new Date(Date.now() + 60_000).toISOString()), []);
    deepEqual((await client.requests(logged[1]?.time)).slice(-3), logged.slice(1));
  });

  it("lists every credential that it issued or saw, once, whatever became of the request", async () => {
    const { client } = fixture.double;
    const known = (await client.credentials()).length;
    const [good, expired] = [jwt({ iat: 1 }), jwt({ exp: 1 })];
    const issue = (authorization: string) =>
      fixture.post(`/app/installations/${installationId}/access_tokens`, { authorization });
    const unused = (await issue(`Bearer ${good}`)).json() as { token: string };
    equal((await issue(`bearer ${expired}`)).status, 401);
    await client.addFault({ pathPattern: "/pulls", status: 500 });
    for (const authorization of ["token unknown", "token unknown", `Bearer ${unused.token}`])
      await fixture.get(`/repos/${repository}/pulls`, { authorization });
    await client.addFault({ pathPattern: "/pulls", status: 500 });
    await fixture.get(`/repos/${repository}/pulls`, { authorization: "Bearer struck" });
    const listed = await client.credentials();
    equal(listed.length, known + 5);
    const found = [unused.token, good, expired, "unknown", "struck"].map((value) =>
      listed.filter((credential) => credential.value === value),
    );
    deepEqual(
      found.map((same) => same.map(({ kind }) => kind)),
      [["token"], ["json-web-token"], ["json-web-token"], ["token"], ["token"]],
    );
    for (const { time } of found.flat()) ok(Math.abs(Date.now() - Date.parse(time)) < 60_000, time);
  });

  it("shows the state without keys and tokens", async () => {
    const value = await fixture.token();
    const state = await fixture.double.client.state();
    deepEqual(state.settings, { tokenLifetimeSeconds: 3600, clockOffsetSeconds: 0 });
    deepEqual(state.apps, [{ appId, clientId: "Iv23liTest", slug: "rex-remediation" }]);
    deepEqual(
      state.installations.map(({ createdAt: _, ...rest }) => rest),
      [
        {
          id: installationId,
          appId,
          account: "Acme",
          permissions: { metadata: "read", ...permissions },
          repositories: [repository, "Acme/Other"],
          suspended: false,
        },
      ],
    );
    deepEqual(
      state.repositories.map(({ fullName }) => fullName),
      [repository, "Acme/Other"],
    );
    ok(!/BEGIN|ghs_/.test(JSON.stringify(state)) && !JSON.stringify(state).includes(value));
  });

  it("pushes: moves the branch and its pull request, and gives the payload", async () => {
    const { client } = fixture.double;
    const created = await client.push({ task: 9, repository, pushedAt: 1_767_225_600 });
    await client.putRepository(repository, { pulls: [{ number: 9, headRef: "task-9" }] });
    const moved = await client.push({ task: 9, repository, pushedAt: 1_767_225_660 });
    deepEqual([created.before, moved.before], [zeroSha, created.after]);
    const { branches, pulls, pushedAt } = await client.repository(repository);
    deepEqual([branches["task-9"], pulls[0]?.headSha, pushedAt], [moved.after, moved.after, "2026-01-01T00:01:00Z"]);
    await client.push({ task: 9, repository, deleted: true });
    equal((await client.repository(repository)).branches["task-9"], undefined);
  });

  const app = { appId: 1, slug: "x", publicKeyPem: key.publicKeyPem, installationId: 1, permissions: {} };
  const ecKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "pem" });
  for (const [what, refused, message] of [
    ["an App on two owners", () => put({ repositories: ["a/b", "c/d"] }), /repositories: expected at least one/],
    ["an App on no repository", () => put({ repositories: [] }), /repositories: expected at least one/],
    ["a key that is not RSA", () => put({ publicKeyPem: String(ecKey) }), /publicKeyPem: expected an RSA key/],
    ["an App id that is no number", () => put({ appId: "1" as unknown as number }), /appId: expected/],
    ["a permission's level that there is not", () => put({ permissions: { contents: "all" as "read" } }), /contents/],
    ["a repository's name of another form", () => client().putRepository("nameless"), /no repository's full name/],
    ["a SHA that is none", () => client().putRepository(repository, { branches: { x: "1" } }), /branches\.x: expected/],
    ["a push by nobody", () => client().putRepository(repository, { pushedBy: "" }), /pushedBy: expected a login/],
    [
      "a new pull request without its branch",
      () => client().putRepository(repository, { pulls: [{ number: 77 }] }),
      /headRef/,
    ],
    [
      "a hook of an App that there is not",
      () => client().putAppHook(99, { url: "https://x.example" }),
      /appId: expected/,
    ],
    ["a hook without a URL", () => client().putAppHook(appId, { url: "nowhere" }), /url: expected a URL/],
    [
      "a hook's content type that there is not",
      () => client().putAppHook(appId, { url: "https://x.example", contentType: "xml" as "json" }),
      /contentType: expected json or form/,
    ],
    [
      "a repository's hook without an id",
      () => client().putRepositoryHook(repository, { id: 0, url: "https://x.example" }),
      /id: expected a positive integer/,
    ],
    [
      "a hook's id that another repository's has",
      async () => {
        await client().putRepositoryHook(repository, { id: 7, url: "https://x.example" });
        await client().putRepositoryHook("Acme/Other", { id: 7, url: "https://x.example" });
      },
      /id: hook 7 belongs to Acme\/Shop/,
    ],
    ["a delivery to no hook", () => client().noteDelivery({ hook: 8, statusCode: 200 }), /hook: expected "app" or/],
    [
      "a delivery's status code that there is not",
      async () => {
        await client().putRepositoryHook(repository, { id: 7, url: "https://x.example" });
        await client().noteDelivery({ hook: 7, statusCode: 600 });
      },
      /statusCode: expected 0 to 599/,
    ],
    [
      "a delivery to the App's hook where two Apps have one",
      async () => {
        await put({ repositories: ["a/two"] });
        for (const id of [1, appId]) await client().putAppHook(id, { url: "https://x.example" });
        await client().noteDelivery({ hook: "app", statusCode: 200 });
      },
      /hook: several Apps have one: expected its id/,
    ],
    ["an unknown repository's state", () => client().repository("a/b"), /has no repository a\/b/],
  ] as const)
    it(`refuses ${what}`, () => rejects(refused(), message));

  function client() {
    return fixture.double.client;
  }

  function put(more: Partial<Parameters<ReturnType<typeof client>["putApp"]>[0]>) {
    return client().putApp({ ...app, repositories: ["a/b"], ...more });
  }

  it("keeps the state in a file over an end and a start on the same port", async () => {
    const folder = mkdtempSync(join(tmpdir(), "github-double-"));
    const stateFile = join(folder, "state.json");
    try {
      const first = await Fixture.open({ stateFile });
      const token = await first.token();
      const sha = randomSha();
      await first.double.client.putRepository(repository, { branches: { "task-3": sha } });
      const { port } = new URL(first.double.url);
      await first.close();
      await rejects(fetch(first.double.url));
      equal(statSync(stateFile).mode & 0o777, 0o600);

      const second = await Fixture.open({ stateFile, port: Number(port) });
      equal(second.double.url, first.double.url);
      const reply = await second.get(`/repos/${repository}/git/ref/heads/task-3`, { authorization: `Bearer ${token}` });
      equal((reply.json() as { object: { sha: string } }).object.sha, sha);
      await second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("starts from a state file that was written before activities were recorded", async () => {
    const folder = mkdtempSync(join(tmpdir(), "github-double-"));
    const stateFile = join(folder, "state.json");
    try {
      const first = await Fixture.open({ stateFile });
      await first.double.client.putRepository(repository, { branches: { "task-3": randomSha() } });
      await first.close();
      const state = JSON.parse(readFileSync(stateFile, "utf8"));
      for (const saved of state.repositories) delete saved.activities;
      writeFileSync(stateFile, JSON.stringify(state));

      const second = await Fixture.open({ stateFile });
      const get = async () => {
        const authorization = `Bearer ${await second.token()}`;
        const reply = await second.get(`/repos/${repository}/activity`, { authorization });
        return (reply.json() as { activity_type: string }[]).map(({ activity_type }) => activity_type);
      };
      deepEqual(await get(), []);
      await second.double.client.putRepository(repository, { branches: { "task-3": randomSha() } });
      deepEqual(await get(), ["push"]);
      await second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
