import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { verify } from "@octokit/webhooks-methods";
import { example } from "../../support/github/examples.ts";
import { pushPayload, randomSha, signedDelivery, zeroSha } from "../../support/github/index.ts";
import { Fixture, repository } from "./fixture.ts";

const before = "a".repeat(40);
const after = "b".repeat(40);
const pushedAt = 1_767_225_600;
const secret = "It's a Secret to Everybody";

describe("push payloads", () => {
  it("say what was pushed, where, by whom and when", () => {
    const payload = pushPayload({ task: 3, before, after, repository, pushedAt, sender: "5DLabs-Rex[bot]" });
    const { ref, repository: where, sender, pusher, head_commit, commits, created, deleted, forced } = payload;
    deepEqual(
      { ref, before: payload.before, after: payload.after, created, deleted, forced },
      { ref: "refs/heads/task-3", before, after, created: false, deleted: false, forced: false },
    );
    deepEqual(
      [where.full_name, where.name, (where.owner as { login: string }).login, where.pushed_at],
      [repository, "Shop", "Acme", pushedAt],
    );
    deepEqual([sender.login, sender.type, pusher.name], ["5DLabs-Rex[bot]", "Bot", "5DLabs-Rex[bot]"]);
    deepEqual([head_commit?.id, head_commit?.timestamp], [after, "2026-01-01T00:00:00Z"]);
    deepEqual(commits, [head_commit]);
    equal(payload.compare, `https://github.com/${repository}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`);
  });

  it("have every field that GitHub's published example has, and none but installation and organization besides", () => {
    const published = example("push", ({ ref }) => String(ref).startsWith("refs/heads/"));
    const ours = pushPayload({ installationId: 42 });
    deepEqual(Object.keys(ours).sort(), [...Object.keys(published), "organization"].sort());
    for (const name of ["repository", "sender", "pusher", "head_commit", "installation"] as const) {
      const there = Object.keys(published[name] as object);
      deepEqual(
        there.filter((field) => !Object.keys(ours[name] as object).includes(field)),
        [],
        name,
      );
    }
    equal("installation" in pushPayload(), false);
  });

  it("speak of nothing from the published example", () => {
    const text = JSON.stringify(pushPayload({ repository }));
    ok(!/Codertocat|Hello-World|Octocoders/.test(text), text);
  });

  it("take a whole ref, a user, and differ from push to push", () => {
    const payload = pushPayload({ ref: "refs/tags/v1", sender: "ada" });
    deepEqual([payload.ref, payload.sender.login, payload.sender.type], ["refs/tags/v1", "ada", "User"]);
    const impostor = pushPayload({ sender: { login: "5dlabs-rex[bot]", type: "User" } });
    equal(impostor.sender.type, "User");
    ok(payload.after !== impostor.after && /^[0-9a-f]{40}$/.test(payload.after));
  });

  it("create a branch from nothing", () => {
    const payload = pushPayload({ before: zeroSha });
    deepEqual([payload.created, payload.deleted, payload.before], [true, false, zeroSha]);
    equal(pushPayload({ created: true }).before, zeroSha);
  });

  it("delete a branch, which leaves no commit", () => {
    const payload = pushPayload({ deleted: true, before });
    deepEqual(
      [payload.after, payload.created, payload.deleted, payload.head_commit, payload.commits],
      [zeroSha, false, true, null, []],
    );
  });

  it("name the repository by the id that the double gives it", async () => {
    const fixture = await Fixture.open();
    try {
      equal(pushPayload({ repository }).repository.id, (await fixture.double.client.repository(repository)).id);
    } finally {
      await fixture.close();
    }
  });
});

describe("signed deliveries", () => {
  it("have GitHub's headers", async () => {
    const { headers } = await signedDelivery(secret, pushPayload(), { hookId: 7 });
    match(headers["x-github-delivery"] ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    match(headers["user-agent"] ?? "", /^GitHub-Hookshot\/[0-9a-f]+$/);
    deepEqual(
      [headers["content-type"], headers["x-github-event"], headers["x-github-hook-id"]],
      ["application/json", "push", "7"],
    );
  });

  it("are signed over exactly the bytes that are sent, as GitHub's own library verifies", async () => {
    const { headers, body } = await signedDelivery(secret, pushPayload());
    const signature = headers["x-hub-signature-256"] ?? "";
    equal(await verify(secret, body, signature), true);
    equal(await verify("another", body, signature), false);
    equal(await verify(secret, `${body} `, signature), false);
    equal(headers["x-hub-signature"], `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`);
  });

  it("have the signature of GitHub's documented example", async () => {
    const { headers } = await signedDelivery(secret, "Hello, World!");
    equal(headers["x-hub-signature-256"], "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  });

  it("keep their id when they are delivered again, and have another otherwise", async () => {
    const payload = pushPayload({ after: randomSha() });
    const first = await signedDelivery(secret, payload);
    const deliveryId = first.headers["x-github-delivery"];
    deepEqual(await signedDelivery(secret, payload, { deliveryId }), first);
    ok((await signedDelivery(secret, payload)).headers["x-github-delivery"] !== deliveryId);
  });

  it("are other events, form-encoded, or unsigned when asked for", async () => {
    const form = await signedDelivery(
      secret,
      { zen: "Keep it logically awesome." },
      { event: "ping", contentType: "form" },
    );
    equal(form.headers["x-github-event"], "ping");
    equal(form.headers["content-type"], "application/x-www-form-urlencoded");
    equal(new URLSearchParams(form.body).get("payload"), '{"zen":"Keep it logically awesome."}');
    equal(await verify(secret, form.body, form.headers["x-hub-signature-256"] ?? ""), true);
    const unsigned = await signedDelivery(undefined, pushPayload());
    deepEqual(
      Object.keys(unsigned.headers).filter((name) => name.startsWith("x-hub")),
      [],
    );
  });
});
