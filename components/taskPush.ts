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
  /** Login of the GitHub App that pushes, `SLUG[bot]`. Compared exactly, but for upper and lower case. */
  pusher: string;
  /** Repositories as owner/name, as GitHub spells them. Compared like the pusher. */
  repositories: string[];
  /** What the name of a task branch begins with; the task's number follows. */
  branchPrefix: string;
}

/** Names that stand for the pusher where a label names an agent: its login without `[bot]`, and the part behind the last dash; lower case. */
export function pusherNames(pusher: string): string[] {
  const slug = pusher.toLowerCase().replace(/\[bot\]$/, "");
  return [...new Set([slug, slug.slice(slug.lastIndexOf("-") + 1)])].sort();
}

/** A name but for its spelling: case, and what stands between letters and digits. The steps' near_miss compares so. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

/** Key of the EventSource's metadata that tells the Sensor the branch prefix. */
export const branchPrefixKey = "branchPrefix";

/**
 * The header that Argo Events verifies where it is there and not empty: by the algorithm that its first value names, be it SHA-1. Without
 * it a right X-Hub-Signature, which is SHA-1, is enough to Argo Events. GitHub sends both; to this program only SHA-256 counts.
 */
const signatureHeader = "X-Hub-Signature-256";
const bySha256 = "^sha256=";

/**
 * The EventSource's filter: true for a push of the pusher to a task branch of one of the repositories, false for everything else.
 * Types are compared before fields are read, because reading a field of a text or of nothing is an error, and an error is a line in
 * the log per delivery. Logins and repositories have to be plain ASCII before they are lower-cased, because some other letters become
 * ASCII ones then.
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
 * The Sensor's transform: a jq program that is total. Whatever comes in, one object goes out: `{"wanted": false}`, or wanted true and
 * task, before, after, repository and pushedAt, each matched by a strict pattern. Nothing else of an event travels on.
 *
 * A change of this text makes Argo Events drop the Sensor's place in the queue, and with it unread events. So it is constant: who may
 * push where is the EventSource's filter, which also hands over the branch prefix. Only for an EventSource that this program does not
 * own the same checks are written into it.
 *
 * @param unfiltered which pushes count, if the EventSource does not filter them
 * @see https://argoproj.github.io/argo-events/sensors/transform/
 */
export function pushTransform(unfiltered?: TaskPush): string {
  const prefix = unfiltered ? jqText(unfiltered.branchPrefix) : `field(.metadata.${branchPrefixKey})`;
  const pusherChecks = unfiltered && [
    // An EventSource of another kind may hand over no headers.
    `and (field(.headers) == null or (field(.headers["${signatureHeader}"][0]) | matches(${jqText(bySha256)})))`,
    'and field(.body["X-GitHub-Event"]) == "push"',
    "and field(.body.deleted) == false",
    'and field(.body.sender.type) == "Bot"',
    `and (field(.body.sender.login) | matches("^[][A-Za-z0-9-]+$") and ascii_downcase == ${jqText(unfiltered.pusher.toLowerCase())})`,
    `and ($repository | ascii_downcase | IN(${lowerCased(unfiltered.repositories).map(jqText).join(", ")}))`,
  ];
  return [
    // null where a field is missing or something on the way to it is no object.
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
    // A Workflow's priority, which this becomes, has 32 bits.
    '  and ($pushedAt | type == "number" and . >= 1 and . <= 2147483647 and . == floor)',
    ...(pusherChecks ?? []).map((check) => `  ${check}`),
    '  then {wanted: true, task: ($afterPrefix | sub("[^0-9].*$"; "")), $before, $after, $repository, $pushedAt}',
    "  else {wanted: false} end",
  ].join("\n");
}

function lowerCased(texts: string[]): string[] {
  return texts.map((text) => text.toLowerCase());
}

/** A string literal of expr, which reads escapes as Go does. */
function exprText(text: string): string {
  return JSON.stringify(text);
}
