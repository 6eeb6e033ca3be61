import { equal, ok } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { KubernetesObjectApi } from "@kubernetes/client-node";
import { afterwards } from "../support/afterwards.ts";
import { Cluster, until } from "../support/cluster.ts";
import { deliver } from "../support/delivery.ts";
import { type PushOptions, pushPayload, signedDelivery, zeroSha } from "../support/github/index.ts";
import { nodeEnvironment } from "../support/node.ts";
import { type Manifest, manifests } from "../support/pulumi/manifests.ts";

const repository = "acme/shop";
const webhookSecret = randomBytes(16).toString("hex");

/**
 * The EventSource as the program's source makes it, alone: what its filter lets through shows in its own count of events sent. One
 * near miss for each thing that the filter looks at; corpus.spec.ts tries the whole chain with hundreds.
 */
describe("the EventSource", function () {
  this.timeout(90_000);

  const name = `rex-${randomBytes(4).toString("hex")}`;
  let cluster: Cluster;
  let api: KubernetesObjectApi;
  let objects: Manifest[];
  let address: string;

  before(async () => {
    cluster = new Cluster(nodeEnvironment().namespace);
    api = KubernetesObjectApi.makeApiClient(cluster.config);
    const { namespace } = cluster;
    const made = await manifests({ name, namespace, repositories: [repository], webhookSecret });
    objects = made.filter(
      ({ kind, metadata }) => ["EventSource"].includes(kind) || /-webhook-|-event-source$/.test(metadata.name),
    );
    for (const object of objects) await api.create(object);
    address = await until("its pod answers", 60_000, async () => {
      const labelSelector = `eventsource-name=${name}`;
      const [pod] = (await cluster.core.listNamespacedPod({ namespace, labelSelector })).items;
      const ip = pod?.status?.podIP;
      return ip !== undefined && (await fetch(`http://${ip}:12000/health`)).ok && ip;
    });
  });
  after(() => afterwards(...(objects ?? []).map((object) => () => api.delete(object))));

  async function sent(): Promise<number> {
    const metrics = await (await fetch(`http://${address}:7777/metrics`)).text();
    const [, count = "0"] = /^argo_events_events_sent_total\{.*\} (\d+)$/m.exec(metrics) ?? [];
    return Number(count);
  }

  async function send(options: PushOptions, change: (body: Record<string, unknown>) => void = () => undefined) {
    const payload = pushPayload({ task: 3, repository, sender: "5DLabs-Rex[bot]", ...options });
    change(payload);
    const { headers, body } = await signedDelivery(webhookSecret, payload);
    const answer = await deliver(cluster, `http://${address}:12000/push`, { headers, body });
    equal(answer.status, 200, answer.body);
  }

  /** Sends something, and then a push that passes: only that one may have. */
  async function letsPass(expected: 0 | 1, send_: () => Promise<void>): Promise<void> {
    const before = await sent();
    await send_();
    await send({});
    await until("the push that passes is counted", 5000, async () => (await sent()) > before);
    equal((await sent()) - before, expected + 1);
  }

  it("lets Rex's push to a task branch through, whatever the case of login and repository", async () => {
    await letsPass(1, () => send({ sender: "5dlabs-rex[bot]", repository: "Acme/Shop" }));
  });

  const nearMisses: [string, () => Promise<void>][] = [
    ["another App's push [held-back-other-app]", () => send({ sender: "5dlabs-cleo[bot]" })],
    [
      "a user's of the same name [held-back-user-of-same-name]",
      () => send({ sender: { login: "5DLabs-Rex[bot]", type: "User", id: 1 } as never }),
    ],
    ["one to another repository [held-back-other-repository]", () => send({ repository: "acme/shop2" })],
    ["one to a branch of no task", () => send({ ref: "refs/heads/main" })],
    [
      "one to a branch whose number goes on with a letter [held-back-number-with-letter]",
      () => send({ ref: "refs/heads/task-3x" }),
    ],
    ["one to a branch that only ends like a task's", () => send({ ref: "refs/heads/mytask-3" })],
    ["one to a tag", () => send({ ref: "refs/tags/task-3" })],
    ["a deletion [held-back-deletion]", () => send({ after: zeroSha, deleted: true })],
    ["another kind of event that looks like a push [held-back-other-event]", () => sendAs("create")],
    ["one that is signed with SHA-1 alone", () => sendWith({ "x-hub-signature-256": null })],
    ["one whose SHA-256 signature is empty [held-back-empty-signature]", () => sendWith({ "x-hub-signature-256": "" })],
  ];
  for (const [what, send_] of nearMisses) {
    it(`holds back ${what}`, async () => {
      await letsPass(0, send_);
    });
  }

  async function sendAs(kind: string): Promise<void> {
    const payload = pushPayload({ task: 3, repository, sender: "5DLabs-Rex[bot]" });
    const { headers, body } = await signedDelivery(webhookSecret, payload);
    const kindHeader = Object.keys(headers).find((header) => header.toLowerCase() === "x-github-event");
    ok(kindHeader !== undefined);
    const answer = await deliver(cluster, `http://${address}:12000/push`, {
      headers: { ...headers, [kindHeader]: kind },
      body,
    });
    equal(answer.status, 200, answer.body);
  }

  /** Rightly signed, but for other headers, or without one. */
  async function sendWith(changes: Record<string, string | null>): Promise<void> {
    const payload = pushPayload({ task: 3, repository, sender: "5DLabs-Rex[bot]" });
    const { headers, body } = await signedDelivery(webhookSecret, payload);
    const lowerCased = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value] as const);
    const changed = { ...Object.fromEntries(lowerCased), ...changes };
    ok(changed["x-hub-signature"], "signed with SHA-1, too");
    const left = Object.entries(changed).filter((header): header is [string, string] => header[1] !== null);
    const answer = await deliver(cluster, `http://${address}:12000/push`, { headers: Object.fromEntries(left), body });
    equal(answer.status, 200, answer.body);
  }

  it("refuses what is signed with another secret [signed-with-other-secret]", async () => {
    const { headers, body } = await signedDelivery("another secret, long enough", pushPayload({ task: 3, repository }));
    equal((await deliver(cluster, `http://${address}:12000/push`, { headers, body })).status, 400);
  });
});
