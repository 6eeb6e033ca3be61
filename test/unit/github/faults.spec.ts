import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { type FaultDefinition, rateLimited, secondaryLimit } from "../../support/github/index.ts";
import { Fixture, repository } from "./fixture.ts";

const path = `/repos/${repository}`;
const label = `${path}/issues/5/labels/ready-for-qa`;

describe("GitHub double: faults on demand", () => {
  let fixture: Fixture;
  let authorization: string;
  before(async () => {
    fixture = await Fixture.open();
    authorization = `Bearer ${await fixture.token()}`;
  });
  after(() => fixture.close());
  beforeEach(() =>
    fixture.double.client.putRepository(repository, {
      pulls: [{ number: 5, headRef: "task-3", labels: ["ready-for-qa"] }],
    }),
  );
  afterEach(() => fixture.double.client.clearFaults());

  const get = () => fixture.get(path, { authorization });
  const remove = () => fixture.send("DELETE", label, { authorization });
  const labels = async () => (await fixture.double.client.repository(repository)).pulls[0]?.labels;
  const add = (fault: FaultDefinition) => fixture.double.client.addFault(fault);

  it("answer with the status, headers and body that are asked for, as often as asked, then are gone", async () => {
    await add({
      method: "GET",
      pathPattern: `^${path}$`,
      status: 503,
      headers: { "retry-after": "7" },
      body: { message: "Come back later" },
      times: 2,
    });
    for (let time = 0; time < 2; time += 1) {
      const reply = await get();
      deepEqual([reply.status, reply.headers["retry-after"], reply.json()], [503, "7", { message: "Come back later" }]);
    }
    equal((await get()).status, 200);
    deepEqual(await fixture.double.client.faults(), []);
  });

  it("strike once unless said, and until they are removed when said", async () => {
    await add({ pathPattern: path, status: 500 });
    deepEqual([(await get()).status, (await get()).status], [500, 200]);
    await add({ pathPattern: path, status: 500, times: null });
    deepEqual([(await get()).status, (await get()).status, (await get()).status], [500, 500, 500]);
    await fixture.double.client.clearFaults();
    equal((await get()).status, 200);
  });

  it("leave alone what their method or path does not fit, and have no effect on the rest", async () => {
    await add({ method: "DELETE", pathPattern: path, status: 500 });
    await add({ pathPattern: "/pulls", status: 500 });
    equal((await get()).status, 200);
    equal((await remove()).status, 500);
    deepEqual(await labels(), ["ready-for-qa"]);
  });

  it("strike in the order they were added", async () => {
    await add({ pathPattern: path, status: 500 });
    await add({ pathPattern: path, status: 502 });
    deepEqual([(await get()).status, (await get()).status, (await get()).status], [500, 502, 200]);
  });

  it("send GitHub's page instead of JSON with a 502", async () => {
    await add({ pathPattern: path, status: 502 });
    const reply = await get();
    equal(reply.headers["content-type"], "text/html");
    throws(reply.json);
  });

  it("limit the rate as GitHub does, the primary limit with its reset, the secondary with Retry-After", async () => {
    await add(rateLimited(path, 30));
    const primary = await get();
    const reset = Number(primary.headers["x-ratelimit-reset"]) - Date.now() / 1000;
    ok(reset > 20 && reset <= 31, `resets in ${reset} s`);
    deepEqual([primary.status, primary.headers["x-ratelimit-remaining"]], [403, "0"]);
    for (const status of [403, 429] as const) {
      await add(secondaryLimit(path, 3, status));
      const reply = await get();
      deepEqual([reply.status, reply.headers["retry-after"]], [status, "3"]);
    }
  });

  it("break the connection", async () => {
    await add({ pathPattern: path, action: "reset" });
    await rejects(get(), { code: "ECONNRESET" });
    equal((await get()).status, 200);
  });

  it("never answer, until the client gives up", async () => {
    await add({ pathPattern: path, action: "hang" });
    await rejects(fetch(fixture.double.url + path, { signal: AbortSignal.timeout(100) }), { name: "TimeoutError" });
    equal((await fixture.double.client.requests()).at(-1)?.status, null);
  });

  it("answer late", async () => {
    await add({ pathPattern: path, delayMs: 80 });
    const start = performance.now();
    equal((await get()).status, 200);
    ok(performance.now() - start >= 79);
  });

  it("break the JSON of an answer whose request was carried out", async () => {
    await add({ method: "DELETE", pathPattern: label, action: "broken-json" });
    const reply = await remove();
    equal(reply.status, 200);
    equal(reply.headers["content-type"], "application/json; charset=utf-8");
    throws(reply.json, SyntaxError);
    deepEqual(await labels(), []);
  });

  it("lose the answer after the request was carried out", async () => {
    await add({ method: "DELETE", pathPattern: label, action: "reset", perform: true });
    await rejects(remove(), { code: "ECONNRESET" });
    deepEqual(await labels(), []);
    await fixture.double.client.putRepository(repository, { pulls: [{ number: 5, labels: ["ready-for-qa"] }] });
    await add({ method: "DELETE", pathPattern: label, status: 502, perform: true });
    equal((await remove()).status, 502);
    deepEqual(await labels(), []);
  });
});
