import { deepEqual } from "node:assert/strict";
import type { JsonObject } from "../../support/github/answers.ts";
import { errorBody, Fixture, repository } from "./fixture.ts";

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
      pulls: [{ number: 5, headRef: "task-3", labels: ["task-3", "ready-for-qa", odd] }],
    }),
  );

  const send = (method: string, path: string, body?: unknown) =>
    fixture.send(method, `/repos/acme/shop/issues${path}`, { authorization, body });
  const labelsNow = async () =>
    (await fixture.double.client.repository(repository)).pulls.find(({ number }) => number === 5)?.labels;

  describe("labels", () => {
    it("are removed by their percent-encoded name, in any case", async () => {
      const reply = await send("DELETE", `/5/labels/${encodeURIComponent(odd.toUpperCase())}`);
      deepEqual([reply.status, await labelsNow()], [200, ["task-3", "ready-for-qa"]]);
    });

    it("cannot be removed twice: the label does not exist", async () => {
      await send("DELETE", "/5/labels/ready-for-qa");
      const reply = await send("DELETE", "/5/labels/ready-for-qa");
      deepEqual([reply.status, reply.json()], [404, errorBody(404, "Label does not exist", labelDocs)]);
    });

    it("of an unknown pull request are not found, with another message", async () => {
      const reply = await send("DELETE", "/6/labels/ready-for-qa");
      deepEqual([reply.status, reply.json()], [404, errorBody(404, "Not Found", labelDocs)]);
    });

    it("are removed only with the permission to write pull requests, whether they exist or not", async () => {
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
  });

  describe("comments", () => {
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
      const read = await reader("GET", "/5/comments");
      deepEqual([read.status, (read.json() as JsonObject[]).map(({ body }) => body)], [200, ["mended"]]);
    });
  });
});
