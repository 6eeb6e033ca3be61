import { type Consent, command, consentOf, flag, Refusal, text, texts, writingOptions } from "./lib/call.ts";

/** A stack on a cluster of one's own. */
export interface OwnStack {
  context: string;
  stack: string;
}

/** What `up` is called with. */
export interface UpCall extends Consent {
  /** Undefined: the dev stack on this machine's own node. */
  on?: OwnStack;
  /** What scripts/up takes beside --context and --stack. */
  more: string[];
}

/** Options of `up` and `down`. */
export const stackOptions = {
  context: text("NAME: your own cluster, by the context of your kubeconfig; with --stack"),
  stack: text("NAME: the stack on it; its configuration is Pulumi.NAME.yaml"),
};

/** @throws Refusal if one of the two is missing */
export function ownStackOf({ context, stack }: Partial<OwnStack>): OwnStack | undefined {
  if (context === undefined && stack === undefined) return undefined;
  if (context === undefined || stack === undefined) {
    throw new Refusal("with your own cluster both --context NAME and --stack NAME are needed");
  }
  return { context, stack };
}

export const up = command({
  command: "up",
  describe: "bring the stack up: on this machine's own node, or on your cluster with --context and --stack",
  usage: `usage: $0 up [--context NAME --stack NAME] [OPTION...]

Hands over to scripts/up. Without options: makes and starts a one-node Kubernetes with Argo on this machine (Linux, root; the first time about
half an hour), runs pulumi up of the dev stack on it, and shows a remediation.

With --context: pulumi up of the stack on your own cluster. Nothing is installed there but the stack, and nothing is pushed. Needs the pulumi
command, but no pulumi login: the state lies in a folder of its own. The outputs go to standard output, and into a file for the other commands.`,
  options: {
    ...stackOptions,
    config: texts("KEY=VALUE: a value over the stack's file; a list or an object as JSON; may be given several times"),
    secret: texts("KEY@FILE: the same for a secret: the contents of FILE"),
    diff: flag("show every changed property"),
    ...writingOptions,
  },
  epilogue: `Exit codes:
  0  it is up
  1  something failed; run it again
  2  nothing was done: the call is wrong, or not confirmed`,
  read: ({ config = [], secret = [], diff = false, ...values }): UpCall => {
    const on = ownStackOf(values);
    if (on === undefined && (config.length > 0 || secret.length > 0 || diff)) {
      throw new Refusal("--config, --secret and --diff go with --context and --stack only");
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
