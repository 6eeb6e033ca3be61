import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { SignatureName } from "./corpusSignatures.ts";

/** Changes to the JSON of a push, in the order in which they are applied. */
export interface BodyChanges {
  /** The content type. Default: json. */
  as?: "json" | "form";
  /** JSON pointers of fields to leave out. */
  remove?: string[];
  /** JSON text for the field at a JSON pointer. */
  put?: Record<string, string>;
  /** JSON text to insert right after the first bracket. */
  first?: string;
  /** JSON text to insert right before the last bracket. */
  last?: string;
  /** Number of letters in an extra member. */
  pad?: number;
  /** Number of extra members. */
  keys?: number;
  /** Depth of nested lists in an extra member. */
  nest?: number;
  /** Replaces all of the JSON. */
  text?: string;
  /** How many characters to keep; if negative, how many to remove at the end. */
  cut?: number;
  /** Number of spaces at the beginning. */
  spaces?: number;
  /** Text to add before and after. */
  around?: [string, string];
  /** The encoding. Default: UTF-8. */
  bytes?: "utf-16" | "latin1" | "gzip" | "base64" | "percent";
}

/** What is delivered; the head of test/corpus/events.yaml explains the fields. */
export interface Sent {
  who: { login?: string; type?: string } | null;
  ref: string;
  kind: string | null;
  repository: string;
  signature: SignatureName;
  body: "json" | "form" | BodyChanges;
  before?: string;
  after?: string;
  forced?: boolean;
  deleted?: boolean;
  installation?: number;
  pusher?: string;
  message?: string;
  headers?: Record<string, string | string[] | null>;
  path?: string;
}

/** An event of the hostile corpus. */
export interface CorpusEvent {
  class: string;
  sent: Sent;
  /** The number of the task whose run it must start, or nothing. */
  expect: "nothing" | { run: number };
  /** HTTP status of the answer; "panic" if the connection is closed without one. Default: 200. */
  status?: number | "panic";
  why: string;
}

/** The hostile corpus. */
export function readCorpus(): CorpusEvent[] {
  return parse(readFileSync(new URL("../corpus/events.yaml", import.meta.url), "utf8")).events;
}
