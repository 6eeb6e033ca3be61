import { createHash } from "node:crypto";
import { Refusal } from "../lib/installation.ts";
import type { Thing } from "./context.ts";

/** The run that the Sensor in the cluster makes of a push: the same object, made as Argo Events makes it. */

/** What the Sensor's transform lets through of a push. */
export interface PushEvent {
  task: string;
  before: string;
  after: string;
  /** owner/name. */
  repository: string;
  /** Seconds since 1970. */
  pushedAt: number;
}

/** A Workflow, as far as one is filled in. */
export interface PushedRun {
  metadata: { name: string; labels: Record<string, string> };
  [field: string]: unknown;
}

interface Parameter {
  src: { dataKey?: keyof PushEvent; dataTemplate?: string; useRawData?: boolean };
  dest: string;
}

/**
 * @throws Refusal if the Sensor is not one of this program's, or needs more of Argo Events than is known here
 * @see https://argoproj.github.io/argo-events/sensors/triggers/k8s-object-trigger/
 */
export function runOfPush(sensor: Thing, push: PushEvent): PushedRun {
  const template = sensor.spec.triggers?.[0]?.template;
  const run = structuredClone(template?.k8s?.source?.resource);
  if (run === undefined) throw new Refusal(`Sensor ${sensor.metadata.name} makes no object`, "pulumi up --refresh");
  for (const { src, dest } of template.k8s.parameters as Parameter[]) {
    set(run, dest.split("."), filling(src, push));
  }
  if (template.k8s.operation === "create") {
    Object.assign(run.metadata.labels, {
      "events.argoproj.io/sensor": sensor.metadata.name,
      "events.argoproj.io/trigger": template.name,
      "events.argoproj.io/action-timestamp": `${Date.now()}`,
    });
  }
  return run;
}

function filling({ dataKey, dataTemplate, useRawData }: Parameter["src"], push: PushEvent): unknown {
  if (dataTemplate !== undefined) return filledIn(dataTemplate, push);
  const value = dataKey === undefined ? undefined : push[dataKey];
  return useRawData ? value : `${value}`;
}

function set(object: Record<string, unknown>, [key = "", ...rest]: string[], value: unknown): void {
  if (rest.length === 0) object[key] = value;
  else set(object[key] as Record<string, unknown>, rest, value);
}

/** A template in Go's language, as far as Sensors of this program have it. @throws Refusal if there is more in it */
export function filledIn(template: string, push: PushEvent): string {
  return template.replaceAll(/\{\{(.*?)\}\}/g, (_, action: string) => {
    const words = action.match(/"(?:[^"\\]|\\.)*"|[()|]|[^\s()|"]+/g) ?? [];
    const value = pipeline(words, push);
    if (words.length > 0) throw new Refusal(`what the Sensor fills in is not known here: ${template}`);
    return `${value}`;
  });
}

type Value = string | number;

const functions: Record<string, (...given: Value[]) => Value> = {
  int64: (number) => Math.trunc(Number(number)),
  printf: (format, ...values) => `${format}`.replaceAll(/%[sdv]/g, () => `${values.shift()}`),
  sha256sum: (text) => createHash("sha256").update(`${text}`).digest("hex"),
  substr: (start, end, text) => `${text}`.slice(Number(start), Number(end)),
  trunc: (length, text) => `${text}`.slice(0, Number(length)),
};

/** Takes its words from the front of the list, as do those below. */
function pipeline(words: string[], push: PushEvent): Value {
  let value = command(words, push);
  while (words[0] === "|") {
    words.shift();
    value = command(words, push, value);
  }
  return value;
}

function command(words: string[], push: PushEvent, ...piped: Value[]): Value {
  const call = functions[words[0] ?? ""];
  if (call === undefined) return operand(words, push);
  words.shift();
  const given: Value[] = [];
  while (words.length > 0 && words[0] !== "|" && words[0] !== ")") given.push(operand(words, push));
  return call(...given, ...piped);
}

function operand(words: string[], push: PushEvent): Value {
  const word = words.shift() ?? "";
  if (word === "(") {
    const value = pipeline(words, push);
    words.shift();
    return value;
  }
  if (word.startsWith('"')) return JSON.parse(word);
  if (/^-?\d+$/.test(word)) return Number(word);
  const value = word.startsWith(".Input.") ? push[word.slice(".Input.".length) as keyof PushEvent] : undefined;
  if (value === undefined) throw new Refusal(`what the Sensor fills in is not known here: ${word}`);
  return value;
}
