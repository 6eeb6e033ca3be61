import { deepEqual, equal, match } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { verify } from "@octokit/webhooks-methods";
import { type ApiAnswer, ApiServerDouble } from "../../support/apiServerDouble.ts";
import { installed, installedOutputs } from "../../support/installed.ts";
import { callTool, runOnTerminal, type ToolResult } from "../../support/tool.ts";
import { appId, Fixture, key, permissions, repository } from "../../unit/github/fixture.ts";

const secret = "the installation's secret";
const other = "Acme/Other";
const writes = { ...permissions, repository_hooks: "write" } as const;

/**
 * Calls scripts/rex webhook as a person would, with the GitHub double, which really sends pings and repeated deliveries. The EventSource
 * and the cluster are simple doubles too; test/cli/by-hand/webhook.spec.ts uses real ones.
 */
describe("scripts/rex webhook", function () {
  this.timeout(120_000);
  let cluster: ApiServerDouble;
  let github: Fixture;
  let receiver: Server;
  /** The URL of the receiver. Like the EventSource, it answers 400 to a wrong signature. */
  let url: string;

  before(async () => {
    cluster = await ApiServerDouble.open(installedOutputs);
    github = await Fixture.open();
    receiver = createServer(async (request, response) => {
      const body = await text(request);
      const right = await verify(secret, body, String(request.headers["x-hub-signature-256"])).catch(() => false);
      response.writeHead(right ? 200 : 400).end();
    });
    await new Promise<void>((listening) => receiver.listen(0, "127.0.0.1", listening));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/push`;
  });
  after(async () => {
    await cluster.close();
    await github.close();
    receiver.closeAllConnections();
    await new Promise((closed) => receiver.close(closed));
  });
  beforeEach(async () => {
    await github.install({ permissions: writes });
    await client().clearFaults();
    for (const { id } of await hooks()) await client().removeHook(id);
    await watch([repository]);
  });

  const known = new Map<string, Record<string, ApiAnswer>>();

  /** @param content the value in the webhook's Secret */
  async function watch(repositories: string[], content = secret): Promise<void> {
    const what = JSON.stringify([repositories, content]);
    const objects =
      known.get(what) ??
      (await installed({
        githubApiUrl: github.double.url,
        githubAppId: appId,
        privateKey: key.privateKeyPem,
        webhookSecret: content,
        repositories,
      }));
    known.set(what, objects);
    cluster.answers = (request) => objects[request] ?? { code: 404, body: { kind: "Status" } };
  }

  const run = (args: string[], environment: Record<string, string | undefined> = {}): Promise<ToolResult> =>
    callTool("webhook", [...args, ...(["register", "redeliver"].includes(args[0] ?? "") ? ["--yes"] : [])], {
      ...cluster.environment,
      GITHUB_TOKEN: undefined,
      ...environment,
    });
  const webhook = (...args: string[]): Promise<ToolResult> => run([...args, "--url", url]);
  const client = () => github.double.client;
  const hooks = async () => (await client().state()).hooks;

  /** Creates a webhook with the right settings except for the given ones. The tool calls it webhook 7. */
  const putHook = (more: object = {}) => client().putRepositoryHook(repository, { id: 7, url, secret, ...more });

  it("explains itself and its exit codes", async () => {
    for (const args of [[], ["register"], ["status"], ["ping"], ["redeliver"]]) {
      const { exitCode, stdout } = await callTool("webhook", [...args, "--help"]);
      equal(exitCode, 0);
      match(stdout, new RegExp(`^usage: scripts/rex webhook ${args[0] ?? "COMMAND"}`));
      match(stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
    }
  });

  const bad: [string, string[], RegExp][] = [
    ["an unknown command", ["remove"], /^webhook: Unknown argument: remove; see scripts\/rex webhook --help$/],
    ["an unknown option", ["status", "--force"], /^webhook: Unknown argument: force; see .* webhook status --help$/],
    ["an option of another command", ["status", "--dry-run"], /^webhook: Unknown argument: dry-run; see /],
    [
      "two owners of a webhook",
      ["register", "--app", "--organization", "acme"],
      /^webhook: --repository, --organization and --app each choose the webhook; give only one of them$/,
    ],
    ["--replace without --app", ["register", "--replace"], /^webhook: --replace needs --app: /],
    [
      "redeliver without a delivery",
      ["redeliver"],
      /^webhook: redeliver: expected the id of a delivery .*, or --failed$/,
    ],
    ["a delivery's guid", ["redeliver", "0b989ba4"], /^webhook: redeliver: expected the id .*; got "0b989ba4"$/],
    [
      "a time from which GitHub keeps no deliveries",
      ["redeliver", "--failed", "--since", "4d"],
      /^webhook: --since: expected a time within the last three days, .*; got "4d"$/,
    ],
  ];
  it("refuses bad calls in one line, and changes nothing", async () => {
    const before = await client().requests();
    const results = await Promise.all(bad.map(([, args]) => callTool("webhook", args)));
    for (const [index, { exitCode, stdout, stderr }] of results.entries()) {
      const [what, , message] = bad[index] as (typeof bad)[number];
      deepEqual([exitCode, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], `${what}: ${stderr}`);
      match(stderr.trimEnd(), message, what);
    }
    deepEqual(await client().requests(), before);
  });

  describe("register", () => {
    it("gives GitHub the secret without the line feed that Argo Events ignores, and says so [webhook-secret-without-line-feed]", async () => {
      await watch([repository], `${secret}\n`);
      const { exitCode, stdout } = await webhook("register");
      equal(exitCode, 0, stdout);
      deepEqual(
        (await hooks()).map((hook) => hook.secret),
        [secret],
      );
      match(
        stdout,
        /^warning: Secret rex-remediation-webhook-[0-9a-f]{8}, key secret, ends with a line feed, which Argo Events ignores: GitHub needs the secret without it$/m,
      );
    });

    it("creates a webhook for each watched repository, and GitHub's first ping succeeds", async () => {
      await watch([repository, other]);
      const { exitCode, stdout } = await webhook("register");
      equal(exitCode, 0, stdout);
      const made = (await hooks()).map(({ repository, url, contentType, insecureSsl, secret, events, active }) => {
        return { repository, url, contentType, insecureSsl, secret, events, active };
      });
      const wanted = { url, contentType: "json", insecureSsl: "0", secret, events: ["push"], active: true };
      deepEqual(made, [
        { repository, ...wanted },
        { repository: other, ...wanted },
      ]);
      const intended = `create a webhook to ${url}: active, push events, as JSON, signed with the installation's secret`;
      const [first, second] = (await hooks()).map(({ id }) => id);
      equal(
        stdout,
        `acme/shop: ${intended}\nacme/other: ${intended}\nacme/shop: webhook ${first}: created\nacme/other: webhook ${second}: created\n`,
      );
      equal((await webhook("status")).exitCode, 0);
    });

    it("shows on a terminal what it will change, asks, and changes nothing unless the answer is yes", async () => {
      const answer = (typed: string) =>
        runOnTerminal("webhook", ["register", "--url", url], typed, cluster.environment);
      const refused = await answer("n\n");
      match(
        refused.stdout,
        /create a webhook to .*\r\n.*Make these changes\? \[y\/N\] .*not confirmed; nothing was done\r\n$/s,
      );
      deepEqual([refused.exitCode, await hooks()], [2, []]);
      const { exitCode, stdout } = await answer("y\n");
      match(stdout, /acme\/shop: webhook \d+: created\r\n$/);
      deepEqual([exitCode, (await hooks()).length], [0, 1]);
    });

    it("corrects wrong settings, and shows them first", async () => {
      await putHook({ secret: "old", events: ["pull_request", "push"], active: false, contentType: "form" });
      const { exitCode, stdout } = await webhook("register");
      equal(exitCode, 0, stdout);
      equal(
        stdout,
        `acme/shop: webhook 7: active false -> true; events pull_request, push -> push; content_type form -> json; set its secret to the installation's (GitHub does not show the current one)\nacme/shop: webhook 7: updated\n`,
      );
      const [hook, ...more] = await hooks();
      deepEqual(
        [hook?.id, hook?.secret, hook?.events, hook?.active, hook?.contentType, more],
        [7, secret, ["push"], true, "json", []],
      );
    });

    it("sets only the secret if all other settings are right, and creates no second webhook", async () => {
      await putHook({ url: `${url}/`, secret: "old" });
      const { exitCode, stdout } = await webhook("register");
      equal(exitCode, 0, stdout);
      match(stdout, /^acme\/shop: webhook 7: settings are right; set its secret to the installation's/);
      deepEqual(
        (await hooks()).map((hook) => hook.secret),
        [secret],
      );
    });

    it("changes nothing with --dry-run, and never prints the secret", async () => {
      await putHook({ secret: "old", active: false });
      const before = await hooks();
      const { exitCode, stdout, stderr } = await webhook("register", "--dry-run", "--json");
      equal(exitCode, 0, stderr);
      deepEqual(JSON.parse(stdout), {
        command: "register",
        url,
        well: true,
        dryRun: true,
        hooks: [
          { name: "acme/shop: webhook 7", action: "update", changes: { active: { is: "false", shall: "true" } } },
        ],
        warnings: [],
      });
      match(stderr, /^a dry run: nothing was changed$/m);
      deepEqual(await hooks(), before);
      equal(`${stdout}${stderr}`.includes(secret), false);
    });

    it("refuses a URL inside the cluster, unless it is given with --url", async () => {
      const inCluster = "http://rex-remediation-webhook.qa.svc:12000/push";
      const outputs = join(cluster.folder, "in-cluster.json");
      writeFileSync(outputs, JSON.stringify({ ...installedOutputs, webhookUrl: inCluster }));
      const { exitCode, stderr } = await run(["register", "--outputs", outputs]);
      equal(exitCode, 2);
      match(
        stderr,
        /^webhook: http:\S+ can be reached only inside the cluster, not by GitHub; set ingress\.host .* --url URL\n$/,
      );
      deepEqual(await hooks(), []);
      equal((await run(["register", "--url", inCluster])).exitCode, 0);
    });

    it("says what to do if the App is not installed on the repository or the name is wrong", async () => {
      await watch(["acme/shopp"]);
      const { exitCode, stderr } = await webhook("register");
      equal(exitCode, 2);
      match(
        stderr,
        /^webhook: App 4711 may not write the webhooks of acme\/shopp: it is not installed there; if the name is right, install the App \(.*\); if the name is wrong, correct it: pulumi config set --path 'repositories\[0\]' OWNER\/NAME, then pulumi up; or set the variable GITHUB_TOKEN /,
      );
    });

    it("uses a token if the App lacks the permission, and says how to grant it", async () => {
      await github.install();
      const refused = await webhook("register");
      equal(refused.exitCode, 2);
      match(
        refused.stderr,
        /^webhook: App 4711 may not write the webhooks of acme\/shop: it needs the permission Webhooks \(repository\): write, but has no access; grant it .*; or set the variable GITHUB_TOKEN to a token that may, /,
      );
      deepEqual(await hooks(), []);
      await github.install({
        permissions: writes,
        appId: 4712,
        installationId: 43,
        clientId: "Iv23liSecond",
        slug: "ann",
      });
      const token = await github.token(undefined, 43, 4712);
      const { exitCode, stderr } = await run(["register", "--url", url], { GITHUB_TOKEN: token });
      equal(exitCode, 0, stderr);
      deepEqual(
        (await hooks()).map(({ repository }) => repository),
        [repository],
      );
    });

    it("creates the webhook of an organization as an App with the permission", async () => {
      await github.install({ permissions: { ...permissions, organization_hooks: "write" } });
      const { exitCode, stdout, stderr } = await webhook("register", "--organization", "Acme");
      equal(exitCode, 0, stderr);
      match(stdout, /^organization Acme: create a webhook to /);
      deepEqual(
        (await hooks()).map(({ organization, secret }) => ({ organization, secret })),
        [{ organization: "Acme", secret }],
      );
      const pinged = await webhook("ping", "--organization", "Acme");
      equal(pinged.exitCode, 0, pinged.stdout);
    });

    it("warns if pushes would be delivered twice", async () => {
      await client().putAppHook(appId, { url });
      const { exitCode, stdout } = await webhook("register", "--dry-run");
      equal(exitCode, 0);
      match(
        stdout,
        /^warning: App 4711's own webhook also goes to \S+, so GitHub delivers each push twice; this is harmless/m,
      );
      await putHook();
      const own = await webhook("register", "--app", "--dry-run");
      match(own.stdout, /^warning: a webhook of acme\/shop also goes to \S+, so /m);
    });

    it("sets the App's own webhook if it has no URL yet", async () => {
      await client().putAppHook(appId, { url: "", contentType: "form", hasSecret: false });
      const { exitCode, stdout, stderr } = await webhook("register", "--app");
      equal(exitCode, 0, stdout + stderr);
      match(
        stdout,
        new RegExp(`^App 4711: its webhook: url none -> ${url}; content_type form -> json; secret none -> set; `),
      );
      const [hook] = await hooks();
      deepEqual([hook?.url, hook?.contentType, hook?.secret], [url, "json", secret]);
      equal((await webhook("status")).exitCode, 0);
    });

    it("keeps the App's own webhook if it goes elsewhere, unless --replace is given", async () => {
      const elsewhere = "https://other.example.com/hook";
      await client().putAppHook(appId, { url: elsewhere });
      const refused = await webhook("register", "--app");
      equal(refused.exitCode, 2);
      match(
        refused.stderr,
        /^webhook: App 4711's only webhook goes to https:\/\/other\.example\.com\/hook; --replace points /,
      );
      equal((await hooks())[0]?.url, elsewhere);
      const { exitCode, stdout } = await webhook("register", "--app", "--replace");
      equal(exitCode, 0);
      match(stdout, new RegExp(`^App 4711: its webhook: url ${elsewhere} -> ${url}; `));
      equal((await hooks())[0]?.url, url);
    });

    it("goes on with the other webhooks if GitHub refuses one, and fails", async () => {
      await watch([repository, other]);
      await client().addFault({ method: "POST", pathPattern: "/repos/acme/shop/hooks", status: 422 });
      const { exitCode, stdout } = await webhook("register");
      equal(exitCode, 1, stdout);
      match(stdout, /^acme\/shop: cannot create a webhook of acme\/shop: GitHub says 422: /m);
      deepEqual(
        (await hooks()).map(({ repository }) => repository),
        [other],
      );
    });
  });

  describe("status", () => {
    it("says that there is no webhook", async () => {
      const { exitCode, stdout } = await webhook("status");
      equal(exitCode, 1);
      equal(
        stdout,
        `acme/shop: no webhook goes to ${url}\nscripts/rex webhook register corrects webhooks; scripts/rex webhook ping tests them\n`,
      );
    });

    it("shows each fault, and the last answer", async () => {
      await putHook({ events: ["pull_request"], active: false, insecureSsl: "1", hasSecret: false, secret: undefined });
      await client().noteDelivery({ hook: 7, statusCode: 400 });
      const { exitCode, stdout } = await webhook("status", "--json");
      equal(exitCode, 1);
      const { hooks: told } = JSON.parse(stdout);
      deepEqual(told[0].faults, [
        "active is false, not true",
        "events is pull_request, not push",
        "insecure_ssl is 1, not 0",
        "secret is none, not set",
        "the last delivery was answered 400: the EventSource refuses it: the signature is wrong, so GitHub and the installation have different secrets; scripts/rex webhook register",
      ]);
    });

    it("accepts the App's own webhook even if the App may not read the repository's", async () => {
      await github.install();
      await client().putAppHook(appId, { url });
      const { exitCode, stdout } = await webhook("status");
      equal(exitCode, 0, stdout);
      match(stdout, /^warning: acme\/shop: not checked; App 4711 may not read the webhooks /m);
      match(
        stdout,
        /^App 4711: its webhook to \S+: events push, json, secret set, insecure_ssl 0, last answer none yet$/m,
      );
    });
  });

  describe("ping", () => {
    it("succeeds if the secret is the same", async () => {
      await putHook();
      const { exitCode, stdout } = await webhook("ping");
      equal(exitCode, 0, stdout);
      equal(stdout, "acme/shop: webhook 7: answered 200: it was accepted, so the signature is right\n");
    });

    it("fails if the secret differs, and says what to do; succeeds after register", async () => {
      await putHook({ secret: "old" });
      const { exitCode, stdout } = await webhook("ping");
      equal(exitCode, 1);
      match(
        stdout,
        /^acme\/shop: webhook 7: answered 400: .* have different secrets; scripts\/rex webhook register\n$/,
      );
      equal((await webhook("register")).exitCode, 0);
      equal((await webhook("ping")).exitCode, 0);
    });

    it("fails if there is no answer", async () => {
      const nowhere = "http://127.0.0.1:65535/push";
      await putHook({ url: nowhere });
      const { exitCode, stdout } = await run(["ping", "--url", nowhere]);
      equal(exitCode, 1);
      match(stdout, /answered 0: GitHub got no answer \(failed to connect to host\): /);
    });

    it("is refused if no webhook goes there", async () => {
      const { exitCode, stderr } = await webhook("ping");
      equal(exitCode, 2);
      match(stderr, /^webhook: no webhook of acme\/shop goes to \S+; create it with scripts\/rex webhook register, /);
    });
  });

  describe("deliveries and redeliver", () => {
    const push = { ref: "refs/heads/task-3-fix" };
    const now = () => Math.floor(Date.now() / 1000);
    const note = (guid: string, statusCode: number, secondsAgo: number, more: object = {}) =>
      client().noteDelivery({ hook: 7, guid, statusCode, deliveredAt: now() - secondsAgo, payload: push, ...more });

    it("lists the newest first, with the branches of pushes if requested", async () => {
      await putHook();
      const old = await note("one", 400, 120);
      const { id, deliveredAt } = await note("two", 200, 60);
      await note("three", 200, 30, { event: "ping", payload: undefined });
      const { exitCode, stdout } = await webhook("deliveries", "--details", "--limit", "2");
      equal(exitCode, 0, stdout);
      const lines = stdout.split("\n");
      deepEqual(
        [lines[0], lines[2], lines.length],
        ["acme/shop: webhook 7: 2 deliveries", `  ${id} ${deliveredAt} push 200 two task-3-fix`, 4],
      );
      match((await webhook("deliveries")).stdout, new RegExp(`^ {2}${old.id} \\S+ push 400 one$`, "m"));
    });

    it("repeats only push deliveries of which no attempt has succeeded", async () => {
      await putHook();
      await note("through", 400, 300);
      await note("through", 200, 200, { redelivery: true });
      await note("failed", 400, 290);
      const last = await note("failed", 0, 280, { redelivery: true });
      const unanswered = await note("unanswered", 500, 100);
      await note("ping", 400, 90, { event: "ping" });
      await note("long ago", 400, 2 * 3600);
      const { exitCode, stdout } = await webhook("redeliver", "--failed", "--json");
      equal(exitCode, 0, stdout);
      const { deliveries } = JSON.parse(stdout);
      deepEqual(
        deliveries.map(({ again: _, ...rest }: { again: number }) => rest),
        [
          { id: last.id, guid: "failed", statusCode: 200 },
          { id: unanswered.id, guid: "unanswered", statusCode: 200 },
        ],
      );
      deepEqual(
        (await client().redeliveries()).slice(-2).map(({ deliveryId }) => deliveryId),
        [last.id, unanswered.id],
      );
      const again = await webhook("redeliver", "--failed");
      deepEqual([again.exitCode, again.stdout], [0, "no push delivery has failed\n"]);
      match((await webhook("redeliver", "--failed", "--since", "3h", "--dry-run")).stdout, / long ago\na dry run: /);
    });

    it("repeats one delivery, and fails if it is not accepted again", async () => {
      await putHook({ secret: "old" });
      const { id } = await note("one", 200, 60);
      const { exitCode, stdout } = await webhook("redeliver", String(id));
      equal(exitCode, 1);
      match(stdout, new RegExp(`^acme/shop: webhook 7: delivery ${id}, repeated as [0-9]+, was answered 400: `, "m"));
    });

    it("refuses a delivery that does not exist", async () => {
      await putHook();
      const { exitCode, stderr } = await webhook("redeliver", "3");
      equal(exitCode, 2);
      match(stderr, /^webhook: redeliver: no webhook of the installation has a delivery 3; /);
    });
  });
});
