import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ApiException, type ConfigurationOptions, KubeConfig } from "@kubernetes/client-node";
import { bounded } from "../../lib/boundedRequests.ts";
import { causeOf } from "../../lib/errorCause.ts";
import { oneLine, statusOf } from "./apiServerStatus.ts";
import { type InstallationChoice, Refusal } from "./call.ts";

export { type InstallationChoice, Refusal } from "./call.ts";

/** How the operators' tools find an installation and its cluster, and ask the API server. */

/** The API server did not answer, or refused. */
export class ApiServerRefusal extends Refusal {
  /** The HTTP status; undefined if there was no answer. */
  readonly status: number | undefined;

  constructor(found: string, { status, fix }: { status?: number; fix?: string }) {
    super(found, fix);
    this.status = status;
  }
}

/** The stack's outputs; see index.ts. */
export interface Outputs {
  namespace: string;
  workflowTemplate: string;
  eventSource: string;
  sensor: string;
  /** Undefined if the stack uses an existing EventSource. The stack does not know its URL. */
  webhookUrl?: string;
  /** Names of the service accounts; `sweep` is undefined if there is no sweep. */
  serviceAccounts?: { sweep?: string };
}

/** An installation of the program, and its cluster. */
export interface Installation {
  outputs: Outputs;
  cluster: KubeConfig;
}

/** The time limit of one request to the API server. */
const requestSeconds = 15;

/** Options of a request to the API server. */
export const request: ConfigurationOptions = bounded(requestSeconds);

/** @throws Refusal if the outputs cannot be read, or the kubeconfig is not usable */
export function openInstallation(choice: InstallationChoice): Installation {
  const { outputs, stack } = choice;
  const file = outputs ?? (stack === undefined ? process.env.REX_OUTPUTS : undefined);
  if (file) {
    const told = checked(readFile(file, outputs === undefined ? "REX_OUTPUTS" : "--outputs"), file);
    return { outputs: told, cluster: connect(choice) };
  }
  const told = checked(askPulumi(stack), "pulumi stack output --json");
  return { outputs: told, cluster: connect(choice, contextOf(stack)) };
}

/**
 * The URL that GitHub's webhook goes to.
 *
 * @param url the URL from the command line, which overrides the stack's
 * @throws Refusal if neither the call nor the stack has a URL
 */
export function webhookUrlOf({ outputs }: Installation, url: string | undefined): string {
  const known = url ?? outputs.webhookUrl;
  if (known === undefined) {
    throw new Refusal(
      `the stack has no output webhookUrl, because it uses the existing EventSource ${outputs.eventSource} (existingEventSource); give the URL of its webhook: --url URL`,
    );
  }
  return known;
}

function readFile(file: string, input: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Refusal(
      `${input}: cannot read ${file} (${(error as NodeJS.ErrnoException).code}); create it with: pulumi stack output --json > ${file}`,
    );
  }
}

/** The context in the stack's configuration; undefined if there is none. */
function contextOf(stack: string | undefined): string | undefined {
  const { status, stdout } = pulumi(["config", "get", "kubernetes:context"], stack);
  return status === 0 ? stdout.trim() || undefined : undefined;
}

function pulumi(command: string[], stack: string | undefined) {
  const args = [...command, "--non-interactive", ...(stack === undefined ? [] : ["--stack", stack])];
  return spawnSync("pulumi", args, {
    cwd: resolve(import.meta.dirname, "../.."),
    encoding: "utf8",
    timeout: 60_000,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function askPulumi(stack: string | undefined): string {
  const { status, stdout, stderr, error } = pulumi(["stack", "output", "--json"], stack);
  if (status === 0) return stdout;
  const said = error === undefined ? oneLine(stderr) : error.message;
  throw new Refusal(
    `cannot read the stack's outputs with the pulumi command: ${said}; log in and select the stack (pulumi stack select), choose it with --stack NAME, or give the outputs in a file with --outputs FILE or the variable REX_OUTPUTS`,
  );
}

const required = ["namespace", "workflowTemplate", "eventSource", "sensor"] as const;

/** @param source where the text comes from, for messages */
function checked(text: string, source: string): Outputs {
  const outputs = parsed(text, source);
  const missing = required.filter((key) => typeof outputs[key] !== "string" || outputs[key] === "");
  if (missing.length > 0) {
    throw new Refusal(
      `${source}: expected the outputs of a stack that is up; ${missing.join(", ")} missing; is it the right stack, and did pulumi up succeed?`,
    );
  }
  return outputs as unknown as Outputs;
}

function parsed(text: string, source: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Refused below.
  }
  throw new Refusal(`${source}: expected a JSON object, as printed by pulumi stack output --json; got something else`);
}

/**
 * @param choice its context overrides that of the stack
 * @param stackContext kubernetes:context in the stack's configuration
 * @throws Refusal if there is no kubeconfig, or it cannot be read, names no cluster, or does not have the context
 */
export function connect({ context }: InstallationChoice, stackContext?: string): KubeConfig {
  const cluster = new KubeConfig();
  try {
    cluster.loadFromDefault();
  } catch (error) {
    throw new Refusal(
      `the kubeconfig cannot be read: ${oneLine((error as Error).message)}; kubectl config view shows the same error`,
    );
  }
  // The client invents this context if there is no kubeconfig.
  if (cluster.getCurrentContext() === "loaded-context") {
    throw new Refusal(
      "there is no kubeconfig: the variable KUBECONFIG is not set, and there is no ~/.kube/config; create one as your cluster's provider describes, and test it with kubectl get namespaces",
    );
  }
  const wanted = context ?? stackContext;
  if (wanted !== undefined) {
    const known = cluster.getContexts().map(({ name }) => name);
    if (!known.includes(wanted)) {
      const said = context !== undefined ? "--context" : "the stack's configuration, kubernetes:context";
      const fix =
        context !== undefined
          ? ""
          : "; choose another with --context NAME, or permanently with pulumi config set kubernetes:context NAME";
      throw new Refusal(`${said}: the kubeconfig has no context ${wanted}; expected one of: ${known.join(", ")}${fix}`);
    }
    cluster.setCurrentContext(wanted);
  }
  if (cluster.getCurrentCluster() === null) {
    throw new Refusal("the kubeconfig names no cluster; choose one with --context NAME or kubectl config use-context");
  }
  return cluster;
}

/**
 * Waits for an answer of the API server.
 *
 * @param what what the request does, for example "read the WorkflowTemplate"
 * @returns undefined if there is no such object
 * @throws ApiServerRefusal if the API server does not answer, or refuses
 */
export async function ask<T>(cluster: KubeConfig, what: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const { server } = cluster.getCurrentCluster() ?? {};
    if (!(error instanceof ApiException)) {
      throw new ApiServerRefusal(`cannot ${what}: the API server ${server} does not answer (${causeOf(error)})`, {
        fix: "is it the right cluster? kubectl config current-context shows the current one, --context NAME chooses another",
      });
    }
    if (error.code === 404) return undefined;
    const said = `cannot ${what}: the API server ${server} says ${error.code}: ${statusOf(error).message}`;
    throw new ApiServerRefusal(said, { status: error.code });
  }
}
