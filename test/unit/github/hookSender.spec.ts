import { deepEqual, equal } from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { verify } from "@octokit/webhooks-methods";
import type { JsonObject } from "../../support/github/answers.ts";
import { Fixture, permissions, type Reply, repository } from "./fixture.ts";

const hooks = "/repos/acme/shop/hooks";

describe("GitHub double: webhooks that the API makes", () => {
  let fixture: Fixture;
  let receiver: Server;
  let url: string;
  let received: { event: string; guid: string; right: boolean; body: JsonObject }[];

  before(async () => {
    fixture = await Fixture.open();
    await fixture.install({ permissions: { ...permissions, repository_hooks: "write" } });
    receiver = createServer(async (request, response) => {
      const body = await text(request);
      const right = await verify("new", body, String(request.headers["x-hub-signature-256"])).catch(() => false);
      const [event, guid] = [String(request.headers["x-github-event"]), String(request.headers["x-github-delivery"])];
      received.push({ event, guid, right, body: JSON.parse(body) });
      response.writeHead(right ? 200 : 400).end();
    });
    await new Promise<void>((listening) => receiver.listen(0, "127.0.0.1", listening));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/push`;
  });
  after(async () => {
    await fixture.close();
    receiver.closeAllConnections();
    await new Promise((closed) => receiver.close(closed));
  });
  beforeEach(async () => {
    received = [];
    for (const { id } of (await fixture.double.client.state()).hooks) await fixture.double.client.removeHook(id);
  });

  async function send(method: string, path: string, body?: unknown): Promise<Reply> {
    return fixture.send(method, path, { authorization: `Bearer ${await fixture.token()}`, body });
  }
  const config = (secret: string) => ({ url, content_type: "json", secret });
  async function make(secret: string): Promise<number> {
    const reply = await send("POST", hooks, { config: config(secret), events: ["push"] });
    equal(reply.status, 201, reply.text);
    return (reply.json() as { id: number }).id;
  }

  /** So many deliveries, newest first, once they are noted. */
  async function deliveries(id: number, count: number): Promise<JsonObject[]> {
    for (;;) {
      const found = (await send("GET", `${hooks}/${id}/deliveries`)).json() as JsonObject[];
      if (found.length >= count) return found;
    }
  }

  it("are sent a ping at once, and whenever one is asked for, signed with what they were given", async () => {
    const id = await make("new");
    await deliveries(id, 1);
    const asked = await send("POST", `${hooks}/${id}/pings`);
    deepEqual([asked.status, asked.text], [204, ""]);
    const found = await deliveries(id, 2);
    deepEqual(
      found.map(({ event, status_code, redelivery }) => ({ event, status_code, redelivery })),
      [1, 2].map(() => ({ event: "ping", status_code: 200, redelivery: false })),
    );
    deepEqual(
      received.map(({ event, right, body }) => [event, right, body.hook_id]),
      [1, 2].map(() => ["ping", true, id]),
    );
  });

  it("sign with a new secret once they are given it, also what is delivered again", async () => {
    const id = await make("old");
    const payload = { ref: "refs/heads/task-3" };
    const { id: delivery } = await fixture.double.client.noteDelivery({
      hook: id,
      guid: "g",
      statusCode: 400,
      payload,
    });
    await deliveries(id, 2);
    equal((await send("PATCH", `${hooks}/${id}`, { config: config("new") })).status, 200);
    equal((await send("POST", `${hooks}/${id}/deliveries/${delivery}/attempts`)).status, 202);
    const again = (await deliveries(id, 3)).find(({ redelivery }) => redelivery === true);
    deepEqual([again?.guid, again?.status_code], ["g", 200]);
    deepEqual(received.at(-1), { event: "push", guid: "g", right: true, body: payload });
  });

  it("lose their secret where a new configuration names none, and keep it where there is no configuration", async () => {
    const id = await make("new");
    const kept = (await send("PATCH", `${hooks}/${id}`, { active: false })).json() as {
      active: boolean;
      config: JsonObject;
    };
    deepEqual([kept.active, kept.config.secret], [false, "********"]);
    const lost = (await send("PATCH", `${hooks}/${id}`, { config: { url } })).json() as { config: JsonObject };
    deepEqual(lost.config, { content_type: "form", insecure_ssl: "0", url });
  });

  it("need the permission to write", async () => {
    const authorization = `Bearer ${await fixture.token({ permissions: { repository_hooks: "read" } })}`;
    const id = await make("new");
    for (const [method, path, status] of [
      ["POST", hooks, 403],
      ["PATCH", `${hooks}/${id}`, 403],
      ["POST", `${hooks}/${id}/pings`, 204],
      ["GET", "/orgs/acme/hooks", 403],
    ] as const) {
      const body = method === "GET" ? undefined : { config: config("x") };
      equal((await fixture.send(method, path, { authorization, body })).status, status, path);
    }
    equal((await fixture.double.client.state()).hooks.length, 1);
    equal((await fixture.double.client.state()).hooks[0]?.repository, repository);
  });
});
