import { deepEqual, equal } from "node:assert/strict";
import type { JsonObject } from "../support/github/answers.ts";
import { idOf, nodeIdOf } from "../support/github/identity.ts";
import { errorBody, Fixture, repository } from "./fixture.ts";

const [a, b, c, d] = ["a", "b", "c", "d"].map((digit) => digit.repeat(40)) as [string, string, string, string];
const docs = "/git/refs#list-matching-references";

describe("GitHub double: repositories and git references", () => {
  let fixture: Fixture;
  let authorization: string;
  before(async () => {
    fixture = await Fixture.open();
    await fixture.double.client.putRepository(repository, {
      branches: { "task-3": a, "task-3/fix": b, "task-30": c, "über & so": d },
      pushedAt: 1_767_225_600,
    });
    authorization = `Bearer ${await fixture.token()}`;
  });
  after(() => fixture.close());

  const get = (path: string) => fixture.get(`/repos/acme/shop${path}`, { authorization });
  const refs = async (prefix: string) =>
    ((await get(`/git/matching-refs/${prefix}`)).json() as { ref: string }[]).map(({ ref }) => ref);

  it("give a repository in its own spelling, with the time of its last push", async () => {
    const {
      full_name,
      private: hidden,
      default_branch,
      pushed_at,
      owner,
      permissions,
    } = (await get("")).json() as JsonObject;
    deepEqual(
      { full_name, hidden, default_branch, pushed_at, owner: (owner as JsonObject).login, permissions },
      {
        full_name: repository,
        hidden: true,
        default_branch: "main",
        pushed_at: "2026-01-01T00:00:00Z",
        owner: "Acme",
        permissions: { admin: false, maintain: false, push: false, triage: false, pull: true },
      },
    );
  });

  it("list every branch that begins with the prefix, sorted", async () => {
    deepEqual(await refs("heads/task-3"), ["refs/heads/task-3", "refs/heads/task-3/fix", "refs/heads/task-30"]);
    deepEqual(await refs("heads/task-30"), ["refs/heads/task-30"]);
    deepEqual(await refs("heads/task-3/"), ["refs/heads/task-3/fix"]);
  });

  it("list nothing when no branch begins with the prefix", async () => {
    deepEqual(await refs("heads/task-4"), []);
    deepEqual(await refs("tags/"), []);
  });

  it("decode percent signs in the prefix, encoded slashes too", async () => {
    deepEqual(await refs("heads%2Ftask-3%2Ffix"), ["refs/heads/task-3/fix"]);
    deepEqual(await refs("heads/%C3%BCber%20%26"), ["refs/heads/über & so"]);
  });

  it("refuse a path that cannot be decoded", async () => {
    equal((await get("/git/matching-refs/heads/%E0%A4")).status, 400);
  });

  it("give one branch whole", async () => {
    const reply = await get("/git/ref/heads/task-3/fix");
    const base = `${fixture.double.url}/repos/${repository}/git`;
    deepEqual(reply.json(), {
      ref: "refs/heads/task-3/fix",
      node_id: nodeIdOf("Ref", idOf("Ref", `${repository}:task-3/fix`)),
      url: `${base}/refs/heads/task-3/fix`,
      object: { sha: b, type: "commit", url: `${base}/commits/${b}` },
    });
  });

  it("do not find a branch by a prefix of its name", async () => {
    const reply = await get("/git/ref/heads/task");
    deepEqual([reply.status, reply.json()], [404, errorBody(404, "Not Found", "/git/refs#get-a-reference")]);
  });

  it("tell that a repository without any branch is empty", async () => {
    await fixture.double.client.putRepository("Acme/Other", { branches: { main: null } });
    const reply = await fixture.get("/repos/acme/other/git/matching-refs/heads/", { authorization });
    deepEqual([reply.status, reply.json()], [409, errorBody(409, "Git Repository is empty.", docs)]);
  });

  it("follow a branch when it is pushed to and when it is deleted", async () => {
    const { client } = fixture.double;
    await client.putRepository(repository, { branches: { moving: a } });
    const before = (await client.repository(repository)).pushedAt;
    await client.putRepository(repository, { branches: { moving: b } });
    equal((((await get("/git/ref/heads/moving")).json() as JsonObject).object as JsonObject).sha, b);
    equal(before > "2026-01-01T00:00:00Z", true);
    await client.putRepository(repository, { branches: { moving: null } });
    deepEqual(await refs("heads/moving"), []);
  });

  it("serve the same below GitHub Enterprise Server's prefix", async () => {
    const reply = await fixture.get("/api/v3/repos/acme/shop/git/ref/heads/task-3", { authorization });
    equal((reply.json() as JsonObject).url, `${fixture.double.url}/api/v3/repos/${repository}/git/refs/heads/task-3`);
  });
});
