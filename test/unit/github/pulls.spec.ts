import { deepEqual, equal } from "node:assert/strict";
import type { JsonObject } from "../../support/github/answers.ts";
import { appOctokit } from "../../support/github/index.ts";
import { appId, Fixture, installationId, key, repository } from "./fixture.ts";

const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(40)) as [string, string, string];

interface Pull extends JsonObject {
  number: number;
  state: string;
  head: { label: string; ref: string; sha: string; repo: { full_name: string; fork: boolean } | null };
  labels: { name: string }[];
  user: { login: string; type: string };
}

describe("GitHub double: pull requests", () => {
  let fixture: Fixture;
  let authorization: string;
  before(async () => {
    fixture = await Fixture.open();
    await fixture.double.client.putRepository(repository, {
      branches: { "task-3": a, "task-30": b, "task-4-x": b },
      pulls: [
        {
          number: 1,
          headRef: "task-3",
          labels: ["task-3", "ready-for-qa"],
          author: "5dlabs-rex[bot]",
          title: "Task 3",
        },
        { number: 2, headRef: "task-4-x", state: "closed" },
        { number: 3, headRef: "task-3", headRepo: "Mallory/Shop", headSha: c, labels: ["task-3"] },
        { number: 4, headRef: "gone", headRepo: null, base: "develop" },
      ],
    });
    authorization = `Bearer ${await fixture.token()}`;
  });
  after(() => fixture.close());

  const get = (path: string) => fixture.get(`/repos/acme/shop/pulls${path}`, { authorization });
  const list = async (query: string) => (await get(query)).json() as Pull[];
  const numbers = async (query: string) => (await list(query)).map(({ number }) => number);

  it("are of branches that begin with a prefix, whatever follows it", async () => {
    const reply = await fixture.get("/repos/acme/shop/git/matching-refs/heads/task-3", { authorization });
    deepEqual(
      (reply.json() as { ref: string }[]).map(({ ref }) => ref),
      ["refs/heads/task-3", "refs/heads/task-30"],
    );
  });

  it("are filtered by state, base and head, and sorted", async () => {
    deepEqual(await numbers("?state=closed"), [2]);
    deepEqual(await numbers("?state=all"), [4, 3, 2, 1]);
    deepEqual(await numbers("?base=develop"), [4]);
    deepEqual(await numbers("?head=acme:task-3"), [1]);
    deepEqual(await numbers("?head=mallory:task-3"), [3]);
    deepEqual(await numbers("?direction=asc"), [1, 3, 4]);
  });

  it("are all listed when the head is named without its owner, as GitHub does", async () => {
    deepEqual(await numbers("?head=task-3"), [4, 3, 1]);
  });

  it("name head, labels and author; a fork by its own name, a deleted one by none", async () => {
    const [four, three, one] = await list("");
    deepEqual(
      [one, three, four].map((pull) => ({
        label: pull?.head.label,
        sha: pull?.head.sha,
        repo: pull?.head.repo?.full_name,
        fork: pull?.head.repo?.fork,
        labels: pull?.labels.map(({ name }) => name),
      })),
      [
        { label: "Acme:task-3", sha: a, repo: repository, fork: false, labels: ["task-3", "ready-for-qa"] },
        { label: "Mallory:task-3", sha: c, repo: "Mallory/Shop", fork: true, labels: ["task-3"] },
        { label: "unknown:gone", sha: four?.head.sha, repo: undefined, fork: undefined, labels: [] },
      ],
    );
    deepEqual(
      { title: one?.title, login: one?.user.login, type: one?.user.type },
      { title: "Task 3", login: "5dlabs-rex[bot]", type: "Bot" },
    );
  });

  describe("in pages", () => {
    before(() =>
      fixture.double.client.putRepository("Acme/Other", {
        pulls: Array.from({ length: 105 }, (_, index) => ({ number: index + 1, headRef: `task-${index + 1}` })),
      }),
    );

    const other = async (query: string) => {
      const reply = await fixture.get(`/repos/acme/other/pulls${query}`, { authorization });
      const pulls = reply.json() as Pull[];
      return { numbers: pulls.map(({ number }) => number), link: reply.headers.link };
    };

    it("hold 30 unless said, and at most 100", async () => {
      equal((await other("")).numbers.length, 30);
      equal((await other("?per_page=1000")).numbers.length, 100);
    });

    it("lead from one to the next by Link, which keeps the query and names the repository by id", async () => {
      const { repositories } = await fixture.double.client.state();
      const id = repositories.find(({ fullName }) => fullName === "Acme/Other")?.id;
      const at = (page: number) =>
        `<${fixture.double.url}/repositories/${id}/pulls?state=open&per_page=50&page=${page}>`;
      const query = "?state=open&per_page=50";
      equal((await other(query)).link, `${at(2)}; rel="next", ${at(3)}; rel="last"`);
      equal(
        (await other(`${query}&page=2`)).link,
        `${at(1)}; rel="prev", ${at(3)}; rel="next", ${at(3)}; rel="last", ${at(1)}; rel="first"`,
      );
      const last = await other(`${query}&page=3`);
      equal(last.link, `${at(2)}; rel="prev", ${at(1)}; rel="first"`);
      deepEqual(last.numbers, [5, 4, 3, 2, 1]);
      deepEqual((await other(`${query}&page=4`)).numbers, []);
      const followed = await fixture.get(`/repositories/${id}/pulls?state=open&per_page=50&page=3`, { authorization });
      deepEqual(
        (followed.json() as Pull[]).map(({ number }) => number),
        last.numbers,
      );
    });

    it("are all collected by the real Octokit", async () => {
      const octokit = appOctokit(fixture.double.url, { appId, privateKeyPem: key.privateKeyPem, installationId });
      const pulls = await octokit.paginate(octokit.pulls.list, { owner: "acme", repo: "other", per_page: 100 });
      deepEqual(
        pulls.map(({ number }) => number),
        Array.from({ length: 105 }, (_, index) => 105 - index),
      );
    });
  });
});
