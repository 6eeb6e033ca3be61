import { Refusal } from "./call.ts";

/** The output of a command. Progress and questions appear only on terminals; with --json, standard output contains only JSON. */
export interface Terminal {
  /** Prints a line. */
  say(line: string): void;
  /** Shows what the command waits for and for how many seconds, in a temporary line, only on a terminal. Undefined: removes it. */
  waitFor(what: string | undefined): void;
}

/** Removes the line of {@link Terminal.waitFor}. */
export const clearLine = "\r\u001b[K";

/** @param json whether standard output is reserved for JSON, so that everything else goes to standard error */
export function openTerminal(json: boolean): Terminal {
  const { stderr } = process;
  let waiting: { what: string; since: number; timer: NodeJS.Timeout } | undefined;
  const show = () => {
    if (waiting === undefined) return;
    const seconds = Math.round((Date.now() - waiting.since) / 1000);
    stderr.write(`${clearLine}${`… ${waiting.what}, ${seconds} s`.slice(0, stderr.columns - 1)}`);
  };
  return {
    say(line) {
      if (waiting !== undefined) stderr.write(clearLine);
      if (json) console.error(line);
      else console.log(line);
      show();
    },
    waitFor(what) {
      if (!stderr.isTTY) return;
      if (waiting !== undefined) {
        clearInterval(waiting.timer);
        stderr.write(clearLine);
      }
      waiting = what === undefined ? undefined : { what, since: Date.now(), timer: setInterval(show, 1000).unref() };
      show();
    },
  };
}

/**
 * Asks for confirmation on the terminal. The caller has checked that there is one.
 *
 * @throws Refusal unless the answer is yes
 */
export async function confirm(question: string): Promise<void> {
  // Loaded only here, because every call loads this file.
  const { createInterface } = await import("node:readline/promises");
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((answer) => asking.once("close", () => answer("")));
  const answer = await Promise.race([asking.question(`${question} [y/N] `), closed]);
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Refusal("not confirmed; nothing was done");
}
