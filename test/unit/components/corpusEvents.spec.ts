import { deepEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Ajv } from "ajv";
import { prepare } from "../../support/corpusDelivery.ts";
import { type CorpusEvent, readCorpus, type Sent } from "../../support/corpusEvents.ts";
import { signatureNames } from "../../support/corpusSignatures.ts";

const words = { type: "string", pattern: "\\S" };
const text = { type: "string" };
const flag = { type: "boolean" };
const whole = { type: "integer" };
const pointer = { type: "string", pattern: "^(/[a-z_]+)+$" };
const listOf = (items: object) => ({ type: "array", minItems: 1, items });
const mapOf = (keys: string, members: object) => ({
  type: "object",
  patternProperties: { [keys]: members },
  additionalProperties: false,
});
/** These members and no others; those behind a question mark may be left out. */
const only = (members: Record<string, object>) => ({
  type: "object",
  properties: Object.fromEntries(Object.entries(members).map(([name, schema]) => [name.replace("?", ""), schema])),
  required: Object.keys(members).filter((name) => !name.endsWith("?")),
  additionalProperties: false,
});

const bodyChanges = only({
  "as?": { enum: ["json", "form"] },
  "remove?": listOf(pointer),
  "put?": mapOf(pointer.pattern, words),
  "first?": words,
  "last?": words,
  "pad?": whole,
  "keys?": whole,
  "nest?": whole,
  "text?": text,
  "cut?": whole,
  "spaces?": whole,
  "around?": { ...listOf(text), minItems: 2, maxItems: 2 },
  "bytes?": { enum: ["utf-16", "latin1", "gzip", "base64", "percent"] },
});
const form = new Ajv({ allowUnionTypes: true }).compile(
  only({
    class: words,
    sent: only({
      who: { anyOf: [{ type: "null" }, only({ "login?": text, "type?": text })] },
      ref: text,
      kind: { ...words, type: ["string", "null"] },
      repository: words,
      signature: { enum: signatureNames },
      body: { anyOf: [{ enum: ["json", "form"] }, bodyChanges] },
      "before?": text,
      "after?": text,
      "forced?": flag,
      "deleted?": flag,
      "installation?": whole,
      "pusher?": words,
      "message?": words,
      "headers?": mapOf("^[a-z0-9-]+$", { anyOf: [{ type: "null" }, words, listOf(words)] }),
      "path?": { type: "string", pattern: "^/" },
    }),
    expect: {
      anyOf: [{ const: "nothing" }, only({ run: { type: "integer", minimum: 1, maximum: 999_999_999 } })],
    },
    "status?": { enum: [400, 404, "panic"] },
    why: words,
  }),
);

/**
 * test/corpus/events.yaml itself: each event in its form, no two alike; docs/security.md says how many there are. What this does not show: what becomes of them when they
 * are sent (test/corpus/corpus.spec.ts).
 */
describe("the hostile corpus's data", function () {
  // Each case reads hundreds of events, on a machine that may be busy.
  this.timeout(60_000);
  const events = readCorpus();
  const runs = events.filter(({ expect }) => expect !== "nothing");

  it("sends nothing twice, not even in other capitals or with other white space at the ends", () => {
    const alike = [...Map.groupBy(events, ({ sent }) => JSON.stringify(plain(sent))).values()];
    deepEqual(
      alike.filter((group) => group.length > 1).map((group) => group.map(told)),
      [],
    );
  });

  it("has known keys only, and each value in its form", () => {
    deepEqual(events.filter((event) => !form(event)).map(told), []);
  });

  it("tries every signature that it knows", () => {
    const unused = signatureNames.filter((name) => !events.some(({ sent }) => sent.signature === name));
    deepEqual(unused, []);
  });

  it("expects runs for branches that git can have only", () => {
    deepEqual(runs.filter(({ sent }) => !gitCanHave(sent.ref)).map(told), []);
    const impossible = events.filter((event) => event.class === "refs that git cannot have");
    deepEqual(impossible.filter(({ sent }) => gitCanHave(sent.ref)).map(told), []);
  });

  it("can be made into deliveries, of which each has SHAs of its own", async () => {
    const prepared = await Promise.all(
      events.map((event, index) => prepare(event, "a secret, long enough", 1 + index, "a salt")),
    );
    const names = prepared.flatMap(({ run }) => run?.name ?? []);
    deepEqual(names.length, new Set(names).size);
    const shas = prepared.flatMap((one) => one.shas);
    deepEqual(shas.length, new Set(shas).size);
  });
});

/** What is sent, with every text lower-cased and trimmed, and keys in one order. */
function plain(value: unknown): unknown {
  if (typeof value === "string") return value.toLowerCase().trim();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const map = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(map)
      .sort()
      .map((key) => [key.toLowerCase().trim(), plain(map[key])]),
  );
}

function told({ class: name, why, sent }: CorpusEvent): string {
  return `${name}: ${why} (ref ${JSON.stringify((sent as Sent | undefined)?.ref)})`;
}

/** By git itself; a zero byte cannot even be asked about. */
function gitCanHave(ref: string): boolean {
  return !ref.includes("\0") && spawnSync("git", ["check-ref-format", ref]).status === 0;
}
