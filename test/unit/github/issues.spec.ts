import { deepEqual, equal, match } from "node:assert/strict";
import type { JsonObject } from "../../support/github/answers.ts";
import { idOf, nodeIdOf } from "../../support/github/identity.ts";
import { errorBody, Fixture, jwt, repository } from "./fixture.ts";

const labelDocs = "/issues/labels#remove-a-label-from-an-issue";
const odd = "über/als 50%";

describe("GitHub double: labels and comments", () => {
  let fixture: Fixture;
  let authorization: string;
  before(async () => {
    fixture = await Fixture.open();
    authorization = `Bearer ${await fixture.token()}`;
  });
  after(() => fixture.close());
  beforeEach(() =>
    fixture.double.client.putRepository(repository, {
      labels: ["Needs-Human"],
      pulls: [{ number: 5, headRef: "task-3", labels: ["task-3", "ready-for-qa", odd] }],
    }),
  );

  const send = (method: string, path: string, body?: unknown) =>
    fixture.send(method, `/repos/acme/shop/issues${path}`, { authorization, body });
  const names = (body: unknown) => (body as { name: string }[]).map(({ name }) => name);
  const carried = async () =>
    (await fixture.double.client.repository(repository)).pulls.find(({ number }) => number === 5)?.labels;

  describe("labels", () => {
    it("are listed whole", async () => {
      const reply = await send("GET", "/5/labels?per_page=1");
      const id = idOf("Label", `${repository}:task-3`);
      deepEqual(reply.json(), [
        {
          id,
          node_id: nodeIdOf("Label", id),
          url: `${fixture.double.url}/repos/${repository}/labels/task-3`,
          name: "task-3",
          description: null,
          color: "ededed",
          default: false,
        },
      ]);
      match(String(reply.headers.link), /page=2>; rel="next"/);
    });

    it("are removed by name, and the remaining ones are the answer", async () => {
      const reply = await send("DELETE", "/5/labels/ready-for-qa");
      deepEqual([reply.status, names(reply.json())], [200, ["task-3", odd]]);
      deepEqual(await carried(), ["task-3", odd]);
    });

    it("are removed by their percent-encoded name, in any case", async () => {
      const reply = await send("DELETE", `/5/labels/${encodeURIComponent(odd.toUpperCase())}`);
      deepEqual([reply.status, await carried()], [200, ["task-3", "ready-for-qa"]]);
    });

    it("are not there a second time: the label does not exist", async () => {
      await send("DELETE", "/5/labels/ready-for-qa");
      const reply = await send("DELETE", "/5/labels/ready-for-qa");
      deepEqual([reply.status, reply.json()], [404, errorBody(404, "Label does not exist", labelDocs)]);
    });

    it("of a pull request that there is not are not found, which reads differently", async () => {
      const reply = await send("DELETE", "/6/labels/ready-for-qa");
      deepEqual([reply.status, reply.json()], [404, errorBody(404, "Not Found", labelDocs)]);
    });

    it("are taken off only with the permission to write pull requests, whether they are there or not", async () => {
      const token = await fixture.token({ permissions: { pull_requests: "read" } });
      for (const name of ["ready-for-qa", "nothing"]) {
        const reply = await fixture.send("DELETE", `/repos/acme/shop/issues/5/labels/${name}`, {
          authorization: `Bearer ${token}`,
        });
        deepEqual(
          [reply.status, reply.json()],
          [403, errorBody(403, "Resource not accessible by integration", labelDocs)],
        );
      }
    });

    it("of the repository are shown one by one, in any case, until they are deleted", async () => {
      const show = async () => {
        const { status, json } = await fixture.get("/repos/acme/shop/labels/needs-HUMAN", { authorization });
        return [status, (json() as JsonObject).name];
      };
      deepEqual(await show(), [200, "Needs-Human"]);
      await fixture.double.client.putRepository(repository, { deletedLabels: ["needs-human"] });
      deepEqual(await show(), [404, undefined]);
    });

    it("are added in the repository's spelling, once", async () => {
      await send("DELETE", "/5/labels/ready-for-qa");
      const reply = await send("POST", "/5/labels", { labels: ["READY-for-qa", "ready-for-qa", "needs-human"] });
      const expected = ["task-3", odd, "ready-for-qa", "Needs-Human"];
      deepEqual([reply.status, names(reply.json()), await carried()], [200, expected, expected]);
    });

    it("are created only with the permission for issues", async () => {
      const refused = await send("POST", "/5/labels", { labels: ["brand-new"] });
      deepEqual(
        [refused.status, (refused.json() as JsonObject).message],
        [403, "You do not have permission to create labels on this repository."],
      );
      await fixture.install({ permissions: { issues: "write", pull_requests: "write" } });
      const token = await fixture.token();
      await fixture.install();
      const reply = await fixture.post("/repos/acme/shop/issues/5/labels", {
        authorization: `Bearer ${token}`,
        body: { labels: ["brand-new"] },
      });
      deepEqual(names(reply.json()).at(-1), "brand-new");
    });

    for (const [what, body] of [
      ["no labels", {}],
      ["labels that are no list", { labels: "ready-for-qa" }],
      ["a label without a name", { labels: [" "] }],
    ] as const)
      it(`are refused when the request has ${what}`, async () => {
        equal((await send("POST", "/5/labels", body)).status, 422);
        deepEqual(await carried(), ["task-3", "ready-for-qa", odd]);
      });
  });

  describe("comments", () => {
    it("are created by the App's bot, found again, and updated in place", async () => {
      const created = await send("POST", "/5/comments", { body: "QA restarted" });
      const comment = created.json() as JsonObject & {
        id: number;
        user: JsonObject;
        performed_via_github_app: JsonObject;
      };
      equal(created.status, 201);
      equal(created.headers.location, comment.url);
      deepEqual(
        [comment.body, comment.user.login, comment.user.type, comment.performed_via_github_app.slug],
        ["QA restarted", "rex-remediation[bot]", "Bot", "rex-remediation"],
      );
      const updated = await send("PATCH", `/comments/${comment.id}`, { body: "QA restarted twice" });
      deepEqual([updated.status, (updated.json() as JsonObject).body], [200, "QA restarted twice"]);
      equal(((await send("GET", `/comments/${comment.id}`)).json() as JsonObject).body, "QA restarted twice");
      const listed = (await send("GET", "/5/comments")).json() as JsonObject[];
      deepEqual(
        listed.map(({ id, body }) => ({ id, body })),
        [{ id: comment.id, body: "QA restarted twice" }],
      );
    });

    it("are listed oldest first, in pages, from a time on", async () => {
      for (const body of ["one", "two", "three"]) await send("POST", "/5/comments", { body });
      const bodies = async (query: string) =>
        ((await send("GET", `/5/comments${query}`)).json() as JsonObject[]).map(({ body }) => body);
      deepEqual((await bodies("")).slice(-3), ["one", "two", "three"]);
      deepEqual(await bodies("?per_page=2&page=2"), ["two", "three"]);
      deepEqual(await bodies(`?since=${new Date(Date.now() + 60_000).toISOString()}`), []);
    });

    it("lead from page to page", async () => {
      const { headers } = await send("GET", "/5/comments?per_page=1");
      const url = `${fixture.double.url}/repositories/${idOf("Repository", repository)}/issues/5/comments?per_page=1`;
      equal(String(headers.link).split(", ")[0], `<${url}&page=2>; rel="next"`);
    });

    it("need the permission to write pull requests, and no other", async () => {
      const as = async (level: "read" | "write") => {
        const token = await fixture.token({ permissions: { pull_requests: level } });
        return (method: string, path: string, body?: unknown) =>
          fixture.send(method, `/repos/acme/shop/issues${path}`, { authorization: `Bearer ${token}`, body });
      };
      const [writer, reader] = [await as("write"), await as("read")];
      const created = await writer("POST", "/5/comments", { body: "written" });
      const comment = `/comments/${(created.json() as { id: number }).id}`;
      const updated = await writer("PATCH", comment, { body: "mended" });
      const listed = await writer("GET", "/5/comments");
      deepEqual([created.status, updated.status, listed.status], [201, 200, 200]);
      for (const [method, path, page] of [
        ["POST", "/5/comments", "create-an-issue-comment"],
        ["PATCH", comment, "update-an-issue-comment"],
      ] as const) {
        const reply = await reader(method, path, { body: "refused" });
        deepEqual(
          [reply.status, reply.json(), reply.headers["x-accepted-github-permissions"]],
          [
            403,
            errorBody(403, "Resource not accessible by integration", `/issues/comments#${page}`),
            "issues=write; pull_requests=write",
          ],
        );
      }
      equal((await reader("GET", "/5/comments")).status, 200);
      equal(((await reader("GET", comment)).json() as JsonObject).body, "mended");
    });

    it("keep their author when another App updates them", async () => {
      const created = (await send("POST", "/5/comments", { body: "mine" })).json() as JsonObject;
      await fixture.install({ appId: 5000, installationId: 43, clientId: "Iv23liOther", slug: "other" });
      const minted = await fixture.post("/app/installations/43/access_tokens", {
        authorization: `Bearer ${jwt({ iss: 5000 })}`,
      });
      const other = `Bearer ${(minted.json() as { token: string }).token}`;
      const path = "/repos/acme/shop/issues";
      const body = { body: "theirs" };
      const theirs = await fixture.post(`${path}/5/comments`, { authorization: other, body });
      const updated = await fixture.send("PATCH", `${path}/comments/${created.id}`, { authorization: other, body });
      const author = (reply: { json: () => unknown }) => ((reply.json() as JsonObject).user as JsonObject).login;
      deepEqual([author(theirs), author(updated)], ["other[bot]", "rex-remediation[bot]"]);
    });

    for (const [what, body, message] of [
      ["no body", {}, 'Invalid request.\n\n"body" wasn\'t supplied.'],
      ["a blank body", { body: " " }, "Validation Failed"],
      ["a body beyond GitHub's limit", { body: "x".repeat(65537) }, "Validation Failed"],
    ] as const)
      it(`are refused with ${what}`, async () => {
        const reply = await send("POST", "/5/comments", body);
        deepEqual([reply.status, (reply.json() as JsonObject).message], [422, message]);
      });

    it("are not found on a pull request or under an id that there is not", async () => {
      equal((await send("POST", "/6/comments", { body: "x" })).status, 404);
      equal((await send("PATCH", "/comments/1", { body: "x" })).status, 404);
    });
  });
});
