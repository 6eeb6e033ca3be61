import * as pulumi from "@pulumi/pulumi";

/** One thing that is wrong with the stack's configuration, or with the cluster that it needs. */
export interface Problem {
  /** Path of the key, such as steps.image. */
  key: string;
  /** What would be right. */
  expected: string;
  /** What is there, never a secret; undefined: nothing. */
  got?: string;
  /** The command that mends it. */
  command: string;
  /** What the command does; default: it sets the key. */
  advice?: string;
}

/** Everything that is wrong, for the engine as text and for tools as data. */
export class ConfigError extends pulumi.RunError {
  readonly problems: readonly Problem[];

  constructor(headline: string, problems: readonly Problem[]) {
    super(`${headline}\n${problems.map(inWords).join("\n")}`);
    this.problems = problems;
  }
}

/** For a person: what is wrong, and below it the way out. */
export function inWords({ key, expected, got = "nothing", command, advice = "Set it with" }: Problem): string {
  return `  ${key}: expected ${expected}; got ${got}.\n      ${advice}: ${command}`;
}

/** The command that sets a key to a value. */
export function setCommand(key: string, value: string): string {
  const path = isPath(key) ? `--path ${quoted(key)}` : key;
  return `pulumi config set ${path} ${quoted(value)}`;
}

/** Mends a key that has to go. */
export function removal(key: string): Pick<Problem, "command" | "advice"> {
  const path = isPath(key) ? `--path ${quoted(key)}` : key;
  return { command: `pulumi config rm ${path}`, advice: "Remove it with" };
}

function isPath(key: string): boolean {
  return /[.[]/.test(key);
}

function quoted(text: string): string {
  return /^[\w./:,@-]+$/.test(text) ? text : `'${text}'`;
}

/** The text that shares the most pairs of letters with another, if they are alike at all. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  const [best, likeness] = [...candidates]
    .map((candidate) => [candidate, likenessOf(text, candidate)] as const)
    .reduce((one, other) => (other[1] > one[1] ? other : one), ["", 0]);
  return likeness > 0.6 ? best : undefined;
}

function likenessOf(one: string, other: string): number {
  const [own, theirs] = [pairs(one), pairs(other)];
  return (2 * [...own].filter((pair) => theirs.has(pair)).length) / (own.size + theirs.size);
}

function pairs(text: string): Set<string> {
  const letters = text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  return new Set(Array.from(letters.slice(1), (_, index) => letters.slice(index, index + 2)));
}
