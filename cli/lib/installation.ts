import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { ApiException, type ConfigurationOptions, KubeConfig } from "@kubernetes/client-node";
import { bounded } from "../../lib/boundedRequests.ts";
import { causeOf } from "../../lib/errorCause.ts";
import { oneLine, statusOf } from "./apiServerStatus.ts";

/** What the tools for operators have in common: which installation they are about, which cluster it is on, and how they end. */

/** Exit codes of the tools. */
export const exitCodes = { well: 0, failed: 1, refused: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A bad call, or a cluster that cannot be asked. Its message names what was wrong, what was expected and the way out. */
export class Refusal extends Error {
  /** What was wrong, and what was expected. */
  readonly found: string;
  /** The way out. */
  readonly fix: string | undefined;

  constructor(found: string, fix?: string) {
    super(fix === undefined ? found : `${found}; ${fix}`);
    this.found = found;
    this.fix = fix;
  }
}

/** The API server does not answer, or refuses. */
export class ApiServerRefusal extends Refusal {
  /** The HTTP status; undefined if there is no answer. */
  readonly status: number | undefined;

  constructor(found: string, { status, fix }: { status?: number; fix?: string }) {
    super(found, fix);
    this.status = status;
  }
}

/** Options of every tool, for util.parseArgs. */
export const installationOptions = {
  outputs: { type: "string" },
  stack: { type: "string" },
  context: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** What they mean, for --help. */
export const installationHelp = `  --outputs FILE      the stack's outputs, as \`pulumi stack output --json\` prints them (default: the file that the variable REX_OUTPUTS
                      names, else the pulumi command is asked)
  --stack NAME        ask the pulumi command, and for this stack (default: the selected one)
  --context NAME      context of the kubeconfig (default: the stack's kubernetes:context where pulumi is asked, else the current one)
  --help              this text`;

/** Values of {@link installationOptions}. */
export interface InstallationChoice {
  outputs?: string;
  stack?: string;
  context?: string;
}

/** The stack's outputs; see index.ts. */
export interface Outputs {
  namespace: string;
  workflowTemplate: string;
  eventSource: string;
  sensor: string;
  /** Undefined where the stack uses an EventSource that it did not make: its way in is its owner's. */
  webhookUrl?: string;
  /** Names; `sweep` is undefined where there is none. */
  serviceAccounts?: { sweep?: string };
}

/** An installation of the program, and the cluster that it is on. */
export interface Installation {
  outputs: Outputs;
  cluster: KubeConfig;
}

/** How long one request to the API server may take. */
const requestSeconds = 15;

/** Options of a request to the API server. */
export const request: ConfigurationOptions = bounded(requestSeconds);

/**
 * Runs a tool: its result is the exit code, and what is wrong is said in one line.
 *
 * @param tool its name, which the line begins with
 */
export async function runTool(tool: string, main: (args: string[]) => Promise<ExitCode>): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(`${tool}: ${error.message}`);
    process.exitCode = exitCodes.refused;
  }
}

/** @throws Refusal if the outputs cannot be had, or the kubeconfig does not fit */
export function openInstallation(choice: InstallationChoice): Installation {
  const { outputs, stack } = choice;
  if (outputs !== undefined && stack !== undefined) {
    throw new Refusal("--outputs and --stack both say which installation is meant; give one of them");
  }
  const file = outputs ?? (stack === undefined ? process.env.REX_OUTPUTS : undefined);
  if (file) {
    const told = checked(readFile(file, outputs === undefined ? "REX_OUTPUTS" : "--outputs"), file);
    return { outputs: told, cluster: connect(choice) };
  }
  const told = checked(askPulumi(stack), "pulumi stack output --json");
  return { outputs: told, cluster: connect(choice, contextOf(stack)) };
}

/**
 * Where GitHub's webhook goes.
 *
 * @param url what the call says instead
 * @throws Refusal if neither the call nor the stack says it
 */
export function webhookUrlOf({ outputs }: Installation, url: string | undefined): string {
  const known = url ?? outputs.webhookUrl;
  if (known === undefined) {
    throw new Refusal(
      `the stack has no output webhookUrl, because EventSource ${outputs.eventSource} is not its own (existingEventSource); say where its webhook goes: --url URL`,
    );
  }
  return known;
}

function readFile(file: string, input: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Refusal(
      `${input}: cannot read ${file} (${(error as NodeJS.ErrnoException).code}); make it with: pulumi stack output --json > ${file}`,
    );
  }
}

/** The context that the stack is brought up on; undefined if its configuration names none. */
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
    `cannot ask pulumi for the stack's outputs: ${said}; log in and select the stack (pulumi stack select), name it with --stack NAME, or give the outputs in a file with --outputs FILE or the variable REX_OUTPUTS`,
  );
}

const required = ["namespace", "workflowTemplate", "eventSource", "sensor"] as const;

/** @param source where the text is from */
function checked(text: string, source: string): Outputs {
  const outputs = parsed(text, source);
  const missing = required.filter((key) => typeof outputs[key] !== "string" || outputs[key] === "");
  if (missing.length > 0) {
    throw new Refusal(
      `${source}: expected the outputs of a stack that is up; got none for ${missing.join(", ")}; is it the right stack, and did pulumi up end well?`,
    );
  }
  return outputs as unknown as Outputs;
}

function parsed(text: string, source: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Refusal(`${source}: expected a JSON object, as pulumi stack output --json prints it; got something else`);
}

/**
 * @param choice its context goes before that of the stack
 * @param stackContext what the stack's configuration has as kubernetes:context
 * @throws Refusal if there is no kubeconfig, it cannot be read, names no cluster, or has no such context
 */
export function connect({ context }: InstallationChoice, stackContext?: string): KubeConfig {
  const cluster = new KubeConfig();
  try {
    cluster.loadFromDefault();
  } catch (error) {
    throw new Refusal(
      `the kubeconfig cannot be read: ${oneLine((error as Error).message)}; kubectl config view shows the same`,
    );
  }
  // Where there is nothing, the client makes this one up.
  if (cluster.getCurrentContext() === "loaded-context") {
    throw new Refusal(
      "there is no kubeconfig: the variable KUBECONFIG names none, and there is no ~/.kube/config; make one as your cluster's provider says, until kubectl get namespaces answers",
    );
  }
  const wanted = context ?? stackContext;
  if (wanted !== undefined) {
    const known = cluster.getContexts().map(({ name }) => name);
    if (!known.includes(wanted)) {
      const said = context !== undefined ? "--context" : "the stack's configuration, kubernetes:context";
      const way =
        context !== undefined
          ? ""
          : "; --context NAME names another, pulumi config set kubernetes:context NAME for good";
      throw new Refusal(`${said}: the kubeconfig has no context ${wanted}; expected one of: ${known.join(", ")}${way}`);
    }
    cluster.setCurrentContext(wanted);
  }
  if (cluster.getCurrentCluster() === null) {
    throw new Refusal("the kubeconfig names no cluster; choose one with --context NAME or kubectl config use-context");
  }
  return cluster;
}

/**
 * Asks the API server.
 *
 * @param what what is asked for, as in "read the WorkflowTemplate"
 * @returns undefined if there is no such thing
 * @throws ApiServerRefusal if it does not answer, or refuses
 */
export async function ask<T>(cluster: KubeConfig, what: string, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const { server } = cluster.getCurrentCluster() ?? {};
    if (!(error instanceof ApiException)) {
      throw new ApiServerRefusal(`cannot ${what}: the API server ${server} does not answer (${causeOf(error)})`, {
        fix: "is it the right cluster? kubectl config current-context says which is meant, --context NAME names another",
      });
    }
    if (error.code === 404) return undefined;
    const said = `cannot ${what}: the API server ${server} says ${error.code}: ${statusOf(error).message}`;
    throw new ApiServerRefusal(said, { status: error.code });
  }
}
