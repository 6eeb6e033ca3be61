import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";

/** A guard of the program, and the id of the test that turns red without it; guards.yaml says more. */
export interface Guard {
  guard: string;
  file: string;
  from: string;
  to: string;
  spec: string;
  test: string;
}

/** The checkout. */
export const root = resolve(import.meta.dirname, "../..");

export const guards: Guard[] = parse(readFileSync(join(import.meta.dirname, "guards.yaml"), "utf8"));
