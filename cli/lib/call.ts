import type { ArgumentsCamelCase, Argv, CommandModule, InferredOptionTypes, Options as OptionsOf } from "yargs";
import { repositoryPattern, taskPattern, whole } from "../../components/vocabulary/patterns.ts";

/**
 * What all commands of scripts/rex share: their declaration, common options, the refusal of bad calls, and the exit codes. Nothing here
 * loads the Kubernetes client or Pulumi, so that --help and refusals are fast.
 */

/** Exit codes of every command. */
export const exitCodes = { well: 0, failed: 1, refused: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A bad call, or a cluster that does not answer. The message says what was wrong, what was expected, and how to fix it. */
export class Refusal extends Error {
  /** What was wrong, and what was expected. */
  readonly found: string;
  /** How to fix it; undefined if there is no known way. */
  readonly fix: string | undefined;

  constructor(found: string, fix?: string) {
    super(fix === undefined ? found : `${found}; ${fix}`);
    this.found = found;
    this.fix = fix;
  }
}

/** The result that the handler of a command stores in the parsed arguments. */
export interface Ended {
  exitCode?: ExitCode;
}

/** The options of a command by name, in the form that yargs expects. */
export type OptionTable = Record<string, OptionsOf>;

/** The declaration of a command. */
export interface Declaration<Table extends OptionTable, Call> {
  /** Its name followed by its positional arguments, in the form that yargs expects. */
  command: string;
  /** One line for the list of commands. */
  describe: string;
  /** The text of --help before the options: `usage: $0 …`, and what the command does. */
  usage: string;
  options: Table;
  /** The text of --help after the options. */
  epilogue: string;
  /** Checks the values before anything is loaded or asked. @throws Refusal if a value is wrong */
  read(values: InferredOptionTypes<Table>): Call;
  /** Loads its modules and runs. @throws Refusal if it cannot begin */
  run(call: Call): Promise<ExitCode>;
}

/** Turns a declaration into a yargs command module. */
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

/** Joins the lines of each paragraph, so that yargs can wrap it. Lines that begin with a space stay separate. */
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

/** Options of every command that needs an installation. */
export const installationOptions = {
  outputs: text(
    "FILE: the stack's outputs, as printed by pulumi stack output --json (default: the file in the variable REX_OUTPUTS; without one, the outputs are read with the pulumi command)",
  ),
  stack: text("NAME: read the outputs of this stack with the pulumi command (default: the selected stack)"),
  context: text(
    "NAME: context of the kubeconfig (default: the stack's kubernetes:context if the pulumi command is used, else the current context)",
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
    throw new Refusal("--outputs and --stack both choose the installation; give only one of them");
  }
  return { outputs, stack, context };
}

/** Options of every command that changes something. */
export const writingOptions = {
  "dry-run": flag("show what would be done, and do nothing"),
  yes: flag("do not ask; required if there is no terminal"),
};

/** Values of {@link writingOptions}. */
export interface Consent {
  dryRun: boolean;
  yes: boolean;
}

/** @throws Refusal if there is no terminal to ask on, and the call has neither --yes nor --dry-run */
export function consentOf(values: { "dry-run"?: boolean; yes?: boolean }): Consent {
  const [dryRun, yes] = [values["dry-run"] ?? false, values.yes ?? false];
  if (!dryRun && !yes && !canAsk()) {
    throw new Refusal(
      "this command makes changes, and there is no terminal to ask on; --dry-run shows what it would do, --yes does it without asking",
    );
  }
  return { dryRun, yes };
}

/** Whether both standard input and standard error are terminals, so that a person can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** The option --json of commands that report progress while they run. */
export const jsonAtTheEnd = flag(
  "print one JSON object on standard output at the end; progress goes to standard error",
);

/**
 * @param pattern regular expression that the value must match
 * @param expected the pattern in words
 * @throws Refusal if the value does not match
 */
export function must(option: string, value: string, pattern: string, expected: string): void {
  if (!new RegExp(pattern).test(value)) {
    throw new Refusal(`${option}: expected ${expected}; got ${JSON.stringify(value)}`);
  }
}

/** @throws Refusal if the task is missing or is not a valid number */
export function taskOf(task: string | undefined, command: string): string {
  if (task === undefined) {
    throw new Refusal(`--task is missing; expected the number of the task: scripts/rex ${command} --task 3`);
  }
  must("--task", task, whole(taskPattern), "the number of a task, such as 3, without letters and leading zeros");
  return task;
}

/** @throws Refusal if it is not of the form owner/name */
export function mustBeRepository(repository: string | undefined): void {
  if (repository === undefined) return;
  must("--repository", repository, whole(repositoryPattern), "owner/name, such as acme/shop");
}

/** @throws Refusal if it is not an http or https URL */
export function mustBeUrl(url: string | undefined): void {
  if (url !== undefined) must("--url", url, "^https?://[^/]", "a URL such as https://hooks.example.com/push");
}

/** @throws Refusal if the value of --wait is not a whole number of seconds with at most `digits` digits */
export function secondsOf(wait: string, digits: number): number {
  must("--wait", wait, `^[1-9][0-9]{0,${digits - 1}}$`, `a whole number of seconds from 1 to ${"9".repeat(digits)}`);
  return Number(wait);
}
