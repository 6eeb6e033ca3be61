import { type Consent, command, consentOf, writingOptions } from "./lib/call.ts";
import { type OwnStack, ownStackOf, stackOptions } from "./up.ts";

/** The arguments of `down`. */
export interface DownCall extends Consent {
  /** Undefined: the one-node cluster on this machine. */
  on?: OwnStack;
}

export const down = command({
  command: "down",
  describe: "remove what up created",
  usage: `usage: $0 down [--context NAME --stack NAME] [OPTION...]

Runs scripts/down. Without options, it stops everything that up started on this machine and removes its data, without asking. It keeps the built
files, so that the next up is quick. It does not touch your own cluster.

With --context, it runs pulumi destroy for the stack that up --context created on your own cluster. It keeps the stack's state, so that you can
bring the stack up again.`,
  options: { ...stackOptions, ...writingOptions },
  epilogue: `Exit codes:
  0  everything was removed
  1  something failed; run it again
  2  nothing was done: the call is wrong or was not confirmed`,
  read: (values): DownCall => {
    const on = ownStackOf(values);
    // Everything on this machine can be created again by `up`, so there is no question.
    return { on, ...consentOf(on === undefined ? { ...values, yes: true } : values) };
  },
  run: async (call) => (await import("./run/stack.ts")).down(call),
});
