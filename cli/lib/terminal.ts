import { Refusal } from "./call.ts";

/** What a command says: colour, progress and questions are for terminals alone, and standard output is JSON alone where JSON is asked for. */
export interface Terminal {
  /** A line of what is done. */
  say(line: string): void;
  /** What is waited for, with the seconds, in a line that goes again; on a terminal only. Undefined: nothing any more. */
  waitFor(what: string | undefined): void;
}

/** Takes away what {@link Terminal.waitFor} shows. */
export const clearLine = "\r\u001b[K";

/** @param json whether standard output is for JSON, so that all else goes to standard error */
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
 * Asks on the terminal. That there is one has been seen to before.
 *
 * @throws Refusal unless the answer is yes
 */
export async function confirm(question: string): Promise<void> {
  // Loaded here, because every call loads this file.
  const { createInterface } = await import("node:readline/promises");
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((answer) => asking.once("close", () => answer("")));
  const answer = await Promise.race([asking.question(`${question} [y/N] `), closed]);
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Refusal("not confirmed; nothing was done");
}
