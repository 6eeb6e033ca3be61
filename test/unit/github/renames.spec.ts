import { deepEqual, equal } from "node:assert/strict";
import { Fixture, installationId, jwt, repository } from "./fixture.ts";

/** https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects */
describe("GitHub double: renamed repositories", () => {
  let fixture: Fixture;
  let id: number;

  beforeEach(async () => {
    fixture = await Fixture.open();
    await fixture.double.client.putRepository(repository, {
      pulls: [{ number: 5, headRef: "task-5", labels: ["ready"] }],
    });
    id = (await fixture.double.client.repository(repository)).id;
  });
  afterEach(() => fixture.close());

  const rename = (to: string) => fixture.double.client.renameRepository(repository, to);

  it("redirect from the old name, reads with 301 and writes with 307, path and query kept", async () => {
    const authorization = `Bearer ${await fixture.token()}`;
    await rename("Acme/Store");
    const read = await fixture.get("/repos/acme/shop/pulls?state=open&page=2", { authorization });
    deepEqual(
      [read.status, read.headers.location],
      [301, `${fixture.double.url}/repositories/${id}/pulls?state=open&page=2`],
    );
    const label = "/issues/5/labels/ready";
    const written = await fixture.send("DELETE", `/repos/Acme/Shop${label}`, { authorization });
    deepEqual([written.status, written.headers.location], [307, `${fixture.double.url}/repositories/${id}${label}`]);
    deepEqual(await fixture.double.client.labels("Acme/Store", 5), ["ready"]);
  });

  it("are found under the new name and by their id, with tokens from before", async () => {
    const authorization = `Bearer ${await fixture.token()}`;
    await rename("Acme/Store");
    for (const path of ["/repos/acme/store", `/repositories/${id}`]) {
      const { status, json } = await fixture.get(path, { authorization });
      deepEqual([status, (json() as { full_name: string }).full_name], [200, "Acme/Store"], path);
    }
    equal((await fixture.get("/repos/acme/store/issues/5/labels", { authorization })).status, 200);
  });

  it("redirect the App, too, and have no token under the old name", async () => {
    await rename("Acme/Store");
    const authorization = `Bearer ${jwt()}`;
    const found = await fixture.get("/repos/acme/shop/installation", { authorization });
    deepEqual([found.status, found.headers.location], [301, `${fixture.double.url}/repositories/${id}/installation`]);
    const body = { repositories: ["shop"] };
    const token = await fixture.post(`/app/installations/${installationId}/access_tokens`, { authorization, body });
    equal(token.status, 422);
  });

  it("do not redirect whoever may not see them, and no more once another has the name", async () => {
    const token = `Bearer ${await fixture.token({ repositories: ["other"] })}`;
    await rename("Acme/Store");
    equal((await fixture.get("/repos/acme/shop")).status, 404);
    equal((await fixture.get("/repos/acme/shop", { authorization: token })).status, 404);
    await fixture.install({ repositories: ["Acme/Store", repository] });
    await fixture.double.client.putRepository(repository);
    const authorization = `Bearer ${await fixture.token()}`;
    equal((await fixture.get("/repos/acme/shop", { authorization })).status, 200);
  });
});
