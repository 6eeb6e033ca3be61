import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { SignatureName } from "./corpusSignatures.ts";

/** Changes to the JSON of a push, in the order in which they are made. */
export interface BodyChanges {
  /** How it is sent. Default: json. */
  as?: "json" | "form";
  /** JSON pointers of fields that are left out. */
  remove?: string[];
  /** JSON text for the field at a JSON pointer. */
  put?: Record<string, string>;
  /** JSON text right behind the first bracket. */
  first?: string;
  /** JSON text right before the last bracket. */
  last?: string;
  /** Letters in a further member. */
  pad?: number;
  /** Further members. */
  keys?: number;
  /** Nested lists in a further member. */
  nest?: number;
  /** All of the JSON. */
  text?: string;
  /** How many characters are kept; a negative number: how many at the end are not. */
  cut?: number;
  /** Spaces in front. */
  spaces?: number;
  /** What stands before and behind what is sent. */
  around?: [string, string];
  /** How it is written. Default: UTF-8. */
  bytes?: "utf-16" | "latin1" | "gzip" | "base64" | "percent";
}

/** What is delivered; see the head of test/corpus/events.yaml. */
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
  /** The number of the task whose run it has to start, or nothing. */
  expect: "nothing" | { run: number };
  /** HTTP status of the answer; "panic" where the connection is closed without one. Default: 200. */
  status?: number | "panic";
  why: string;
}

/** The hostile corpus. */
export function readCorpus(): CorpusEvent[] {
  return parse(readFileSync(new URL("../corpus/events.yaml", import.meta.url), "utf8")).events;
}
