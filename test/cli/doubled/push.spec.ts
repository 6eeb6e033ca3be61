import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { verify } from "@octokit/webhooks-methods";
import { runName } from "../../../components/vocabulary/runName.ts";
import { type ApiAnswer, ApiServerDouble } from "../../support/apiServerDouble.ts";
import { type PushPayload, pushPayload } from "../../support/github/index.ts";
import { installed, installedOutputs } from "../../support/installed.ts";
import { callTool, type ToolResult } from "../../support/tool.ts";
import { appId, Fixture, key, repository } from "../../unit/github/fixture.ts";

const secret = "the installation's secret";
const branch = "task-3-fix-the-cart";
const oldHead = "a".repeat(40);
const newHead = "b".repeat(40);
const other = "c".repeat(40);
const pushedAt = Math.floor(Date.now() / 1000) - 3600;
const salt = "a salt";
/** The run of the push between these heads, at that time. */
const nameAt = (at: number, before = oldHead) =>
  runName("rex-remediation", salt, { task: "3", before, after: newHead, repository, pushedAt: at });
const name = nameAt(pushedAt);

/**
 * Calls scripts/rex push as a person would, with the GitHub double. The EventSource and the cluster are simple doubles too;
 * test/cli/by-hand/push.spec.ts uses real ones, also an EventSource that can be reached only inside the cluster.
 */
describe("scripts/rex push", function () {
  this.timeout(120_000);
  let cluster: ApiServerDouble;
  let github: Fixture;
  let receiver: Server;
  let url: string;
  /** What the double of the EventSource received, and what it answers. */
  let received: { headers: IncomingHttpHeaders; body: string }[];
  let status: number;
  /** The run that the API server shows after the push, and the earlier runs of the task. */
  let run: ApiAnswer;
  let runsBefore: object[];
  /** The names of the runs that were read. */
  let askedFor: string[];

  const none = { code: 404, body: { kind: "Status" } };
  const runObject = (outcome: string, at: number, called = nameAt(at)) => ({
    metadata: { name: called, labels: { "rex-remediation/outcome": outcome } },
    spec: {
      arguments: {
        parameters: Object.entries({ before: oldHead, after: newHead, repository, "pushed-at": String(at) }).map(
          ([key, value]) => ({ name: key, value }),
        ),
      },
    },
    status: { phase: "Succeeded", nodes: {} },
  });
  const shown = (outcome: string): ApiAnswer => ({ code: 200, body: runObject(outcome, pushedAt) });

  before(async () => {
    cluster = await ApiServerDouble.open(installedOutputs);
    github = await Fixture.open();
    const { client } = github.double;
    await client.putRepository(repository, {
      branches: { [branch]: oldHead, "task-31": other, "task-4": other, "task-4-again": other },
      pushedBy: "ann",
      pushedAt: pushedAt - 60,
    });
    await client.putRepository(repository, { branches: { [branch]: newHead }, pushedAt });
    receiver = createServer(async (request, response) => {
      received.push({ headers: request.headers, body: await text(request) });
      response.writeHead(status).end(status === 200 ? "success" : "no such thing");
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
    received = [];
    status = 200;
    run = shown("remediated");
    runsBefore = [];
    askedFor = [];
    await watch([repository]);
  });

  /** @param content the value in the webhook's Secret */
  async function watch(repositories: string[], content = secret): Promise<void> {
    const objects = await installed({
      githubApiUrl: github.double.url,
      githubAppId: appId,
      privateKey: key.privateKeyPem,
      webhookSecret: content,
      repositories,
    });
    cluster.answers = (request) => {
      if (request.startsWith("GET /apis/argoproj.io/v1alpha1/namespaces/agent-platform/workflows/")) {
        askedFor.push(request.slice(request.lastIndexOf("/") + 1));
        return run;
      }
      if (request === "GET /apis/argoproj.io/v1alpha1/namespaces/agent-platform/workflows") {
        return { code: 200, body: { metadata: { resourceVersion: "7" }, items: runsBefore } };
      }
      if (request === "GET /apis/argoproj.io/v1alpha1/namespaces/agent-platform/sensors/rex-remediation") {
        return { code: 200, body: { metadata: { annotations: { "rex-remediation/run-salt": salt } } } };
      }
      if (request === "GET /api/v1/namespaces/agent-platform/pods") {
        return { code: 200, body: { kind: "PodList", items: [] } };
      }
      return objects[request] ?? none;
    };
  }

  const call = (args: string[]): Promise<ToolResult> => callTool("push", ["--yes", ...args], cluster.environment);
  const push = (...args: string[]): Promise<ToolResult> => call([...args, "--url", url]);
  const sent = (): PushPayload => JSON.parse(received[0]?.body ?? "");

  it("explains itself, that it is not a simulation, and its exit codes", async () => {
    const { exitCode, stdout } = await callTool("push", ["--help"]);
    equal(exitCode, 0);
    match(stdout, /^usage: scripts\/rex push --task N/);
    match(stdout, /This is not a simulation: .*^ {2}scripts\/rex remediate --task N --dry-run /ms);
    match(stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
  });

  it("refuses a bad push and one that would be ignored, in one line, and sends nothing", async () => {
    const bad: [string[], RegExp][] = [
      [
        ["--repository", repository],
        /^push: --task is missing; expected the number of the task: scripts\/rex push --task 3$/,
      ],
      [["--task", "3", "--sha", "abc"], /^push: --sha: expected the 40 digits of a commit; got "abc"$/],
      [
        ["--task", "3", "--repository", "acme/other"],
        /^push: --repository: acme\/other is not watched, so its push would be accepted but ignored; .* are acme\/shop$/,
      ],
      [
        ["--task", "3", "--branch", "task-31"],
        /^push: --branch: task-31 is not a branch of task 3, so its push would be accepted but ignored; expected task-3, /,
      ],
      [
        ["--task", "3", "--branch", "task-3-gone"],
        /^push: --branch: acme\/shop has no branch task-3-gone; its branches of the task: task-3-fix-the-cart$/,
      ],
      [["--task", "5"], /^push: acme\/shop has no branch of task 5: expected task-5, /],
      [
        ["--task", "4"],
        /^push: acme\/shop has several branches of task 4; choose one with --branch: task-4, task-4-again$/,
      ],
    ];
    const results = await Promise.all(bad.map(([args]) => push(...args)));
    for (const [index, { exitCode, stdout, stderr }] of results.entries()) {
      const [args, message] = bad[index] as (typeof bad)[number];
      deepEqual([exitCode, stdout, stderr.trimEnd().split("\n").length], [2, "", 1], `${args}: ${stderr}`);
      match(stderr.trimEnd(), message);
    }
    await watch(["acme/shopp"]);
    const elsewhere = await push("--task", "3");
    equal(elsewhere.exitCode, 2);
    match(
      elsewhere.stderr,
      /^push: cannot find App \d+'s installation on acme\/shopp: GitHub says 404: .*; scripts\/rex doctor finds out whether the App's id, .*\n$/,
    );
    await watch([repository, "acme/other"]);
    const several = await push("--task", "3");
    equal(several.exitCode, 2);
    match(
      several.stderr,
      /^push: several repositories are watched; choose one with --repository: acme\/shop, acme\/other\n$/,
    );
    deepEqual(received, []);
  });

  it("asks for the URL if the stack uses an existing EventSource and has no URL in its outputs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rex-tool-"));
    const file = join(folder, "outputs.json");
    writeFileSync(file, JSON.stringify({ ...installedOutputs, webhookUrl: undefined }));
    const { exitCode, stderr } = await call(["--task", "3", "--outputs", file]);
    rmSync(folder, { recursive: true });
    equal(exitCode, 2);
    match(
      stderr,
      /^push: the stack has no output webhookUrl, because it uses the existing EventSource rex-remediation \(existingEventSource\); give the URL of its webhook: --url URL\n$/,
    );
    deepEqual(received, []);
  });

  it("shows with --dry-run which push it would send, and sends nothing", async () => {
    const told = await push("--task", "3", "--dry-run");
    equal(
      told.stdout,
      `push of 5dlabs-rex[bot] to ${branch} of ${repository}, aaaaaaaaaaaa -> bbbbbbbbbbbb, to ${url}
a dry run: nothing was sent; the run would be ${name}; scripts/rex remediate --task 3 --dry-run shows what it would touch
`,
    );
    runsBefore = [runObject("remediated", pushedAt)];
    const { exitCode, stdout, stderr } = await push("--task", "3", "--dry-run", "--json");
    deepEqual([told.exitCode, exitCode, received], [0, 0, []]);
    const pushed = { task: "3", url, repository, branch, before: oldHead, after: newHead, pushedAt };
    deepEqual(JSON.parse(stdout), { ...pushed, dryRun: true, run: name, known: true });
    match(stderr, /^a dry run: nothing was sent; this push already has run \S+ and would not get another one$/m);
  });

  it("sends the signed push that GitHub recorded, and reports what its run did", async () => {
    const { exitCode, stdout, stderr } = await push("--task", "3");
    equal(exitCode, 0, stderr);
    equal(
      stdout,
      `push of 5dlabs-rex[bot] to ${branch} of ${repository}, aaaaaaaaaaaa -> bbbbbbbbbbbb, to ${url}
answered 200
run ${name}, in namespace agent-platform
remediated: QA of the task begins again on the current head
`,
    );
    equal(received.length, 1);
    const { headers, body } = received[0] ?? { headers: {}, body: "" };
    ok(await verify(secret, body, String(headers["x-hub-signature-256"])));
    deepEqual(
      ["content-type", "x-github-event", "x-github-hook-installation-target-type"].map((header) => headers[header]),
      ["application/json", "push", "repository"],
    );
    match(String(headers["user-agent"]), /^GitHub-Hookshot\//);
    const { ref, repository: where, created, deleted, sender } = sent();
    deepEqual(
      {
        ref,
        before: sent().before,
        after: sent().after,
        created,
        deleted,
        where: where.full_name,
        at: where.pushed_at,
      },
      {
        ref: `refs/heads/${branch}`,
        before: oldHead,
        after: newHead,
        created: false,
        deleted: false,
        where: repository,
        at: pushedAt,
      },
    );
    deepEqual([sender.login, sender.type], ["5dlabs-rex[bot]", "Bot"]);
  });

  it("sends every field of GitHub's payload that is about the push", async () => {
    await push("--task", "3");
    const payload = sent();
    const published = pushPayload();
    // A repository's webhook has this field only if an organization owns the repository.
    const { organization: _, ...fields } = published;
    deepEqual(Object.keys(payload).sort(), Object.keys(fields).sort());
    for (const part of ["pusher", "head_commit"] as const) {
      deepEqual(Object.keys(payload[part] ?? {}).sort(), Object.keys(published[part] ?? {}).sort(), part);
    }
    for (const field of ["id", "name", "full_name", "private", "owner", "html_url", "pushed_at", "default_branch"]) {
      equal(typeof payload.repository[field], typeof published.repository[field], field);
    }
  });

  it("signs with the secret without the line feed that Argo Events ignores, and says so", async () => {
    const secretName = "rex-remediation-webhook-[0-9a-f]{8}";
    const ends: [string, string, RegExp][] = [
      [
        "\n",
        "",
        new RegExp(
          `^warning: Secret ${secretName}, key secret, ends with a line feed, which Argo Events ignores: GitHub needs the secret without it$`,
          "m",
        ),
      ],
      [
        "\r\n",
        "\r",
        new RegExp(
          `^warning: Secret ${secretName}, key secret, ends with "\\\\r\\\\n", of which Argo Events ignores only one line feed: GitHub needs the secret with "\\\\r" at its end$`,
          "m",
        ),
      ],
    ];
    for (const [end, kept, words] of ends) {
      await watch([repository], `${secret}${end}`);
      received = [];
      const { exitCode, stdout, stderr } = await push("--task", "3");
      equal(exitCode, 0, stderr);
      const [{ headers, body } = { headers: {}, body: "" }] = received;
      equal(await verify(`${secret}${kept}`, body, String(headers["x-hub-signature-256"])), true, JSON.stringify(end));
      match(stdout, words);
    }
  });

  it("refuses an empty secret, with which Argo Events verifies nothing, and sends nothing [push-refuses-empty-secret]", async () => {
    for (const content of ["", "\n"]) {
      await watch([repository], content);
      const { exitCode, stderr } = await push("--task", "3");
      match(
        stderr,
        /^push: Secret rex-remediation-webhook-[0-9a-f]{8} in namespace agent-platform: the key secret is empty, so Argo Events accepts forged pushes; put a secret of at least 16 characters into it, and restart the pods that read it at their start: kubectl -n agent-platform rollout restart deployment -l eventsource-name=rex-remediation\n$/,
      );
      deepEqual([exitCode, received], [2, []]);
    }
  });

  it("finds the existing run of the push, and sends the push with the same time, so that it gets no other run", async () => {
    // The event was a second later than GitHub's record. Runs of the sweep or of another push with the same commits do not count.
    runsBefore = [
      runObject("already-remediated", pushedAt, `${name}-sweep`),
      runObject("remediated", pushedAt + 1),
      runObject("remediated", pushedAt - 1000),
    ];
    const { exitCode, stdout } = await push("--task", "3", "--json");
    equal(exitCode, 0);
    equal(sent().repository.pushed_at, pushedAt + 1);
    const { answer, well, run: known, outcome, message } = JSON.parse(stdout);
    deepEqual([answer, well, known, outcome], [200, true, nameAt(pushedAt + 1), "remediated"]);
    match(
      message,
      /^this push already has a run and does not get another one; remediated: .* scripts\/rex remediate starts a new run$/,
    );
  });

  it("does not take the run of another push with the same commits", async () => {
    runsBefore = [runObject("remediated", pushedAt - 1000)];
    const { exitCode, stdout } = await push("--task", "3", "--json");
    equal(exitCode, 0);
    equal(sent().repository.pushed_at, pushedAt);
    const { run: made, message } = JSON.parse(stdout);
    deepEqual([made, message], [name, "remediated: QA of the task begins again on the current head"]);
    deepEqual([...new Set(askedFor)], [name]);
  });

  it("sends a new push with the current time if another head before the push is given", async () => {
    const began = Math.floor(Date.now() / 1000);
    const { exitCode, stdout } = await push("--task", "3", "--before", other);
    equal(exitCode, 0);
    const { pushed_at: at } = sent().repository;
    match(stdout, new RegExp(`^run ${nameAt(Number(at), other)}, in namespace agent-platform$`, "m"));
    deepEqual([sent().before, sent().after], [other, newHead]);
    ok(sent().repository.pushed_at >= began && sent().repository.pushed_at <= Date.now() / 1000);
  });

  it("fails if the EventSource refuses the signature or the event bus is unavailable", async () => {
    status = 400;
    const refused = await push("--task", "3");
    equal(refused.exitCode, 1);
    match(
      refused.stdout,
      /^the EventSource refuses the push \(no such thing\): its pod uses a different secret from /m,
    );
    status = 500;
    const { exitCode, stdout } = await push("--task", "3");
    equal(exitCode, 1);
    match(stdout, /answers 500 \(no such thing\): the event bus is unavailable, /);
  });

  it("fails if no run appears, and says where to look", async () => {
    run = none;
    const { exitCode, stdout } = await push("--task", "3", "--wait", "1");
    equal(exitCode, 1);
    match(
      stdout,
      new RegExp(
        `^the EventSource accepted the push, but run ${name} did not appear within 1 s: .*kubectl -n agent-platform logs -l sensor-name=rex-remediation `,
        "m",
      ),
    );
  });

  it("fails if there is no answer", async () => {
    const { exitCode, stderr } = await call(["--task", "3", "--url", "http://127.0.0.1:65535/push"]);
    equal(exitCode, 2);
    match(
      stderr,
      /^push: no answer from http:\/\/127\.0\.0\.1:65535\/push, called directly: .*ECONNREFUSED.*; are .* --url URL sends to another address\n$/,
    );
  });
});
