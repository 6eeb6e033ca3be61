import { jqText } from "./vocabulary/jqText.ts";
import {
  branchRestPattern,
  regexText,
  repositoryPattern,
  shaPattern,
  taskPattern,
  whole,
} from "./vocabulary/patterns.ts";

/** Which pushes restart QA. */
export interface TaskPush {
  /** Login of the GitHub App that pushes, `SLUG[bot]`. Case is ignored. */
  pusher: string;
  /** Repositories as owner/name. Case is ignored. */
  repositories: string[];
  /** Prefix of a task's branch. The task's number follows it. */
  branchPrefix: string;
}

/** Names that a label may use for the pusher, in lower case: its login without `[bot]`, and the part of that after the last dash. */
export function pusherNames(pusher: string): string[] {
  const slug = pusher.toLowerCase().replace(/\[bot\]$/, "");
  return [...new Set([slug, slug.slice(slug.lastIndexOf("-") + 1)])].sort();
}

/** A name in lower case, with all separators as dashes. Names with equal results differ only in spelling. near_miss does the same. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

/** Key of the EventSource's metadata that passes the branch prefix to the Sensor. */
export const branchPrefixKey = "branchPrefix";

/**
 * If this header is not empty, Argo Events verifies it with the algorithm that its first value names, even SHA-1. If it is missing, Argo
 * Events accepts a valid X-Hub-Signature, which is SHA-1. GitHub sends both headers; this program requires SHA-256.
 */
const signatureHeader = "X-Hub-Signature-256";
const bySha256 = "^sha256=";

/**
 * The EventSource's filter: true for a push by the pusher to a task branch of one of the repositories, otherwise false.
 *
 * It checks types before it reads fields, because reading a field of a text or of nil is an error, and each error logs a line per delivery.
 * It checks that logins and repositories are ASCII before it lower-cases them, because some non-ASCII letters have ASCII lower-case forms.
 *
 * @see https://argoproj.github.io/argo-events/eventsources/filtering/
 * @see https://expr-lang.org/docs/language-definition
 */
export function pushExpression(push: TaskPush): string {
  return [
    'type(headers) == "map"',
    `type(headers["${signatureHeader}"]) == "array"`,
    `len(headers["${signatureHeader}"]) > 0`,
    `type(headers["${signatureHeader}"][0]) == "string"`,
    `headers["${signatureHeader}"][0] matches ${exprText(bySha256)}`,
    'type(body) == "map"',
    'body["X-GitHub-Event"] == "push"',
    "body.deleted == false",
    'type(body.sender) == "map"',
    'body.sender.type == "Bot"',
    'type(body.sender.login) == "string"',
    `body.sender.login matches ${exprText("^[][A-Za-z0-9-]+$")}`,
    `lower(body.sender.login) == ${exprText(push.pusher.toLowerCase())}`,
    'type(body.repository) == "map"',
    'type(body.repository.full_name) == "string"',
    `body.repository.full_name matches ${exprText(whole(repositoryPattern))}`,
    `lower(body.repository.full_name) in [${lowerCased(push.repositories).map(exprText).join(", ")}]`,
    'type(body.ref) == "string"',
    `body.ref matches ${exprText(whole(`refs/heads/${regexText(push.branchPrefix)}${taskPattern}${branchRestPattern}`))}`,
  ].join(" &&\n");
}

/**
 * The Sensor's transform: a jq program that returns one object for any input. The object is `{"wanted": false}`, or has wanted true and
 * task, before, after, repository and pushedAt, each checked against a strict pattern. Nothing else of an event gets past it.
 *
 * When this text changes, Argo Events forgets the Sensor's place in the queue and loses unread events. So the text must not depend on the
 * configuration: the EventSource's filter decides who may push where, and passes on the branch prefix. The transform contains these checks
 * only if the EventSource is not this program's.
 *
 * @param unfiltered which pushes count; only set if the EventSource does not filter them
 * @see https://argoproj.github.io/argo-events/sensors/transform/
 */
export function pushTransform(unfiltered?: TaskPush): string {
  const prefix = unfiltered ? jqText(unfiltered.branchPrefix) : `field(.metadata.${branchPrefixKey})`;
  const pusherChecks = unfiltered && [
    // Other kinds of EventSources may not pass on the headers.
    `and (field(.headers) == null or (field(.headers["${signatureHeader}"][0]) | matches(${jqText(bySha256)})))`,
    'and field(.body["X-GitHub-Event"]) == "push"',
    "and field(.body.deleted) == false",
    'and field(.body.sender.type) == "Bot"',
    `and (field(.body.sender.login) | matches("^[][A-Za-z0-9-]+$") and ascii_downcase == ${jqText(unfiltered.pusher.toLowerCase())})`,
    `and ($repository | ascii_downcase | IN(${lowerCased(unfiltered.repositories).map(jqText).join(", ")}))`,
  ];
  return [
    // null if the field is missing or a value on the path to it is not an object.
    "def field(f): [f?][0];",
    'def matches($pattern): type == "string" and test($pattern);',
    `${prefix} as $prefix`,
    "| field(.body.ref) as $ref",
    "| field(.body.before) as $before",
    "| field(.body.after) as $after",
    "| field(.body.repository.full_name) as $repository",
    "| field(.body.repository.pushed_at) as $pushedAt",
    '| (if ([$prefix, $ref] | all(type == "string")) and ($ref | startswith("refs/heads/" + $prefix))',
    '   then $ref[("refs/heads/" + $prefix | length):] else "" end) as $afterPrefix',
    `| if ($afterPrefix | matches(${jqText(whole(`${taskPattern}${branchRestPattern}`))}))`,
    `  and ($before | matches(${jqText(whole(shaPattern))}))`,
    `  and ($after | matches(${jqText(whole(shaPattern))}) and test("[1-9a-f]"))`,
    `  and ($repository | matches(${jqText(whole(repositoryPattern))}))`,
    // This becomes the Workflow's priority, which has 32 bits.
    '  and ($pushedAt | type == "number" and . >= 1 and . <= 2147483647 and . == floor)',
    ...(pusherChecks ?? []).map((check) => `  ${check}`),
    '  then {wanted: true, task: ($afterPrefix | sub("[^0-9].*$"; "")), $before, $after, $repository, $pushedAt}',
    "  else {wanted: false} end",
  ].join("\n");
}

function lowerCased(texts: string[]): string[] {
  return texts.map((text) => text.toLowerCase());
}

/** A string literal of expr, which understands the escapes of JSON. */
function exprText(text: string): string {
  return JSON.stringify(text);
}
