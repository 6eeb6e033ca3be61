import { deepEqual, equal } from "node:assert/strict";
import type { JsonObject } from "../../support/github/answers.ts";
import { accountBody } from "../../support/github/bodies.ts";
import { accountOf, idOf, nodeIdOf, zeroSha } from "../../support/github/identity.ts";
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

describe("GitHub double: repository activities", () => {
  const rex = "5dlabs-rex[bot]";
  const newYear = 1_767_225_600;
  const activitiesDocs = "/repos/repos#list-repository-activities";
  let fixture: Fixture;
  let authorization: string;
  before(async () => {
    fixture = await Fixture.open();
    const { client } = fixture.double;
    const put = (more: Parameters<typeof client.putRepository>[1]) => client.putRepository(repository, more);
    await put({ branches: { "task-3": a }, pushedAt: newYear });
    await put({ branches: { "task-3": b }, pushedAt: newYear + 60 });
    await put({ branches: { "task-3": c }, pushedAt: newYear + 120, pushedBy: "mallory", forced: true });
    await put({ branches: { "task-30": d }, pushedAt: newYear + 30, pushedBy: "mallory" });
    await put({ branches: { "task-3": null }, pushedAt: newYear + 180 });
    authorization = `Bearer ${await fixture.token()}`;
  });
  after(() => fixture.close());

  const get = (query = "", fullName = "acme/shop") =>
    fixture.get(`/repos/${fullName}/activity${query}`, { authorization });
  /** The type and short ref of each activity, in the order they came in. */
  const listed = async (query = "", fullName?: string) =>
    ((await get(query, fullName)).json() as { activity_type: string; ref: string }[]).map(
      ({ activity_type, ref }) => `${activity_type} ${ref.replace("refs/heads/", "")}`,
    );
  const newestFirst = [
    "branch_deletion task-3",
    "force_push task-3",
    "push task-3",
    "branch_creation task-30",
    "branch_creation task-3",
  ];

  it("are whole, newest push first, in whatever order they were told", async () => {
    const expected = [
      [5, "task-3", c, zeroSha, "branch_deletion", rex, "2026-01-01T00:03:00Z"],
      [3, "task-3", b, c, "force_push", "mallory", "2026-01-01T00:02:00Z"],
      [2, "task-3", a, b, "push", rex, "2026-01-01T00:01:00Z"],
      [4, "task-30", zeroSha, d, "branch_creation", "mallory", "2026-01-01T00:00:30Z"],
      [1, "task-3", zeroSha, a, "branch_creation", rex, "2026-01-01T00:00:00Z"],
    ] as const;
    deepEqual(
      (await get()).json(),
      expected.map(([number, branch, before, after, activity_type, login, timestamp]) => ({
        id: 1_000_000_000 + number,
        node_id: nodeIdOf("Push", 1_000_000_000 + number),
        before,
        after,
        ref: `refs/heads/${branch}`,
        timestamp,
        activity_type,
        actor: accountBody(accountOf(login), fixture.double.url),
      })),
    );
  });

  it("name a Bot as one", async () => {
    const actors = ((await get()).json() as { actor: JsonObject }[]).map(({ actor }) => `${actor.login} ${actor.type}`);
    deepEqual(actors, [`${rex} Bot`, "mallory User", `${rex} Bot`, "mallory User", `${rex} Bot`]);
  });

  for (const [query, expected] of [
    ["?direction=desc", newestFirst],
    ["?direction=asc", [...newestFirst].reverse()],
    ["?ref=task-3", newestFirst.filter((entry) => entry.endsWith(" task-3"))],
    ["?ref=refs/heads/task-3", newestFirst.filter((entry) => entry.endsWith(" task-3"))],
    ["?ref=refs%2Fheads%2Ftask-30", ["branch_creation task-30"]],
    ["?ref=task", []],
    ["?actor=Mallory", ["force_push task-3", "branch_creation task-30"]],
    ["?actor=5DLabs-Rex%5Bbot%5D&activity_type=push", ["push task-3"]],
    ["?actor=5dlabs-rex", []],
    ["?activity_type=branch_creation", ["branch_creation task-30", "branch_creation task-3"]],
    ["?activity_type=pr_merge", []],
    ["?per_page=2", newestFirst.slice(0, 2)],
  ] as const)
    it(`list what ${query} asks for`, async () => deepEqual(await listed(query), expected));

  it("lead by cursors from page to page and back", async () => {
    const url = `${fixture.double.url}/repositories/${idOf("Repository", repository)}/activity`;
    const walked: string[][] = [];
    const follow = async (relation: string, from: string | undefined): Promise<string | undefined> => {
      const target = new RegExp(`<([^>]+)>; rel="${relation}"`).exec(from ?? "")?.[1];
      if (target === undefined) return undefined;
      equal(target.startsWith(`${url}?`), true, target);
      walked.push(await listed(`?${target.split("?")[1]}`));
      return String((await get(`?${target.split("?")[1]}`)).headers.link);
    };
    const first = (await get("?per_page=2")).headers.link as string;
    const second = await follow("next", first);
    const third = await follow("next", second);
    const back = await follow("prev", third);
    const start = await follow("prev", back);
    deepEqual(walked, [
      newestFirst.slice(2, 4),
      newestFirst.slice(4),
      newestFirst.slice(2, 4),
      newestFirst.slice(0, 2),
    ]);
    const relations = (links = "") => [...links.matchAll(/rel="(\w+)"/g)].map(([, relation]) => relation);
    deepEqual([first, second, third, back, start].map(relations), [
      ["next"],
      ["next", "prev"],
      ["prev"],
      ["next", "prev"],
      ["next"],
    ]);
  });

  it("have no Link header when they fit on one page", async () => {
    equal((await get()).headers.link, undefined);
  });

  for (const [query, error] of [
    [
      "activity_type=none",
      `activity_type: expected one of push, force_push, branch_creation, branch_deletion, pr_merge, merge_queue_merge`,
    ],
    ["time_period=hour", "time_period: expected one of day, week, month, quarter, year"],
    ["direction=up", "direction: expected one of asc, desc"],
    ["after=2", "after: expected a cursor from the Link header of this list"],
    ["before=2", "before: expected a cursor from the Link header of this list"],
  ] as const)
    it(`refuse ${query}`, async () => {
      const reply = await get(`?${query}`);
      deepEqual(
        [reply.status, reply.json()],
        [422, errorBody(422, "Validation Failed", activitiesDocs, { errors: [error] })],
      );
    });

  it("are refused to a token that may not read contents", async () => {
    const token = await fixture.token({ permissions: { pull_requests: "write" } });
    const reply = await fixture.get("/repos/acme/shop/activity", { authorization: `Bearer ${token}` });
    deepEqual(
      [reply.status, reply.json(), reply.headers["x-accepted-github-permissions"]],
      [403, errorBody(403, "Resource not accessible by integration", activitiesDocs), "contents=read"],
    );
  });

  it("reach back as far as the period, by GitHub's clock", async () => {
    const { client } = fixture.double;
    const hour = 3600;
    const ahead = 400 * 24 * hour;
    await client.settings({ tokenLifetimeSeconds: 2 * ahead });
    const token = `Bearer ${await fixture.token()}`;
    await client.settings({ clockOffsetSeconds: ahead, tokenLifetimeSeconds: hour });
    const now = Math.floor(Date.now() / 1000) + ahead;
    for (const [branch, hours] of [
      ["day", 23],
      ["week", 25],
      ["month", 169],
      ["quarter", 31 * 24],
      ["year", 91 * 24],
      ["older", 366 * 24],
    ] as const)
      await client.putRepository("Acme/Other", { branches: { [branch]: a }, pushedAt: now - hours * hour });
    await client.putRepository("Acme/Other", { branches: { now: a } });
    const branches = async (period: string) => {
      const reply = await fixture.get(`/repos/acme/other/activity?time_period=${period}`, { authorization: token });
      return (reply.json() as { ref: string }[]).map(({ ref }) => ref.replace("refs/heads/", ""));
    };
    const all = ["now", "day", "week", "month", "quarter", "year"];
    for (const [index, period] of all.slice(1).entries()) deepEqual(await branches(period), all.slice(0, index + 2));
    await client.settings({ clockOffsetSeconds: 0 });
  });

  it("are none for a branch that stays where it is or never was", async () => {
    await fixture.install({ repositories: [repository, "Acme/Other", "Acme/Still"] });
    const { branches } = await fixture.double.client.putRepository("Acme/Still");
    await fixture.double.client.putRepository("Acme/Still", { branches: { ...branches, gone: null } });
    authorization = `Bearer ${await fixture.token()}`;
    deepEqual(await listed("", "acme/still"), []);
  });

  it("name the sender of a push that the client makes, whatever kind of account that claims to be", async () => {
    await fixture.install({ repositories: [repository, "Acme/Other", "Acme/Pushed"] });
    const { client } = fixture.double;
    const push = { task: 9, repository: "Acme/Pushed" };
    const created = await client.push({ ...push, pushedAt: newYear });
    const sender = { login: rex, type: "User" } as const;
    const moved = await client.push({ ...push, sender, pushedAt: newYear + 1, forced: true });
    const { activities } = await client.repository("Acme/Pushed");
    deepEqual(
      activities.map(({ id: _, ...rest }) => rest),
      [
        {
          ref: "refs/heads/task-9",
          before: zeroSha,
          after: created.after,
          type: "branch_creation",
          actor: { login: rex, type: "Bot" },
          timestamp: "2026-01-01T00:00:00Z",
        },
        {
          ref: "refs/heads/task-9",
          before: created.after,
          after: moved.after,
          type: "force_push",
          actor: sender,
          timestamp: "2026-01-01T00:00:01Z",
        },
      ],
    );
  });
});
