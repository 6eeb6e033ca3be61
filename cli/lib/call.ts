import type { ArgumentsCamelCase, Argv, CommandModule, InferredOptionTypes, Options as OptionsOf } from "yargs";
import { repositoryPattern, taskPattern, whole } from "../../components/vocabulary/patterns.ts";

/**
 * What the commands of scripts/rex have in common: how one is declared, its options, how a bad call is refused, and how it ends. Nothing
 * here loads the Kubernetes client or Pulumi, so that --help and a refusal take no time.
 */

/** Exit codes of every command. */
export const exitCodes = { well: 0, failed: 1, refused: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A bad call, or a cluster that cannot be asked. Its message names what was wrong, what was expected and the way out. */
export class Refusal extends Error {
  /** What was wrong, and what was expected. */
  readonly found: string;
  /** The way out. */
  readonly fix: string | undefined;

  constructor(found: string, fix?: string) {
    super(fix === undefined ? found : `${found}; ${fix}`);
    this.found = found;
    this.fix = fix;
  }
}

/** What the handler of a command leaves in the parsed arguments. */
export interface Ended {
  exitCode?: ExitCode;
}

/** A command's options by their names, as yargs takes them. */
export type OptionTable = Record<string, OptionsOf>;

/** How a command is called, and what it does. */
export interface Declaration<Table extends OptionTable, Call> {
  /** Its name, and its positional arguments behind it, as yargs takes them. */
  command: string;
  /** One line for the list of commands. */
  describe: string;
  /** What --help says before the options: `usage: $0 …`, and what the command does. */
  usage: string;
  options: Table;
  /** What --help says after the options. */
  epilogue: string;
  /** @throws Refusal if the values do not fit; nothing has been loaded or asked by then */
  read(values: InferredOptionTypes<Table>): Call;
  /** Loads what it needs. @throws Refusal if it cannot begin */
  run(call: Call): Promise<ExitCode>;
}

/** The yargs module of a command. */
export function command<Table extends OptionTable, Call>({
  command,
  describe,
  usage,
  options,
  epilogue,
  read,
  run,
}: Declaration<Table, Call>): CommandModule<object, object> {
  return {
    command,
    describe,
    builder: (yargs: Argv<object>) => yargs.usage(flowing(usage)).options(options).epilogue(flowing(epilogue)),
    handler: async (values: ArgumentsCamelCase<object>) => {
      (values as Ended).exitCode = await run(read(values as unknown as InferredOptionTypes<Table>));
    },
  };
}

/** A help text whose paragraphs yargs can wrap: their lines are one. Lines that begin with a space stay lines. */
export function flowing(text: string): string {
  return text.replaceAll(/(?<=[^\n])\n(?=[^\s])/g, " ");
}

/** An option with a value. */
export function text(describe: string) {
  return { type: "string", requiresArg: true, describe } as const;
}

/** An option that may be given several times. */
export function texts(describe: string) {
  return { type: "string", array: true, requiresArg: true, describe } as const;
}

/** An option without a value. */
export function flag(describe: string) {
  return { type: "boolean", describe } as const;
}

/** Options of every command that is about an installation. */
export const installationOptions = {
  outputs: text(
    "FILE: the stack's outputs, as `pulumi stack output --json` prints them (default: the file that the variable REX_OUTPUTS names, else the pulumi command is asked)",
  ),
  stack: text("NAME: ask the pulumi command, and for this stack (default: the selected one)"),
  context: text(
    "NAME: context of the kubeconfig (default: the stack's kubernetes:context where pulumi is asked, else the current one)",
  ),
};

/** Values of {@link installationOptions}. */
export interface InstallationChoice {
  outputs?: string;
  stack?: string;
  context?: string;
}

/** @throws Refusal if two of them contradict each other */
export function installationOf({ outputs, stack, context }: InstallationChoice): InstallationChoice {
  if (outputs !== undefined && stack !== undefined) {
    throw new Refusal("--outputs and --stack both say which installation is meant; give one of them");
  }
  return { outputs, stack, context };
}

/** Options of every command that changes something for real. */
export const writingOptions = {
  "dry-run": flag("say what would be done, and do nothing"),
  yes: flag("do not ask; needed where there is no terminal to ask on"),
};

/** Values of {@link writingOptions}. */
export interface Consent {
  dryRun: boolean;
  yes: boolean;
}

/** @throws Refusal if nobody can be asked, and the call does not say that nobody need be */
export function consentOf(values: { "dry-run"?: boolean; yes?: boolean }): Consent {
  const [dryRun, yes] = [values["dry-run"] ?? false, values.yes ?? false];
  if (!dryRun && !yes && !canAsk()) {
    throw new Refusal(
      "this changes things for real, and there is no terminal to ask on; --dry-run says what it would do, --yes does it without asking",
    );
  }
  return { dryRun, yes };
}

/** Whether a person sits at both ends. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** For --json, where a command tells what it does meanwhile. */
export const jsonAtTheEnd = flag("print one object on standard output at the end; what is done goes to standard error");

/**
 * @param pattern what the value has to match, as a regular expression
 * @param expected the same in words
 * @throws Refusal if it does not
 */
export function must(option: string, value: string, pattern: string, expected: string): void {
  if (!new RegExp(pattern).test(value)) {
    throw new Refusal(`${option}: expected ${expected}; got ${JSON.stringify(value)}`);
  }
}

/** @throws Refusal if it is no number of a task, or there is none */
export function taskOf(task: string | undefined, command: string): string {
  if (task === undefined) {
    throw new Refusal(`--task is missing; expected the task's number: scripts/rex ${command} --task 3`);
  }
  must("--task", task, whole(taskPattern), "the number of a task, without leading zeros and letters, as 3");
  return task;
}

/** @throws Refusal if it is no repository's name */
export function mustBeRepository(repository: string | undefined): void {
  if (repository === undefined) return;
  must("--repository", repository, whole(repositoryPattern), "owner/name, as acme/shop");
}

/** @throws Refusal if it is no URL */
export function mustBeUrl(url: string | undefined): void {
  if (url !== undefined) must("--url", url, "^https?://[^/]", "a URL, as https://hooks.example.com/push");
}

/** @throws Refusal if it is no number of seconds that has at most so many digits */
export function secondsOf(wait: string, digits: number): number {
  must("--wait", wait, `^[1-9][0-9]{0,${digits - 1}}$`, `whole seconds, from 1 to ${"9".repeat(digits)}`);
  return Number(wait);
}
