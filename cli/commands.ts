import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { styleText } from "node:util";
import yargs, { type Argv, type CommandModule } from "yargs";
import { doctor } from "./doctor.ts";
import { down } from "./down.ts";
import { type Ended, type ExitCode, exitCodes, flowing, Refusal } from "./lib/call.ts";
import { nearest } from "./lib/nearest.ts";
import { clearLine } from "./lib/terminal.ts";
import { push } from "./push.ts";
import { remediate } from "./remediate.ts";
import { render } from "./render.ts";
import { status } from "./status.ts";
import { up } from "./up.ts";
import { webhook, webhookCommands } from "./webhook.ts";

/** Parses the command line of scripts/rex and runs the command. */

const root = resolve(import.meta.dirname, "..");

const commands = [doctor, status, push, remediate, webhook, render, up, down];

const usage = `usage: $0 COMMAND [OPTION...]

Tools for operators of a rex-remediation installation. Each command has its own --help.`;

const epilogue = `Commands that change something show what they will do, and ask first. --yes skips the question; it is required if there
is no terminal. With --json, standard output contains only JSON. Output is coloured only on a terminal, and only if the variable NO_COLOR is
not set.

Shell completion for bash and zsh: source <(scripts/rex completion)

Exit codes:
  0  done
  1  something is wrong or failed; see --help of the command
  2  nothing was done: the call is wrong or was not confirmed, or a service that it needs cannot be reached`;

/**
 * @param args the command line after scripts/rex
 * @returns the exit code
 */
export async function rex(args: string[]): Promise<ExitCode> {
  let output = "";
  try {
    const parsed = (await parser(args).parseAsync(args, {}, (_error: unknown, _parsed: unknown, text: string) => {
      output = text;
    })) as Ended;
    if (output !== "") console.log(output);
    return parsed.exitCode ?? exitCodes.well;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (process.stderr.isTTY) process.stderr.write(clearLine);
    console.error(`${styleText("red", `${nameOf(args) || "rex"}:`, { stream: process.stderr })} ${error.message}`);
    return exitCodes.refused;
  }
}

function parser(args: string[]): Argv {
  const parser = yargs()
    .scriptName(args[0] === "completion" ? resolve(root, "scripts/rex").replaceAll(" ", "\\ ") : "scripts/rex")
    .detectLocale(false)
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "duplicate-arguments-array": true,
      "greedy-arrays": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "populate--": true,
    })
    .wrap(process.stdout.isTTY ? Math.min(140, process.stdout.columns) : 140)
    .usage(flowing(usage))
    .epilogue(flowing(epilogue))
    .command(commands)
    .completion("completion", "print the shell completion script for bash or zsh")
    .demandCommand(1, 1, "expected a command", "expected one command")
    .strict()
    .check(checked, true)
    .version("version", "print the version of this program", version())
    .help("help", "print this text")
    .alias("help", "h")
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error, help) => {
      if (error && error.name !== "YError") throw error;
      const known = Object.keys((help as unknown as { getDescriptions(): object }).getDescriptions());
      const subcommand = nameOf(args) === "webhook" ? webhookCommands.map(wordOf).find((word) => word === args[1]) : "";
      const helpCall = ["scripts/rex", nameOf(args), subcommand, "--help"].filter(Boolean).join(" ");
      throw new Refusal(`${message ?? error.message}${suggestion(args, known)}; see ${helpCall}`);
    });
  // The type definitions are for yargs 17, which does not have this method.
  return (parser as Argv & { usageConfiguration(of: object): Argv }).usageConfiguration({ "hide-types": true });
}

function version(): string {
  return JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")).version;
}

/** The name of the called command; empty if there is no such command. */
function nameOf(args: string[]): string {
  return commands.map(wordOf).find((word) => word === args[0]) ?? "";
}

/** The name of a command, without its positional arguments. */
function wordOf({ command }: CommandModule<object, object>): string {
  return `${command}`.split(" ")[0] ?? "";
}

/** Rejects calls that yargs accepts, but that the caller probably did not mean. */
function checked(values: Record<string, unknown>): true {
  if (values["--"] !== undefined) throw new Refusal("no arguments are allowed after --; leave the two dashes out");
  for (const [name, value] of Object.entries(values)) {
    if (["_", "$0"].includes(name)) continue;
    const option = `--${name}`;
    // yargs reads --dry-run=yes as false.
    if (value === false) throw new Refusal(`${option} takes no value; give it without one, or leave it out`);
    if (value === "") throw new Refusal(`${option}: expected a value; got none`);
    if (Array.isArray(value) && !["config", "secret"].includes(name)) {
      throw new Refusal(`${option} is given ${value.length} times; give it once`);
    }
  }
  return true;
}

/** @param options names of the options that the command takes */
function suggestion(args: string[], options: string[]): string {
  const names = args[0] === "webhook" ? webhookCommands : commands;
  const known = [...options.map((name) => `--${name}`), ...names.map(wordOf), nameOf(args)];
  for (const word of args.map((arg) => arg.split("=")[0] ?? "")) {
    const meant = known.includes(word) ? undefined : nearest(word, known);
    if (meant !== undefined) return `; did you mean ${meant}?`;
  }
  return "";
}
