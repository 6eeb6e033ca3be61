import { type Consent, command, consentOf, flag, Refusal, text, texts, writingOptions } from "./lib/call.ts";

/** A stack on the user's own cluster. */
export interface OwnStack {
  context: string;
  stack: string;
}

/** The arguments of `up`. */
export interface UpCall extends Consent {
  /** Undefined: the dev stack on the local one-node cluster. */
  on?: OwnStack;
  /** The arguments for scripts/up that follow --context and --stack. */
  more: string[];
}

/** Options that `up` and `down` share. */
export const stackOptions = {
  context: text("NAME: use your own cluster, by its context in your kubeconfig; requires --stack"),
  stack: text("NAME: the stack on your cluster, configured in Pulumi.NAME.yaml; requires --context"),
};

/** @throws Refusal if only one of the two is given */
export function ownStackOf({ context, stack }: Partial<OwnStack>): OwnStack | undefined {
  if (context === undefined && stack === undefined) return undefined;
  if (context === undefined || stack === undefined) {
    throw new Refusal("your own cluster needs both --context NAME and --stack NAME");
  }
  return { context, stack };
}

export const up = command({
  command: "up",
  describe:
    "bring the stack up: on a one-node cluster on this machine, or on your own cluster with --context and --stack",
  usage: `usage: $0 up [--context NAME --stack NAME] [OPTION...]

Runs scripts/up. Without options, it builds and starts a one-node Kubernetes with Argo on this machine (Linux, as root; about half an hour the
first time), runs pulumi up for the dev stack on it, and demonstrates a remediation.

With --context, it runs pulumi up for the stack on your own cluster. It installs only the stack, and sends no push. It needs the pulumi command,
but no pulumi login, because it keeps the state in a local folder. It prints the outputs, and writes them to a file for the other commands.`,
  options: {
    ...stackOptions,
    config: texts("KEY=VALUE: override a value of the stack's file; lists and objects as JSON; may be repeated"),
    secret: texts("KEY@FILE: set a secret to the contents of FILE; may be repeated"),
    diff: flag("show every property that changes"),
    ...writingOptions,
  },
  epilogue: `Exit codes:
  0  the stack is up
  1  something failed; run it again
  2  nothing was done: the call is wrong or was not confirmed`,
  read: ({ config = [], secret = [], diff = false, ...values }): UpCall => {
    const on = ownStackOf(values);
    if (on === undefined && (config.length > 0 || secret.length > 0 || diff)) {
      throw new Refusal("--config, --secret and --diff need --context and --stack");
    }
    const more = [
      ...config.flatMap((pair) => ["--config", pair]),
      ...secret.flatMap((pair) => ["--secret", pair]),
      ...(diff ? ["--diff"] : []),
    ];
    return { on, more, ...consentOf(values) };
  },
  run: async (call) => (await import("./run/stack.ts")).up(call),
});
