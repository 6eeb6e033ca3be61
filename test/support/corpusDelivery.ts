import { gzipSync } from "node:zlib";
import { runName } from "../../components/vocabulary/runName.ts";
import type { BodyChanges, CorpusEvent, Sent } from "./corpusEvents.ts";
import { signatureHeaders } from "./corpusSignatures.ts";
import { pushPayload, randomSha, signedDelivery } from "./github/index.ts";

/** The run that an event of the corpus must start. */
export interface ExpectedRun {
  name: string;
  task: string;
  before: string;
  after: string;
  repository: string;
  pushedAt: number;
}

/** An event of the corpus, ready to be sent. */
export interface PreparedEvent {
  event: CorpusEvent;
  headers: Record<string, string | string[]>;
  body: Buffer;
  /** The SHAs made for this event. A Workflow that contains one of them comes from this event. */
  shas: string[];
  /** Set if a run is expected. */
  run?: ExpectedRun;
}

type Json = { [key: string]: unknown };

/**
 * Prepares the delivery of an event.
 *
 * @param secret the hook's secret
 * @param pushedAt time on GitHub's clock, unless the event sets another
 * @param salt the Sensor's salt
 */
export async function prepare(
  event: CorpusEvent,
  secret: string,
  pushedAt: number,
  salt: string,
): Promise<PreparedEvent> {
  const { sent } = event;
  const changes: BodyChanges = typeof sent.body === "string" ? { as: sent.body } : sent.body;
  const push = payload(sent, pushedAt);
  const shas = (["before", "after"] as const)
    .filter((side) => sent[side] === undefined)
    .map((side) => String(push[side]));
  const json = jsonText(push, changes);
  const body = bytesOf(json, changes);
  const usual = await signedDelivery(undefined, "", { event: sent.kind ?? "", contentType: changes.as });
  const headers: Record<string, string | string[] | null> = {
    ...usual.headers,
    ...(sent.kind === null ? { "x-github-event": null } : {}),
    ...signatureHeaders(sent.signature, { secret, bytes: body, json }),
    ...sent.headers,
  };
  return {
    event,
    headers: Object.fromEntries(Object.entries(headers).filter((header) => header[1] !== null)) as Record<
      string,
      string
    >,
    body,
    shas,
    ...(event.expect === "nothing" ? {} : { run: expectedRun(event.expect.run, JSON.parse(json), salt) }),
  };
}

/** GitHub's payload of the push, before its JSON is changed. */
function payload(sent: Sent, pushedAt: number): Json {
  const isPossibleName = /^[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/.test(sent.repository);
  const { repository, sender, ...push } = pushPayload({
    ref: sent.ref,
    before: sent.before ?? randomSha(),
    after: sent.after ?? randomSha(),
    // If the name is impossible on GitHub, only the field that the program reads gets it. The rest of the payload stays normal.
    ...(isPossibleName ? { repository: sent.repository } : {}),
    sender: sent.who?.login ?? "5dlabs-rex[bot]",
    pusher: sent.pusher,
    pushedAt,
    forced: sent.forced,
    deleted: sent.deleted,
    message: sent.message,
    installationId: sent.installation,
  });
  const { login: _login, type: _type, ...account } = sender;
  return {
    ...push,
    repository: { ...repository, full_name: sent.repository },
    ...(sent.who === null ? {} : { sender: { ...sent.who, ...account } }),
  };
}

function jsonText(push: Json, changes: BodyChanges): string {
  for (const pointer of changes.remove ?? []) {
    const [parent, key] = place(push, pointer);
    delete parent[key];
  }
  const texts = Object.values(changes.put ?? {});
  Object.keys(changes.put ?? {}).forEach((pointer, index) => {
    const [parent, key] = place(push, pointer);
    parent[key] = `<put ${index}>`;
  });
  let text = JSON.stringify(push).replaceAll(/"<put (\d+)>"/g, (_, index) => texts[Number(index)] ?? "");
  const last = [
    changes.last ?? "",
    changes.pad === undefined ? "" : `, "padding": "${"x".repeat(changes.pad)}"`,
    changes.nest === undefined ? "" : `, "nest": ${"[".repeat(changes.nest)}${"]".repeat(changes.nest)}`,
    ...Array.from({ length: changes.keys ?? 0 }, (_, index) => `, "key ${index}": ${index}`),
  ].join("");
  text = `{${changes.first ?? ""}${text.slice(1, -1)}${last}}`;
  return (changes.text ?? text).slice(0, changes.cut);
}

function bytesOf(json: string, { as, spaces, around: [front, behind] = ["", ""], bytes }: BodyChanges): Buffer {
  const content = as === "form" ? new URLSearchParams({ payload: json }).toString() : json;
  const text = " ".repeat(spaces ?? 0) + front + content + behind;
  switch (bytes) {
    case "utf-16":
      return Buffer.from(text, "utf16le");
    case "latin1":
      return Buffer.from(text, "latin1");
    case "gzip":
      return gzipSync(text);
    case "base64":
      return Buffer.from(Buffer.from(text).toString("base64"));
    case "percent":
      return Buffer.from(encodeURIComponent(text));
    default:
      return Buffer.from(text);
  }
}

/** The object and key that a JSON pointer names. */
function place(root: Json, pointer: string): [Json, string] {
  const keys = pointer.slice(1).split("/");
  const last = keys.pop() ?? "";
  return [keys.reduce((at, key) => at[key] as Json, root), last];
}

function expectedRun(
  task: number,
  sent: { before: string; after: string; repository: { full_name: string; pushed_at: number } },
  salt: string,
): ExpectedRun {
  const { before, after, repository } = sent;
  const values = {
    task: String(task),
    before,
    after,
    repository: repository.full_name,
    pushedAt: repository.pushed_at,
  };
  return { name: runName("rex-remediation", salt, values), ...values };
}
