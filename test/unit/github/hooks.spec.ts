import { deepEqual, equal } from "node:assert/strict";
import { idOf } from "../../support/github/identity.ts";
import type { HookDeliveryDefinition } from "../../support/github/index.ts";
import { appId, errorBody, Fixture, jwt, permissions, type Reply, repository } from "./fixture.ts";

const url = "https://hooks.example.com/push";
const hookId = 7;
const newYear = 1_767_225_600;
const day = 24 * 3600;
const repositoryId = idOf("Repository", repository);

/** The two kinds of hooks: `path` of the deliveries, as GitHub's links name it, and the pages that document them. */
const kinds = [
  {
    what: "an App's hook",
    hook: "app",
    path: "/app/hook/deliveries",
    linked: "/app/hook/deliveries",
    docs: "/apps/webhooks",
    names: { list: "deliveries-for-an-app-webhook", one: "a-delivery-for-an-app-webhook" },
  },
  {
    what: "a repository's hook",
    hook: hookId,
    path: `/repos/acme/shop/hooks/${hookId}/deliveries`,
    linked: `/repositories/${repositoryId}/hooks/${hookId}/deliveries`,
    docs: "/repos/webhooks",
    names: { list: "deliveries-for-a-repository-webhook", one: "a-delivery-for-a-repository-webhook" },
  },
] as const;

async function open(options: Parameters<typeof Fixture.open>[0] = {}): Promise<Fixture> {
  const fixture = await Fixture.open(options);
  await fixture.install({ permissions: { ...permissions, repository_hooks: "write" } });
  return fixture;
}

async function putHooks({ double: { client } }: Fixture): Promise<void> {
  await client.putAppHook(appId, { url });
  await client.putRepositoryHook(repository, { id: hookId, url, events: ["push", "pull_request"] });
}

for (const { what, hook, path, linked, docs, names } of kinds)
  describe(`GitHub double: deliveries to ${what}`, () => {
    let fixture: Fixture;
    let authorization: string;
    before(async () => {
      fixture = await open();
      await putHooks(fixture);
      authorization = `Bearer ${hook === "app" ? jwt() : await fixture.token()}`;
    });
    after(() => fixture.close());

    const note = (definition: Partial<HookDeliveryDefinition> = {}) =>
      fixture.double.client.noteDelivery({ hook, statusCode: 502, repository, ...definition });
    const get = (suffix = "") => fixture.get(path + suffix, { authorization });
    const ask = (id: number) => fixture.post(`${path}/${id}/attempts`, { authorization });
    const guids = (reply: Reply) => (reply.json() as { guid: string }[]).map(({ guid }) => guid);
    const now = () => Math.floor(Date.now() / 1000);

    it("are filtered by status code; a delivery without an answer is neither success nor failure", async () => {
      const codes = [199, 200, 399, 400, 599, 0];
      for (const [index, statusCode] of codes.entries())
        await note({ guid: String(statusCode), statusCode, deliveredAt: newYear + 100 + index });
      const listed = async (query: string) => guids(await get(query)).filter((guid) => codes.includes(Number(guid)));
      deepEqual(await listed(""), ["0", "599", "400", "399", "200", "199"]);
      deepEqual(await listed("?status=success"), ["399", "200"]);
      deepEqual(await listed("?status=failure"), ["599", "400"]);
    });

    it("are paged by cursor, forwards and back, even if more are delivered meanwhile", async () => {
      for (let second = 0; second < 5; second++)
        await note({ guid: `page ${second}`, statusCode: 300, deliveredAt: newYear + day + second });
      const linkOf = (reply: Reply, relation: string) =>
        new RegExp(`<([^>]+)>; rel="${relation}"`).exec(String(reply.headers.link))?.[1] ?? "";
      const follow = (reply: Reply, relation: string) => get(linkOf(reply, relation).replace(/^[^?]+/, ""));
      const first = await get("?per_page=2&status=success");
      const [, , startOfSecond] = (await get("?per_page=3&status=success")).json() as { id: number }[];
      equal(
        linkOf(first, "next"),
        `${fixture.double.url}${linked}?per_page=2&status=success&cursor=v1_${startOfSecond?.id}`,
      );
      await note({ guid: "meanwhile", statusCode: 200, deliveredAt: newYear + 2 * day });
      const second = await follow(first, "next");
      const third = await follow(second, "next");
      const back = await follow(third, "prev");
      deepEqual(
        [first, second, third, back].map((reply) => guids(reply)),
        [
          ["page 4", "page 3"],
          ["page 2", "page 1"],
          ["page 0", "399"],
          ["page 2", "page 1"],
        ],
      );
      const start = await follow(back, "prev");
      deepEqual(guids(start), ["page 4", "page 3"]);
      deepEqual(guids(await follow(start, "prev")), ["meanwhile", "page 4"]);
      equal((await get("?per_page=1")).headers.link?.includes("prev"), false);
    });

    it("can be requested again: the double records the request but sends nothing", async () => {
      const { id, guid } = await note();
      const { id: delivered, guid: same } = await note({ guid, statusCode: 200 });
      const count = (await fixture.double.client.state()).deliveries.length;
      const before = Date.now();
      for (const wanted of [id, id, delivered]) {
        const reply = await ask(wanted);
        deepEqual([reply.status, reply.json()], [202, {}]);
      }
      const asked = (await fixture.double.client.redeliveries()).slice(-3);
      deepEqual(
        asked.map(({ at: _, ...rest }) => rest),
        [
          { deliveryId: id, guid, hook },
          { deliveryId: id, guid, hook },
          { deliveryId: delivered, guid: same, hook },
        ],
      );
      deepEqual(
        asked.map(({ at }) => Date.parse(at) >= before && Date.parse(at) <= Date.now()),
        [true, true, true],
      );
      equal((await fixture.double.client.state()).deliveries.length, count);
    });

    it("can no longer be requested after three days by GitHub's clock", async () => {
      const { client } = fixture.double;
      const { id } = await note({ deliveredAt: now() - 3 * day + 60 });
      equal((await ask(id)).status, 202);
      const asked = await client.redeliveries();
      const old = await note({ deliveredAt: now() - 3 * day - 60 });
      const reply = await ask(old.id);
      const errors = [
        {
          resource: "HookDelivery",
          field: "delivered_at",
          code: "custom",
          message: "Only deliveries from the past 3 days can be redelivered",
        },
      ];
      const expected = errorBody(422, "Validation Failed", `${docs}#redeliver-${names.one}`, { errors });
      deepEqual([reply.status, reply.json()], [422, expected]);
      await client.settings({ clockOffsetSeconds: 120 });
      const aged = await ask(id);
      await client.settings({ clockOffsetSeconds: 0 });
      equal(aged.status, 422);
      deepEqual(await client.redeliveries(), asked);
    });
  });

describe("GitHub double: permissions for webhooks", () => {
  let fixture: Fixture;
  let deliveryId: number;
  before(async () => {
    fixture = await open();
    await putHooks(fixture);
    deliveryId = (await fixture.double.client.noteDelivery({ hook: hookId, statusCode: 502 })).id;
  });
  after(() => fixture.close());

  const hooks = "/repos/acme/shop/hooks";
  const requests = () =>
    [
      ["GET", hooks, "read", "list-repository-webhooks"],
      ["GET", `${hooks}/${hookId}/deliveries`, "read", "list-deliveries-for-a-repository-webhook"],
      ["GET", `${hooks}/${hookId}/deliveries/${deliveryId}`, "read", "get-a-delivery-for-a-repository-webhook"],
      [
        "POST",
        `${hooks}/${hookId}/deliveries/${deliveryId}/attempts`,
        "write",
        "redeliver-a-delivery-for-a-repository-webhook",
      ],
    ] as const;

  it("are repository_hooks: read for everything but a redelivery", async () => {
    for (const [granted, statuses] of [
      ["write", [200, 200, 200, 202]],
      ["read", [200, 200, 200, 403]],
    ] as const) {
      const token = await fixture.token({ permissions: { repository_hooks: granted } });
      const replies = [];
      for (const [method, path] of requests())
        replies.push((await fixture.send(method, path, { authorization: `Bearer ${token}` })).status);
      deepEqual(replies, statuses);
    }
  });

  it("are named in the answer to a token that lacks them", async () => {
    const token = await fixture.token({ permissions: { contents: "read", pull_requests: "write" } });
    const asked = await fixture.double.client.redeliveries();
    for (const [method, path, level, page] of requests()) {
      const reply = await fixture.send(method, path, { authorization: `Bearer ${token}` });
      deepEqual(
        [reply.status, reply.json(), reply.headers["x-accepted-github-permissions"]],
        [
          403,
          errorBody(403, "Resource not accessible by integration", `/repos/webhooks#${page}`),
          `repository_hooks=${level}`,
        ],
      );
    }
    deepEqual(await fixture.double.client.redeliveries(), asked);
  });
});
