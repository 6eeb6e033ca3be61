import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { runName, runSaltAnnotation } from "../../components/vocabulary/runName.ts";
import { Cluster, unless, until } from "./cluster.ts";
import { type CodeRun, codeRun, shortName } from "./codeRuns.ts";
import { type Answer, deliver } from "./delivery.ts";
import { GitHubDoubleClient, type PushOptions, pushPayload, randomSha, signedDelivery } from "./github/index.ts";
import { nodeEnvironment } from "./node.ts";
import type { Workflow, WorkflowNode } from "./workflows.ts";

const run = promisify(execFile);
const example = fileURLToPath(new URL("../../examples/play-workflow.yaml", import.meta.url));

/** The pusher, as the dev stack's configuration has it. */
export const rex = "5dlabs-rex[bot]";

/** Where a task stands when the push comes. */
export type Position = "implementing" | "cleo-at-work" | "at-ready-for-qa-gate" | "at-bare-gate";

/** The example of a main workflow of gates in a row: where only the remediation is looked at, it saves the pods of all others. */
const trial: { metadata: { labels: { "current-stage": string } }; spec: { templates: Template[] } } = parse(
  readFileSync(new URL("../../examples/trial-workflow.yaml", import.meta.url), "utf8"),
);
type Template = { name: string; steps?: object[][]; suspend?: object };

/**
 * @param outputs of its gates
 * @param skipped steps before them, none of which is taken: each a node without a pod, about as large as a pod's
 */
function bareGates(outputs?: object, skipped = 0): object {
  const templates = trial.spec.templates.map((template) => ({
    ...template,
    ...(template.steps && skipped > 0 && { steps: [[notTaken(skipped)], ...template.steps] }),
    ...(template.suspend && outputs && { outputs }),
  }));
  return { ...trial.spec, templates };
}

// A node's message repeats the condition.
const notTaken = (count: number) => ({
  name: "past",
  template: "gate",
  when: `${"x".repeat(500)} == y`,
  withSequence: { count: `${count}` },
});

/** A task in the making: its main workflow, its branch, its pull request. */
export interface Task {
  id: string;
  repository: string;
  branch: string;
  pull: number;
  workflow: string;
  head: string;
}

export interface PlatformOptions {
  /** Where the dev stack's EventSource listens. */
  webhookUrl: string;
  /** The dev stack's webhook secret. */
  webhookSecret: string;
  /** The dev stack's double of GitHub. */
  githubUrl: string;
  /** The dev stack's repository. */
  repository: string;
  /** The stack's name, with which its runs' names begin. Default: the dev stack's. */
  name?: string;
}

/**
 * What the program's users have around it: the platform that runs CodeRuns (agents.ts), the example
 * main workflow, and GitHub (a double). Everything else here is real: Argo, the kubelet,
 * the pods, and the program's own objects as `pulumi up` made them.
 */
export class Platform {
  readonly cluster: Cluster;
  readonly github: GitHubDoubleClient;
  readonly options: PlatformOptions;
  readonly #tasks = new Set<string>();
  #salt: string | undefined;
  readonly #copies: Platform[] = [];
  // GitHub's clock counts whole seconds, and a push before the last one would be an old one.
  #clock = 0;

  private constructor(cluster: Cluster, options: PlatformOptions, salt: string | undefined) {
    this.cluster = cluster;
    this.#salt = salt;
    this.options = options;
    this.github = new GitHubDoubleClient(options.githubUrl);
  }

  static async open(options: PlatformOptions): Promise<Platform> {
    const node = nodeEnvironment();
    const cluster = new Cluster(node.namespace);
    const platform = new Platform(cluster, options, await runSaltOf(cluster, options.name));
    await run("kubectl", ["apply", "--namespace", node.namespace, "--server-side", "--filename", example], {
      timeout: 30_000,
    });
    return platform;
  }

  /** The same platform with another double of GitHub. It removes what is made through it; where it did not, this one does. */
  withGitHub(githubUrl: string): Platform {
    const copy = new Platform(this.cluster, { ...this.options, githubUrl }, this.#salt);
    this.#copies.push(copy);
    return copy;
  }

  /** Removes the main workflows, CodeRuns and runs of the tasks that were made here or through a copy, so that none comes back. */
  async close(): Promise<void> {
    for (const copy of this.#copies) await copy.close();
    const tasks = [...this.#tasks];
    for (const task of tasks) await this.remove(task);
    await this.#nothingComesBack(tasks);
    for (const task of tasks) this.#tasks.delete(task);
  }

  /** The same of one task, without waiting. */
  async remove(task: string): Promise<void> {
    await this.cluster.deleteWorkflows(`task-id=${task}`);
    await this.cluster.deleteCodeRuns(`task-id=${task}`);
    await this.cluster.deleteWorkflows(`rex-remediation/task=${task}`);
  }

  /** A pod of a main workflow that was just starting makes its CodeRun all the same. */
  async #nothingComesBack(tasks: string[]): Promise<void> {
    const { core, namespace } = this.cluster;
    const gone = async (): Promise<boolean> => {
      const { items } = await core.listNamespacedPod({ namespace, labelSelector: "workflows.argoproj.io/workflow" });
      const ofTheirs = items.filter(({ metadata }) =>
        tasks.some((task) => metadata?.labels?.["workflows.argoproj.io/workflow"]?.startsWith(`play-task-${task}`)),
      );
      return ofTheirs.length === 0;
    };
    if (tasks.length === 0 || (await gone())) return;
    await until("the pods of removed main workflows are gone", 60_000, gone);
    for (const task of tasks) await this.cluster.deleteCodeRuns(`task-id=${task}`);
  }

  /**
   * Removes all main workflows and CodeRuns of the namespace, whoever made them, for a spec that looks at all that is there: what others left that
   * were killed, and what the demonstration of scripts/up leaves to be looked at.
   */
  async clear(): Promise<void> {
    const mainWorkflows = "workflow-type=play-orchestration";
    await until("no main workflow and no CodeRun is left", 90_000, async () => {
      await this.cluster.deleteWorkflows(mainWorkflows);
      const codeRuns = await this.cluster.codeRuns();
      for (const { metadata } of codeRuns) {
        await this.cluster.patchCodeRun(metadata.name, { metadata: { finalizers: null } }).catch(unless(404));
        await this.cluster.deleteCodeRun(metadata.name);
      }
      return codeRuns.length + (await this.cluster.workflows(mainWorkflows)).length === 0;
    });
  }

  /** A task number that no earlier test has used. */
  newTask(): string {
    const task = String(100_000_000 + Math.floor(Math.random() * 899_999_999));
    this.#tasks.add(task);
    return task;
  }

  /**
   * Makes a task: its branch and pull request on GitHub, and its main workflow, brought to the given position.
   *
   * @param more.spec of the main workflow at a bare gate, over the trial's
   */
  async startTask(
    position: Position,
    more: {
      id?: string;
      pullLabels?: string[];
      pullRequest?: boolean;
      gateOutputs?: object;
      skipped?: number;
      spec?: object;
    } = {},
  ): Promise<Task> {
    const id = more.id ?? this.newTask();
    this.#tasks.add(id);
    const { repository } = this.options;
    const task: Task = {
      id,
      repository,
      branch: `task-${id}-fix-the-cart`,
      pull: Number(id),
      workflow: `play-task-${id}`,
      head: randomSha(),
    };
    await this.github.putRepository(repository, {
      branches: { [task.branch]: task.head },
      // Rex's pushes are those that a case makes; a sweep would look for the run of this one.
      pushedBy: "somebody",
      pulls:
        more.pullRequest === false
          ? []
          : [{ number: task.pull, headRef: task.branch, labels: [`task-${id}`, ...(more.pullLabels ?? [])] }],
    });
    const implementing = position === "implementing";
    const bare = position === "at-bare-gate";
    await this.cluster.create({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      metadata: {
        name: task.workflow,
        labels: {
          "workflow-type": "play-orchestration",
          "task-id": id,
          repository: repository.replace("/", "-"),
          "current-stage": implementing
            ? "implementation-in-progress"
            : bare
              ? trial.metadata.labels["current-stage"]
              : "waiting-pr-created",
        },
      },
      spec: {
        ...(bare
          ? { ...bareGates(more.gateOutputs, more.skipped), ...more.spec }
          : { workflowTemplateRef: { name: "play" }, ...(implementing ? {} : { entrypoint: "round" }) }),
        arguments: {
          parameters: [
            { name: "task", value: id },
            { name: "repository", value: repository.replace("/", "-") },
          ],
        },
      },
    });
    if (bare) {
      await until(`task ${id} waits at its gate`, 30_000, async () => (await this.waitingGate(task)) !== undefined);
      return task;
    }
    const [agent] = await until(`the first agent of task ${id} is at work`, 60_000, async () => {
      const runs = await this.agents(id);
      return runs.length > 0 && runs.every((run) => run.status?.phase === "Running") && runs;
    });
    if (position === "at-ready-for-qa-gate" && agent !== undefined) {
      await this.cluster.setCodeRunPhase(agent.metadata.name, "Succeeded");
      await until(
        `task ${id} waits for ready-for-qa`,
        90_000,
        async () => (await this.waitingGate(task)) !== undefined,
      );
    }
    return task;
  }

  /** Starts a CodeRun beside the main workflow's own, and waits until its pod runs. */
  async startAgent(agent: string, task: Task): Promise<CodeRun> {
    const name = `${shortName(agent)}-task-${task.id}-${randomSha().slice(0, 5)}`;
    const created = await this.cluster.create(
      codeRun(name, agent, task.id, { repository: task.repository.replace("/", "-") }),
    );
    // Faults of the node may strike meanwhile.
    await until(`the pod of ${name} runs`, 120_000, async () => {
      const pod = await this.cluster.core.readNamespacedPod({ name, namespace: this.cluster.namespace });
      return pod.status?.phase === "Running";
    });
    return created;
  }

  agents(task: string): Promise<CodeRun[]> {
    return this.cluster.codeRuns(`task-id=${task}`);
  }

  async waitingGate(task: Task): Promise<WorkflowNode | undefined> {
    const workflow = await this.cluster.workflow(task.workflow);
    return gates(workflow).find(({ phase }) => phase === "Running");
  }

  /** Seconds since 1970, on GitHub's clock; no two the same. */
  clock(): number {
    this.#clock = Math.max(Math.floor(Date.now() / 1000), this.#clock + 1);
    return this.#clock;
  }

  /** Pushes to the task's branch on GitHub, without a word to the webhook. */
  async moveBranch(task: Task, sha = randomSha()): Promise<{ before: string; after: string }> {
    const before = task.head;
    task.head = sha;
    await this.github.putRepository(task.repository, { branches: { [task.branch]: sha } });
    return { before, after: sha };
  }

  /** Sends a signed push event to the stack's webhook URL. */
  async send(options: PushOptions, secret = this.options.webhookSecret): Promise<Answer> {
    const payload = pushPayload({
      repository: this.options.repository,
      sender: rex,
      pushedAt: this.clock(),
      ...options,
    });
    return deliver(this.cluster, this.options.webhookUrl, await signedDelivery(secret, payload));
  }

  /** Rex pushes to the task's branch, and GitHub tells. Returns the push and when it was answered. */
  async push(task: Task): Promise<{ run: string; push: PushOptions; pushedAt: Date }> {
    const push: PushOptions = {
      ref: `refs/heads/${task.branch}`,
      ...(await this.moveBranch(task)),
      pushedAt: this.clock(),
    };
    // Another stack's Sensor may have come in the place of the one before.
    this.#salt = await runSaltOf(this.cluster, this.options.name);
    const answer = await this.send(push);
    if (answer.status !== 200) throw new Error(`the EventSource answered ${answer.status}: ${answer.body}`);
    return { run: this.runName(task.id, push), push, pushedAt: answer.at };
  }

  /** The name that the Sensor gives to the run of a push. */
  runName(task: string, { before, after, repository = this.options.repository, pushedAt }: PushOptions): string {
    const { name = "rex-remediation" } = this.options;
    if (this.#salt === undefined) throw new Error(`there was no Sensor ${name} when the platform was opened`);
    if (before === undefined || after === undefined || pushedAt === undefined) {
      throw new Error("only a push whose commits and time are known has a run that can be named");
    }
    return runName(name, this.#salt, { task, before, after, repository, pushedAt });
  }

  /** Waits for the end of a run; its outcome label says how. */
  async ended(name: string, limit = 120_000): Promise<Workflow> {
    return until(`run ${name} has ended`, limit, async () => {
      const workflow = await this.cluster.workflow(name);
      return ["Succeeded", "Failed", "Error"].includes(workflow?.status?.phase ?? "") && workflow;
    });
  }

  /** Waits until a run has an outcome; its Workflow ends up to ten seconds later. */
  async outcome(name: string, limit = 120_000): Promise<string> {
    return until(`run ${name} has an outcome`, limit, async () => {
      return (await this.cluster.workflow(name))?.metadata.labels?.["rex-remediation/outcome"];
    });
  }
}

/** What a deployed Sensor makes the names of runs with, beside the push; undefined where there is none. */
export async function runSaltOf(cluster: Cluster, name = "rex-remediation"): Promise<string | undefined> {
  const { items } = (await cluster.custom.listNamespacedCustomObject({
    group: "argoproj.io",
    version: "v1alpha1",
    plural: "sensors",
    namespace: cluster.namespace,
    fieldSelector: `metadata.name=${name}`,
  })) as { items: { metadata: { annotations?: Record<string, string> } }[] };
  return items[0]?.metadata.annotations?.[runSaltAnnotation];
}

/** The suspend nodes of a workflow. */
export function gates(workflow: Workflow | undefined): WorkflowNode[] {
  return Object.values(workflow?.status?.nodes ?? {}).filter(({ type }) => type === "Suspend");
}
