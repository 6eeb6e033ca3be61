import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomSha } from "../../support/github/index.ts";
import { errorBody, Fixture, installationId, jwt, repository } from "./fixture.ts";

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
      const reply = await second.get(`/repos/${repository}/git/matching-refs/heads/task-3`, {
        authorization: `Bearer ${token}`,
      });
      deepEqual(
        (reply.json() as { object: { sha: string } }[]).map(({ object }) => object.sha),
        [sha],
      );
      await second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
