import { deepEqual, equal, match } from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GitHubDouble, generateAppKey, startGitHubDouble } from "../support/github/index.ts";
import { ended, lastWords, spawnStep } from "../support/step.ts";
import { repository, stepEnvironment } from "./scenario.ts";

const steps = join(import.meta.dirname, "../../components/steps");

/** The GitHub calls that all steps share, against the double. It does not show how the real GitHub redirects. */
describe("calls to GitHub, when it redirects,", function () {
  this.timeout(120_000);
  let github: GitHubDouble;
  /** Another host. A request that reaches it means that the credentials leaked. */
  let other: GitHubDouble;
  let folder: string;
  let id: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "rex-redirects-"));
    github = await startGitHubDouble();
    other = await startGitHubDouble();
    const { publicKeyPem, privateKeyPem } = generateAppKey();
    writeFileSync(join(folder, "key.pem"), privateKeyPem);
    await github.client.putApp({
      appId: 4711,
      slug: "rex-remediation",
      publicKeyPem,
      installationId: 42,
      permissions: { contents: "read", pull_requests: "write" },
      repositories: [repository],
    });
    const pulls = [{ number: 3, headRef: "task-3", labels: ["ready-for-qa"] }];
    id = (await github.client.putRepository(repository, { branches: { "task-3": "b".repeat(40) }, pulls })).id;
  });
  afterEach(async () => {
    await Promise.all([github.close(), other.close()]);
    rmSync(folder, { recursive: true });
  });

  /** Runs bash that may call GitHub as a step does, with a token made before the repository was renamed. */
  async function call(
    bash: string,
    { to = "" } = {},
  ): Promise<{ exitCode: number | null; log: string; lastWords: string }> {
    const environment = stepEnvironment({
      ...{
        STEP: "stop-qa",
        TASK: "3",
        RUN_NAME: "rex-remediation-3-b",
        namespace: "agents",
        "github.apiUrl": github.url,
      },
      ...{ SHARED_DIR: folder, TOKEN_DIR: folder, HOME: folder, TERMINATION_LOG: join(folder, "last-words") },
      ...{ GITHUB_PRIVATE_KEY_FILE: join(folder, "key.pem"), PATH: process.env.PATH ?? "", TO: to },
    });
    const sources = ["lib", "kubernetes", "github", "token"].map((file) => `source ${steps}/${file}.sh`);
    const { exitCode, log } = await ended(spawnStep([...sources, bash].join("\n"), environment));
    const said = lastWords(exitCode === 0 ? "" : readFileSync(join(folder, "last-words"), "utf8"));
    return { exitCode, log, lastWords: said.lastWords };
  }

  const token = 'mint_token \'{"contents": "read", "pull_requests": "write"}\'';

  /** The requests with one method, except those that ask for a token. */
  const asked = async (method: string) =>
    (await github.client.requests())
      .filter((one) => one.method === method && !/installation/.test(one.path))
      .map(({ path, status, body }) => ({ path, status, body }));

  async function made(): Promise<void> {
    const { exitCode, log } = await call(token);
    equal(exitCode, 0, log);
  }

  it("follow a renamed repository, with the same method and body", async () => {
    await made();
    await github.client.renameRepository(repository, "acme/store");
    const label = "issues/3/labels/ready-for-qa";
    const comment = { body: "words" };
    const { exitCode, log } = await call(`
      github_pages "/repos/$REPOSITORY/pulls?state=open"; jq -c '[.[].number]' "$SCRATCH/pages"
      github DELETE "/repos/$REPOSITORY/${label}"; echo "moved to $moved"
      echo '${JSON.stringify(comment)}' >"$SCRATCH/body"
      github POST "/repos/$REPOSITORY/issues/3/comments" "$SCRATCH/body"
      github GET /repos/acme/store; echo "moved to [$moved]"`);
    equal(exitCode, 0, log);
    deepEqual(log.trim().split("\n"), ["[3]", `moved to ${github.url}/repositories/${id}/${label}`, "moved to []"]);
    deepEqual(await github.client.labels("acme/store", 3), []);
    deepEqual(await asked("DELETE"), [
      { path: `/repos/acme/shop/${label}`, status: 307, body: null },
      { path: `/repositories/${id}/${label}`, status: 200, body: null },
    ]);
    deepEqual(await asked("POST"), [
      { path: "/repos/acme/shop/issues/3/comments", status: 307, body: comment },
      { path: `/repositories/${id}/issues/3/comments`, status: 201, body: comment },
    ]);
  });

  for (const status of [301, 302, 307, 308]) {
    it(`follow ${status}, even to a path without a host`, async () => {
      await made();
      const location = `/repositories/${id}/issues/3/labels/ready-for-qa`;
      await github.client.addFault({ method: "DELETE", pathPattern: "^/repos/", status, headers: { location } });
      const { exitCode, log } = await call('github DELETE "/repos/$REPOSITORY/issues/3/labels/ready-for-qa"');
      equal(exitCode, 0, log);
      deepEqual(await github.client.labels(repository, 3), []);
    });
  }

  it("fail with a clear message if the redirects never end [redirected-without-end]", async () => {
    await made();
    const location = `${github.url}/repositories/${id}/issues/3/labels/ready-for-qa`;
    await github.client.addFault({
      method: "DELETE",
      pathPattern: ".",
      status: 307,
      headers: { location },
      times: null,
    });
    const { exitCode, lastWords } = await call('github DELETE "/repos/$REPOSITORY/issues/3/labels/ready-for-qa"');
    equal(exitCode, 1);
    equal(
      lastWords,
      `stop-qa: GitHub redirects DELETE /repos/acme/shop/issues/3/labels/ready-for-qa too often, last to ${location}: wait until GitHub has fixed that, then: argo -n agents retry rex-remediation-3-b`,
    );
    equal((await asked("DELETE")).length, 4);
  });

  const elsewhere: Record<string, () => string> = {
    "another port": () => `${other.url}/repos/acme/shop`,
    "another scheme": () => github.url.replace("http:", "https:"),
    "another host that begins alike": () => `${github.url}.example.com/repos/acme/shop`,
    "another host behind a user's name": () => `${github.url}@${new URL(other.url).host}/repos/acme/shop`,
    "another host without a scheme": () => other.url.replace("http:", ""),
    nowhere: () => "",
  };
  for (const [title, location] of Object.entries(elsewhere)) {
    it(`do not go to ${title}, and fail with a clear message [redirected-elsewhere]`, async () => {
      await made();
      await github.client.addFault({ pathPattern: "^/repos/", status: 301, headers: { location: location() } });
      const { exitCode, lastWords } = await call('github GET "/repos/$REPOSITORY"');
      equal(exitCode, 1);
      equal(
        lastWords,
        `stop-qa: GitHub redirects GET /repos/acme/shop away from ${github.url}, to ${location()}: not followed, because the credentials are only for ${github.url}; if GitHub has moved, correct githubApp.apiUrl (pulumi up), otherwise look for a proxy on the way to GitHub, then: argo -n agents resubmit rex-remediation-3-b`,
      );
      deepEqual(await other.client.requests(), []);
    });
  }

  it("make no token for a repository's old name, and say its new name [no-token-for-old-name]", async () => {
    await github.client.renameRepository(repository, "acme/store");
    const { exitCode, lastWords } = await call(token);
    equal(exitCode, 1);
    equal(
      lastWords,
      "stop-qa: acme/shop was renamed to acme/store, and pushes under that name are ignored: correct repositories (pulumi config set --path 'repositories[0]' acme/store, then pulumi up)",
    );
    match((await github.client.tokens()).at(-1)?.permissions.metadata ?? "", /^read$/);
  });
});
