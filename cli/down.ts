import { type Consent, command, consentOf, writingOptions } from "./lib/call.ts";
import { type OwnStack, ownStackOf, stackOptions } from "./up.ts";

/** What `down` is called with. */
export interface DownCall extends Consent {
  /** Undefined: this machine's own node. */
  on?: OwnStack;
}

export const down = command({
  command: "down",
  describe: "remove what up has made",
  usage: `usage: $0 down [--context NAME --stack NAME] [OPTION...]

Hands over to scripts/down. Without options: ends everything that up started on this machine and removes its data, without asking. What was
built stays, so that the next up is quick. Nothing on a cluster of yours is touched.

With --context: pulumi destroy of the stack that up --context made on your own cluster. Its state stays, so that it can be brought up again.`,
  options: { ...stackOptions, ...writingOptions },
  epilogue: `Exit codes:
  0  it is gone
  1  something failed; run it again
  2  nothing was done: the call is wrong, or not confirmed`,
  read: (values): DownCall => {
    const on = ownStackOf(values);
    // What is on this machine alone, up makes again.
    return { on, ...consentOf(on === undefined ? { ...values, yes: true } : values) };
  },
  run: async (call) => (await import("./run/stack.ts")).down(call),
});
