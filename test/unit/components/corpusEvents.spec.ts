import { deepEqual, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { prepare } from "../../support/corpusDelivery.ts";
import { type CorpusEvent, readCorpus, type Sent } from "../../support/corpusEvents.ts";
import { signatureNames } from "../../support/corpusSignatures.ts";

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const words: Check = (value) => text(value) && /\S/.test(value as string);
const flag: Check = (value) => typeof value === "boolean";
const whole: Check = (value) => Number.isInteger(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const nullable =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const either =
  (...checks: Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length > 0 && value.every(check);
const mapOf =
  (key: RegExp, check: Check): Check =>
  (value) =>
    isMap(value) && Object.entries(value).every(([name, member]) => key.test(name) && check(member));
/** These members and no others. */
const only =
  (members: Record<string, Check>): Check =>
  (value) =>
    isMap(value) &&
    Object.keys(value).every((name) => name in members) &&
    Object.entries(members).every(([name, check]) => check(value[name]));

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const pointer = /^(\/[a-z_]+)+$/;
const bodyChanges = only({
  as: optional(oneOf("json", "form")),
  remove: optional(listOf((value) => text(value) && pointer.test(value as string))),
  put: optional(mapOf(pointer, words)),
  first: optional(words),
  last: optional(words),
  pad: optional(whole),
  keys: optional(whole),
  nest: optional(whole),
  text: optional(text),
  cut: optional(whole),
  spaces: optional(whole),
  around: optional((value) => listOf(text)(value) && (value as unknown[]).length === 2),
  bytes: optional(oneOf("utf-16", "latin1", "gzip", "base64", "percent")),
});
const form = only({
  class: words,
  sent: only({
    who: nullable(only({ login: optional(text), type: optional(text) })),
    ref: text,
    kind: nullable(words),
    repository: words,
    signature: oneOf(...signatureNames),
    body: either(oneOf("json", "form"), bodyChanges),
    before: optional(text),
    after: optional(text),
    forced: optional(flag),
    deleted: optional(flag),
    installation: optional(whole),
    pusher: optional(words),
    message: optional(words),
    headers: optional(mapOf(/^[a-z0-9-]+$/, nullable(either(words, listOf(words))))),
    path: optional((value) => text(value) && (value as string).startsWith("/")),
  }),
  expect: either(
    oneOf("nothing"),
    only({ run: (task) => whole(task) && Number(task) >= 1 && Number(task) <= 999_999_999 }),
  ),
  status: optional(oneOf(400, 404, "panic")),
  why: words,
});

/**
 * test/corpus/events.yaml itself: enough events, of enough kinds, no two alike. What this does not show: what becomes of them when they
 * are sent (test/corpus/corpus.spec.ts).
 */
describe("the hostile corpus's data", function () {
  // Each case reads hundreds of events, on a machine that may be busy.
  this.timeout(60_000);
  const events = readCorpus();
  const runs = events.filter(({ expect }) => expect !== "nothing");

  it("holds at least 70 events that start a run and 150 that start nothing", () => {
    ok(runs.length >= 70, `${runs.length} start a run`);
    ok(events.length - runs.length >= 150, `${events.length - runs.length} start nothing`);
  });

  it("has at least five events in each class, and each class in one place", () => {
    const classes = Map.groupBy(events, (event) => event.class);
    deepEqual(
      [...classes].filter(([, members]) => members.length < 5).map(([name]) => name),
      [],
    );
    const places = events.map((event) => event.class).filter((name, index, all) => name !== all[index - 1]);
    deepEqual(places, [...classes.keys()]);
  });

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
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key.toLowerCase().trim(), plain(value[key])]),
  );
}

function told({ class: name, why, sent }: CorpusEvent): string {
  return `${name}: ${why} (ref ${JSON.stringify((sent as Sent | undefined)?.ref)})`;
}

/** By git itself; a zero byte cannot even be asked about. */
function gitCanHave(ref: string): boolean {
  return !ref.includes("\0") && spawnSync("git", ["check-ref-format", ref]).status === 0;
}
