import { command, flag, Refusal, text, texts } from "./lib/call.ts";

/** What `render` is called with. */
export interface RenderCall {
  /** The name of the stack whose file is read. */
  stack?: string;
  /** The file that is read instead. */
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

Writes the manifests that pulumi up would apply as YAML, for GitOps and for review: without secrets, and without a cluster, a Pulumi login or
the pulumi command. The same configuration gives the same text. kubectl apply -f - takes it.`,
  options: {
    stack: text("NAME: read Pulumi.NAME.yaml (default: only the defaults)"),
    "config-file": text("FILE: read this file instead"),
    config: texts(
      "KEY=VALUE: a value over the file's, as steps.image=IMAGE; a list or an object as JSON, or a list as text with commas; may be given several times",
    ),
    "installed-at": text(
      "TIME: pushes from before are left alone by the sweep, as 2026-01-31T12:00:00Z: the time of your first apply, the same ever after; not needed where sweep.schedule is empty",
    ),
    output: text(
      "DIR: write a file for each object, numbered in the order of their use; files of an earlier render that have no object any more go",
    ),
    "outputs-to": text(
      "FILE: write what pulumi stack output --json would print: --outputs FILE of the other commands, or REX_OUTPUTS",
    ),
    json: flag("print one object: manifests and outputs"),
  },
  epilogue: `It differs from what pulumi up makes in this:
  - Secrets are not in it: githubApp.existingSecret and webhook.existingSecret name those that you make.
  - Pulumi's annotations and the label app.kubernetes.io/managed-by are not in it.
  - Runs have no owner, because the WorkflowTemplate's identity is known to the cluster only: they stay for argo.retentionDays after it is deleted.
  - The sweep is told with --installed-at since when pushes are its to handle, instead of the WorkflowTemplate's age.
  - Nothing waits until EventSource and Sensor are deployed: scripts/rex status and kubectl get eventsource,sensor -o yaml say whether they are.

Exit codes:
  0  the manifests are written
  2  nothing was written: the call or the configuration is wrong`,
  read: ({ stack, output, config = [], json = false, ...values }): RenderCall => {
    const configFile = values["config-file"];
    if (stack !== undefined && configFile !== undefined) {
      throw new Refusal("--stack and --config-file both say which file is meant; give one of them");
    }
    if (json && output !== undefined) {
      throw new Refusal("--json and --output both say where the manifests go; give one of them");
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
    throw new Refusal(`--installed-at: expected a time, as 2026-01-31T12:00:00Z; got ${JSON.stringify(text)}`);
  }
  return text;
}
