import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { appOctokit, generateAppKey, mintInstallationToken } from "../../support/github/index.ts";
import { appId, errorBody, Fixture, installationId, jwt, key, permissions, repository } from "./fixture.ts";

const docs = "/apps/apps#get-the-authenticated-app";
const notDecoded = "A JSON web token could not be decoded";
const badIat = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
const badExp =
  "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
const tooFar = "'Expiration time' claim ('exp') is too far in the future";

function now(): number {
  return Math.floor(Date.now() / 1000);
}

describe("GitHub double: App authentication", () => {
  let fixture: Fixture;
  before(async () => {
    fixture = await Fixture.open();
  });
  after(() => fixture.close());

  const getApp = (authorization?: string) => fixture.get("/app", { authorization });

  for (const [what, claims] of [
    ["the App's id as a number", { iss: appId }],
    ["the App's id as a string", { iss: String(appId) }],
    ["the App's client id", { iss: "Iv23liTest" }],
    ["a token issued now that is valid for the full ten minutes", { iat: now(), exp: now() + 600 }],
  ] as const)
    it(`accepts ${what}`, async () => {
      const reply = await getApp(`Bearer ${jwt(claims)}`);
      equal(reply.status, 200, reply.text);
      const { id, slug, client_id, permissions, installations_count } = reply.json() as Record<string, unknown>;
      deepEqual(
        { id, slug, client_id, permissions, installations_count },
        {
          id: appId,
          slug: "rex-remediation",
          client_id: "Iv23liTest",
          permissions: { metadata: "read", contents: "read", pull_requests: "write" },
          installations_count: 1,
        },
      );
    });

  const otherKey = generateAppKey();
  for (const [what, authorization, status, message] of [
    ["no token", () => undefined, 401, notDecoded],
    ["a string that is not a token", () => "Bearer nonsense", 401, notDecoded],
    ["parts that are not JSON", () => "Bearer a.b.c", 401, notDecoded],
    ["a token after the word token", () => `token ${jwt()}`, 401, notDecoded],
    ["another key's signature", () => `Bearer ${jwt({}, otherKeyOptions())}`, 401, notDecoded],
    ["claims changed after signing", () => `Bearer ${tampered()}`, 401, notDecoded],
    ["an algorithm other than RS256", () => `Bearer ${jwt({}, { alg: "HS256" })}`, 401, notDecoded],
    ["the algorithm none", () => `Bearer ${jwt({}, { alg: "none" })}`, 401, notDecoded],
    ["an issuer that is not an App", () => `Bearer ${jwt({ iss: 99 })}`, 404, "Integration not found"],
    ["no issuer", () => `Bearer ${jwt({ iss: undefined })}`, 401, "Missing 'issuer' claim ('iss') in assertion"],
    [
      "an issuer of another form",
      () => `Bearer ${jwt({ iss: "rex" })}`,
      401,
      "'Issuer' claim ('iss') must be an Integer",
    ],
    ["no iat", () => `Bearer ${jwt({ iat: undefined })}`, 401, "Missing 'issued at' claim ('iat') in assertion"],
    ["an iat in the future", () => `Bearer ${jwt({ iat: now() + 30 })}`, 401, badIat],
    ["an iat that is not an integer", () => `Bearer ${jwt({ iat: now() - 0.5 })}`, 401, badIat],
    ["no exp", () => `Bearer ${jwt({ exp: undefined })}`, 401, "Missing 'expiration time' claim ('exp') in assertion"],
    ["an exp in the past", () => `Bearer ${jwt({ exp: now() - 1 })}`, 401, badExp],
    ["an exp that is a string", () => `Bearer ${jwt({ exp: String(now() + 60) })}`, 401, badExp],
    ["an exp more than ten minutes ahead", () => `Bearer ${jwt({ exp: now() + 660 })}`, 401, tooFar],
  ] as const)
    it(`refuses ${what}`, async () => {
      const reply = await getApp(authorization());
      deepEqual([reply.status, reply.json()], [status, errorBody(status, message, docs)]);
    });

  function otherKeyOptions() {
    return { alg: "RS256", privateKeyPem: otherKey.privateKeyPem };
  }

  function tampered(): string {
    const [header, , signature] = jwt().split(".");
    return [header, jwt({ exp: now() + 500 }).split(".")[1], signature].join(".");
  }

  it("refuses an installation token where only an App may authenticate", async () => {
    const reply = await getApp(`Bearer ${await fixture.token()}`);
    deepEqual([reply.status, reply.json()], [401, errorBody(401, notDecoded, docs)]);
  });

  it("refuses a JSON web token where an installation token is needed", async () => {
    const reply = await fixture.get(`/repos/${repository}`, { authorization: `Bearer ${jwt()}` });
    equal(reply.status, 401);
    equal((reply.json() as { message: string }).message, "Bad credentials");
  });

  describe("from the real @octokit/auth-app", () => {
    const credentials = { appId, privateKeyPem: key.privateKeyPem, installationId };

    it("accepts its JSON web token, and issues an installation token for it", async () => {
      const token = await mintInstallationToken(fixture.double.url, credentials, { permissions });
      match(token, /^ghs_[A-Za-z0-9]{36}$/);
      const found = await appOctokit(fixture.double.url, credentials).apps.getRepoInstallation({
        owner: "acme",
        repo: "shop",
      });
      equal(found.data.id, installationId);
    });

    it("refuses another App's key", () =>
      rejects(mintInstallationToken(fixture.double.url, { ...credentials, privateKeyPem: otherKey.privateKeyPem }), {
        status: 401,
        message: `${notDecoded} - https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app`,
      }));

    it("refuses another issuer", () =>
      rejects(mintInstallationToken(fixture.double.url, { ...credentials, appId: 99 }), { status: 404 }));

    for (const [what, clockOffsetSeconds] of [
      ["behind", 3600],
      ["ahead of", -3600],
    ] as const)
      it(`refuses a clock that is ${what} GitHub's, and the Date header lets the library correct it`, async () => {
        await fixture.double.client.settings({ clockOffsetSeconds });
        try {
          const { data } = await appOctokit(fixture.double.url, credentials).apps.getAuthenticated();
          equal(data?.id, appId);
          const statuses = (await fixture.double.client.requests()).slice(-2).map(({ status }) => status);
          deepEqual(statuses, [401, 200]);
        } finally {
          await fixture.double.client.settings({ clockOffsetSeconds: 0 });
        }
      });
  });
});
