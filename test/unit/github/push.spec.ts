import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { verify } from "@octokit/webhooks-methods";
import { example } from "../../support/github/examples.ts";
import { pushPayload, randomSha, signedDelivery } from "../../support/github/index.ts";

const secret = "It's a Secret to Everybody";

describe("push payloads", () => {
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
