import { command, flag, Refusal, text, texts } from "./lib/call.ts";

/** The arguments of `render`. */
export interface RenderCall {
  /** The stack whose file is read. */
  stack?: string;
  /** The file to read instead of a stack's. */
  configFile?: string;
  config: Record<string, string>;
  installedAt?: string;
  output?: string;
  outputsTo?: string;
  json: boolean;
}

export const render = command({
  command: "render",
  describe: "write the manifests that pulumi up would apply, for GitOps and for review",
  usage: `usage: $0 render [OPTION...]

Writes the manifests that pulumi up would apply, as YAML, for GitOps and for review. It writes no secrets, and needs no cluster, no Pulumi login
and no pulumi command. The same configuration always gives the same text. kubectl apply -f - accepts it.`,
  options: {
    stack: text("NAME: read Pulumi.NAME.yaml (default: only the defaults of the configuration)"),
    "config-file": text("FILE: read this file instead of Pulumi.NAME.yaml"),
    config: texts(
      "KEY=VALUE: override a value of the file, for example steps.image=IMAGE; lists and objects as JSON, or a list separated by commas; may be repeated",
    ),
    "installed-at": text(
      "TIME: the sweep ignores pushes from before this time, for example 2026-01-31T12:00:00Z. Give the time of your first apply, and never change it; not needed if sweep.schedule is empty",
    ),
    output: text(
      "DIR: write one file per object, numbered in the order in which to apply them; files of an earlier render are replaced or deleted",
    ),
    "outputs-to": text(
      "FILE: write what pulumi stack output --json would print; the other commands read it with --outputs FILE or REX_OUTPUTS",
    ),
    json: flag("print one JSON object with the manifests and the outputs"),
  },
  epilogue: `The manifests differ from what pulumi up creates:
  - They contain no Secrets. Create those yourself, and name them in githubApp.existingSecret and webhook.existingSecret.
  - They have neither Pulumi's annotations nor the label app.kubernetes.io/managed-by.
  - Runs have no owner, because only the cluster knows the UID of the WorkflowTemplate. If you delete it,
    its runs stay for argo.retentionDays days.
  - The sweep ignores pushes from before --installed-at. With pulumi up, it ignores those from before the WorkflowTemplate was created.
  - pulumi up waits until EventSource and Sensor are deployed; kubectl apply does not. Check with scripts/rex status and
    kubectl get eventsource,sensor -o yaml.

Exit codes:
  0  the manifests were written
  2  nothing was written: the call or the configuration is wrong`,
  read: ({ stack, output, config = [], json = false, ...values }): RenderCall => {
    const configFile = values["config-file"];
    if (stack !== undefined && configFile !== undefined) {
      throw new Refusal("--stack and --config-file both choose the file; give only one of them");
    }
    if (json && output !== undefined) {
      throw new Refusal("--json and --output both choose where the manifests go; give only one of them");
    }
    return {
      stack,
      configFile,
      config: Object.fromEntries(config.map(pair)),
      installedAt: timeOf(values["installed-at"]),
      output,
      outputsTo: values["outputs-to"],
      json,
    };
  },
  run: async (call) => (await import("./run/render.ts")).render(call),
});

function pair(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new Refusal(`--config: expected KEY=VALUE; got ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function timeOf(text: string | undefined): string | undefined {
  if (text !== undefined && !(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text)))) {
    throw new Refusal(`--installed-at: expected a time such as 2026-01-31T12:00:00Z; got ${JSON.stringify(text)}`);
  }
  return text;
}
