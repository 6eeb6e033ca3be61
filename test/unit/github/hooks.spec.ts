import { deepEqual, equal } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../support/github/answers.ts";
import { idOf } from "../../support/github/identity.ts";
import type { HookDeliveryDefinition } from "../../support/github/index.ts";
import { appId, errorBody, Fixture, installationId, jwt, permissions, type Reply, repository } from "./fixture.ts";

const url = "https://hooks.example.com/push";
const hookId = 7;
const newYear = 1_767_225_600;
const day = 24 * 3600;
const repositoryId = idOf("Repository", repository);
const hiddenConfig = { content_type: "json", insecure_ssl: "0", secret: "********", url };

/** The same for both kinds of hooks: where its deliveries are, as GitHub's links name it, and where its pages are. */
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

describe("GitHub double: webhooks", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await open();
  });
  after(() => fixture.close());

  const config = () => fixture.get("/app/hook/config", { authorization: `Bearer ${jwt()}` });

  it("are none for an App that was given none, nor are deliveries", async () => {
    await fixture.install({ appId: 5000, installationId: 43, clientId: "Iv23liOther", slug: "other" });
    const authorization = `Bearer ${jwt({ iss: 5000 })}`;
    const page = "/apps/webhooks#get-a-webhook-configuration-for-an-app";
    const reply = await fixture.get("/app/hook/config", { authorization });
    deepEqual([reply.status, reply.json()], [404, errorBody(404, "Not Found", page)]);
    equal((await fixture.get("/app/hook/deliveries", { authorization })).status, 404);
  });

  it("of an App have its configuration, the secret hidden", async () => {
    await fixture.double.client.putAppHook(appId, { url });
    const reply = await config();
    deepEqual([reply.status, reply.json()], [200, hiddenConfig]);
  });

  it("of an App have what was set last", async () => {
    const other = "http://10.0.0.1:12000/push";
    await fixture.double.client.putAppHook(appId, {
      url: other,
      contentType: "form",
      insecureSsl: "1",
      hasSecret: false,
    });
    deepEqual((await config()).json(), { content_type: "form", insecure_ssl: "1", url: other });
  });

  it("of a repository are listed whole, with what became of the last delivery", async () => {
    const { client } = fixture.double;
    await client.putRepositoryHook("acme/shop", { id: 9, url });
    const put = await client.putRepositoryHook("acme/shop", { id: hookId, url, events: ["push", "pull_request"] });
    const authorization = `Bearer ${await fixture.token()}`;
    const list = async (query = "") => await fixture.get(`/repos/acme/shop/hooks${query}`, { authorization });
    const base = `${fixture.double.url}/repos/${repository}/hooks/${hookId}`;
    const expected = {
      type: "Repository",
      id: hookId,
      name: "web",
      active: true,
      events: ["push", "pull_request"],
      config: hiddenConfig,
      updated_at: put.updatedAt,
      created_at: put.createdAt,
      url: base,
      test_url: `${base}/test`,
      ping_url: `${base}/pings`,
      deliveries_url: `${base}/deliveries`,
      last_response: { code: null, status: "unused", message: null },
    };
    const reply = await list("?per_page=1&page=2");
    deepEqual(reply.json(), [expected]);
    deepEqual(
      ((await list()).json() as { id: number; events: string[] }[]).map(({ id, events }) => [id, events]),
      [
        [9, ["push"]],
        [hookId, ["push", "pull_request"]],
      ],
    );
    const last = async () => ((await list("?page=2&per_page=1")).json() as JsonObject[])[0]?.last_response;
    await client.noteDelivery({ hook: hookId, statusCode: 200, deliveredAt: newYear });
    deepEqual(await last(), { code: 200, status: "active", message: "OK" });
    await client.noteDelivery({ hook: hookId, statusCode: 503, deliveredAt: newYear + 1 });
    await client.noteDelivery({ hook: hookId, statusCode: 200, deliveredAt: newYear - 1 });
    deepEqual(await last(), { code: 503, status: "misconfigured", message: "Invalid HTTP Response: 503" });
  });

  it("of a repository are not there under another repository", async () => {
    const authorization = `Bearer ${await fixture.token()}`;
    deepEqual((await fixture.get("/repos/acme/other/hooks", { authorization })).json(), []);
    equal((await fixture.get(`/repos/acme/other/hooks/${hookId}/deliveries`, { authorization })).status, 404);
  });
});

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

    it("are none at first", async () => {
      const reply = await get();
      deepEqual([reply.status, reply.json(), reply.headers.link], [200, [], undefined]);
    });

    it("are listed and shown as they were noted", async () => {
      const payload = { ref: "refs/heads/task-3" };
      const { id } = await note({
        guid: "0b989ba4-242f-11e5-81e1-c7b6966d2516",
        event: "pull_request",
        action: "opened",
        status: "timed out",
        statusCode: 504,
        deliveredAt: newYear,
        redelivery: true,
        payload,
      });
      const item = {
        id,
        guid: "0b989ba4-242f-11e5-81e1-c7b6966d2516",
        delivered_at: "2026-01-01T00:00:00Z",
        redelivery: true,
        duration: 0.03,
        status: "timed out",
        status_code: 504,
        event: "pull_request",
        action: "opened",
        installation_id: hook === "app" ? installationId : null,
        repository_id: repositoryId,
        throttled_at: null,
      };
      deepEqual((await get()).json(), [item]);
      deepEqual((await get(`/${id}`)).json(), {
        ...item,
        url,
        request: {
          headers: {
            Accept: "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/044aadd",
            "X-GitHub-Delivery": item.guid,
            "X-GitHub-Event": "pull_request",
            "X-GitHub-Hook-ID": String(hook === "app" ? idOf("AppHook", String(appId)) : hookId),
            "X-GitHub-Hook-Installation-Target-ID": String(hook === "app" ? appId : repositoryId),
            "X-GitHub-Hook-Installation-Target-Type": hook === "app" ? "integration" : "repository",
          },
          payload,
        },
        response: { headers: null, payload: null },
      });
    });

    it("have ids of more than 32 bits, and GitHub's words for their status", async () => {
      const words: [boolean, string][] = [];
      for (const statusCode of [200, 302, 400, 503, 0]) {
        const { id, status } = await note({ statusCode, deliveredAt: newYear - day });
        words.push([id > 2 ** 32, status]);
      }
      deepEqual(words, [
        [true, "OK"],
        [true, "OK"],
        [true, "Invalid HTTP Response: 400"],
        [true, "Invalid HTTP Response: 503"],
        [true, "failed to connect to host"],
      ]);
    });

    it("are listed newest first, in whatever order they were noted, and of this hook only", async () => {
      for (const [guid, deliveredAt] of [
        ["second", newYear + 20],
        ["first", newYear + 10],
        ["third", newYear + 30],
        ["third again", newYear + 30],
      ] as const)
        await note({ guid, deliveredAt });
      await note({ guid: "elsewhere", hook: hook === "app" ? hookId : "app", deliveredAt: newYear + 25 });
      deepEqual(guids(await get("?per_page=4")), ["third again", "third", "second", "first"]);
    });

    it("are told apart by their status code, where nothing that came is neither", async () => {
      const codes = [199, 200, 399, 400, 599, 0];
      for (const [index, statusCode] of codes.entries())
        await note({ guid: String(statusCode), statusCode, deliveredAt: newYear + 100 + index });
      const listed = async (query: string) => guids(await get(query)).filter((guid) => codes.includes(Number(guid)));
      deepEqual(await listed(""), ["0", "599", "400", "399", "200", "199"]);
      deepEqual(await listed("?status=success"), ["399", "200"]);
      deepEqual(await listed("?status=failure"), ["599", "400"]);
    });

    it("lead by cursors from page to page and back, past what is delivered meanwhile", async () => {
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

    it("fill pages of thirty, at most of a hundred", async () => {
      for (let number = 0; number < 101; number++) await note({ guid: `many ${number}` });
      deepEqual([guids(await get()).length, guids(await get("?per_page=101")).length], [30, 100]);
    });

    it("may be asked for again, which is noted and sends nothing", async () => {
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

    it("are too old for that after three days by GitHub's clock", async () => {
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

    it("are not found under an id that there is not, or that another hook has", async () => {
      const other = await note({ hook: hook === "app" ? hookId : "app" });
      for (const id of [1, other.id]) {
        const shown = await get(`/${id}`);
        deepEqual([shown.status, shown.json()], [404, errorBody(404, "Not Found", `${docs}#get-${names.one}`)]);
        equal((await ask(id)).status, 404);
      }
    });

    it("refuse a status and a cursor that there are not", async () => {
      const page = `${docs}#list-${names.list}`;
      const errors = [{ resource: "HookDelivery", field: "status", code: "invalid" }];
      const status = await get("?status=none");
      deepEqual([status.status, status.json()], [422, errorBody(422, "Validation Failed", page, { errors })]);
      const cursor = await get("?cursor=v1_1");
      deepEqual([cursor.status, cursor.json()], [400, errorBody(400, "Bad Request", page)]);
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

  it("are repository_hooks, to read for all but a redelivery", async () => {
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

  it("are told to a token that lacks them", async () => {
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

  it("are in no token of an installation that was not granted them", async () => {
    await fixture.install();
    try {
      const reply = await fixture.post(`/app/installations/${installationId}/access_tokens`, {
        authorization: `Bearer ${jwt()}`,
        body: { permissions: { repository_hooks: "read" } },
      });
      deepEqual(
        [reply.status, (reply.json() as JsonObject).message],
        [422, "The permissions requested are not granted to this installation."],
      );
    } finally {
      await fixture.install({ permissions: { ...permissions, repository_hooks: "write" } });
    }
  });

  it("do not open an App's hook, which only the App's own token does", async () => {
    const authorization = `Bearer ${await fixture.token()}`;
    const page = "/apps/webhooks#list-deliveries-for-an-app-webhook";
    const reply = await fixture.get("/app/hook/deliveries", { authorization });
    deepEqual([reply.status, reply.json()], [401, errorBody(401, "A JSON web token could not be decoded", page)]);
  });
});

describe("GitHub double: webhooks in the state file", () => {
  let folder: string;
  let stateFile: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "github-double-"));
    stateFile = join(folder, "state.json");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const ask = (fixture: Fixture, id: number) =>
    fixture.post(`/app/hook/deliveries/${id}/attempts`, { authorization: `Bearer ${jwt()}` });

  it("outlive the double, with deliveries and the redeliveries that were asked for", async () => {
    const first = await open({ stateFile });
    await putHooks(first);
    const noted = await first.double.client.noteDelivery({ hook: "app", statusCode: 0, repository });
    equal((await ask(first, noted.id)).status, 202);
    const { hooks, deliveries } = await first.double.client.state();
    const asked = await first.double.client.redeliveries();
    await first.close();

    const second = await open({ stateFile });
    const { client } = second.double;
    const state = await client.state();
    deepEqual([state.hooks, state.deliveries, await client.redeliveries()], [hooks, deliveries, asked]);
    deepEqual([hooks.length, deliveries, asked.length], [2, [noted], 1]);
    equal((await client.noteDelivery({ hook: "app", statusCode: 200 })).id, noted.id + 1);
    await second.close();
  });

  it("are none in a file from before they were known", async () => {
    const first = await open({ stateFile });
    await putHooks(first);
    await first.close();
    const { hooks: _, deliveries: __, redeliveries: ___, ...old } = JSON.parse(readFileSync(stateFile, "utf8"));
    writeFileSync(stateFile, JSON.stringify(old));

    const second = await open({ stateFile });
    const { client } = second.double;
    const { hooks, deliveries } = await client.state();
    deepEqual([hooks, deliveries, await client.redeliveries()], [[], [], []]);
    await second.close();
  });
});
