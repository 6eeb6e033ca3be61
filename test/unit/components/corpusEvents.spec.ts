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
/** An object with exactly these members. A question mark after a name makes the member optional. */
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
 * The file test/corpus/events.yaml: each event is well-formed, no two are alike, and docs/security.md states their number.
 * test/corpus/corpus.spec.ts tests what happens when they are sent.
 */
describe("the hostile corpus's data", function () {
  // Each case reads hundreds of events, and the machine may be busy.
  this.timeout(60_000);
  const events = readCorpus();
  const runs = events.filter(({ expect }) => expect !== "nothing");

  it("sends no event twice, ignoring case and white space at the ends", () => {
    const alike = [...Map.groupBy(events, ({ sent }) => JSON.stringify(plain(sent))).values()];
    deepEqual(
      alike.filter((group) => group.length > 1).map((group) => group.map(titleOf)),
      [],
    );
  });

  it("has only known keys, and each value is well-formed", () => {
    deepEqual(events.filter((event) => !form(event)).map(titleOf), []);
  });

  it("tries every kind of signature", () => {
    const unused = signatureNames.filter((name) => !events.some(({ sent }) => sent.signature === name));
    deepEqual(unused, []);
  });

  it("expects runs only for valid branch names", () => {
    deepEqual(runs.filter(({ sent }) => !gitCanHave(sent.ref)).map(titleOf), []);
    const impossible = events.filter((event) => event.class === "refs that git cannot have");
    deepEqual(impossible.filter(({ sent }) => gitCanHave(sent.ref)).map(titleOf), []);
  });

  it("can be turned into deliveries, each with its own SHAs", async () => {
    const prepared = await Promise.all(
      events.map((event, index) => prepare(event, "a secret, long enough", 1 + index, "a salt")),
    );
    const names = prepared.flatMap(({ run }) => run?.name ?? []);
    deepEqual(names.length, new Set(names).size);
    const shas = prepared.flatMap((one) => one.shas);
    deepEqual(shas.length, new Set(shas).size);
  });
});

/** The sent event with every text lower-cased and trimmed, and the keys sorted. */
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

function titleOf({ class: name, why, sent }: CorpusEvent): string {
  return `${name}: ${why} (ref ${JSON.stringify((sent as Sent | undefined)?.ref)})`;
}

/** Asks git itself. A zero byte cannot be passed to git. */
function gitCanHave(ref: string): boolean {
  return !ref.includes("\0") && spawnSync("git", ["check-ref-format", ref]).status === 0;
}
