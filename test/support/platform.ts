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

/** The pusher in the dev stack's configuration. */
export const rex = "5dlabs-rex[bot]";

/** How far a task has come when the push arrives. */
export type Position = "implementing" | "cleo-at-work" | "at-ready-for-qa-gate" | "at-bare-gate";

/** The example of a main workflow with only gates. It saves pods in tests that look only at the remediation. */
const trial: { metadata: { labels: { "current-stage": string } }; spec: { templates: Template[] } } = parse(
  readFileSync(new URL("../../examples/trial-workflow.yaml", import.meta.url), "utf8"),
);
type Template = { name: string; steps?: object[][]; suspend?: object };

/**
 * @param outputs of its gates
 * @param skipped number of skipped steps before the gates. Each is a node without a pod, about as large as a pod's node
 */
function bareGates(outputs?: object, skipped = 0): object {
  const templates = trial.spec.templates.map((template) => ({
    ...template,
    ...(template.steps && skipped > 0 && { steps: [[skippedSteps(skipped)], ...template.steps] }),
    ...(template.suspend && outputs && { outputs }),
  }));
  return { ...trial.spec, templates };
}

// The message of a skipped node repeats the condition, which makes the node large.
const skippedSteps = (count: number) => ({
  name: "past",
  template: "gate",
  when: `${"x".repeat(500)} == y`,
  withSequence: { count: `${count}` },
});

/** A task with its main workflow, branch and pull request. */
export interface Task {
  id: string;
  repository: string;
  branch: string;
  pull: number;
  workflow: string;
  head: string;
}

export interface PlatformOptions {
  /** The URL of the dev stack's EventSource. */
  webhookUrl: string;
  /** The dev stack's webhook secret. */
  webhookSecret: string;
  /** The URL of the dev stack's GitHub double. */
  githubUrl: string;
  /** The dev stack's repository. */
  repository: string;
  /** The stack's name. The names of its runs begin with it. Default: the dev stack's. */
  name?: string;
}

/**
 * The environment in which users run the program: the platform that runs CodeRuns (agents.ts), the example main workflow, and GitHub (a
 * double). Everything else is real: Argo, the kubelet, the pods, and the program's own objects as `pulumi up` created them.
 */
export class Platform {
  readonly cluster: Cluster;
  readonly github: GitHubDoubleClient;
  readonly options: PlatformOptions;
  readonly #tasks = new Set<string>();
  #salt: string | undefined;
  readonly #copies: Platform[] = [];
  // GitHub's clock counts whole seconds. A push with an earlier time than the last one would count as older.
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

  /** The same platform with another GitHub double. Closing this platform also closes the copy. */
  withGitHub(githubUrl: string): Platform {
    const copy = new Platform(this.cluster, { ...this.options, githubUrl }, this.#salt);
    this.#copies.push(copy);
    return copy;
  }

  /** Removes the main workflows, CodeRuns and runs of all tasks started here or through a copy, and makes sure that none comes back. */
  async close(): Promise<void> {
    for (const copy of this.#copies) await copy.close();
    const tasks = [...this.#tasks];
    for (const task of tasks) await this.remove(task);
    await this.#nothingComesBack(tasks);
    for (const task of tasks) this.#tasks.delete(task);
  }

  /** Removes the same of one task, without waiting. */
  async remove(task: string): Promise<void> {
    await this.cluster.deleteWorkflows(`task-id=${task}`);
    await this.cluster.deleteCodeRuns(`task-id=${task}`);
    await this.cluster.deleteWorkflows(`rex-remediation/task=${task}`);
  }

  /** A pod of a removed main workflow that was just starting may still create its CodeRun. Waits for such pods and removes the CodeRuns. */
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
   * Removes all main workflows and CodeRuns of the namespace, for a spec that looks at everything there. Killed test runs and the
   * demonstration of scripts/up may have left some.
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
   * Starts a task: creates its branch and pull request on GitHub and its main workflow, and waits for the given position.
   *
   * @param more.spec of the main workflow at a bare gate; overrides the trial's
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
      // Only a test's own pushes are Rex's. If this one were, a sweep would look for its run.
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

  /** Starts another CodeRun beside the main workflow's own, and waits until its pod runs. */
  async startAgent(agent: string, task: Task): Promise<CodeRun> {
    const name = `${shortName(agent)}-task-${task.id}-${randomSha().slice(0, 5)}`;
    const created = await this.cluster.create(
      codeRun(name, agent, task.id, { repository: task.repository.replace("/", "-") }),
    );
    // The limit is long, because faults of the node may strike meanwhile.
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

  /** Seconds since 1970 on GitHub's clock. No two calls return the same. */
  clock(): number {
    this.#clock = Math.max(Math.floor(Date.now() / 1000), this.#clock + 1);
    return this.#clock;
  }

  /** Pushes to the task's branch on GitHub, without a delivery. */
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

  /** Pushes to the task's branch as Rex, and delivers the event. Returns the push and the time of the answer. */
  async push(task: Task): Promise<{ run: string; push: PushOptions; pushedAt: Date }> {
    const push: PushOptions = {
      ref: `refs/heads/${task.branch}`,
      ...(await this.moveBranch(task)),
      pushedAt: this.clock(),
    };
    // Another stack may have replaced the Sensor since then.
    this.#salt = await runSaltOf(this.cluster, this.options.name);
    const answer = await this.send(push);
    if (answer.status !== 200) throw new Error(`the EventSource answered ${answer.status}: ${answer.body}`);
    return { run: this.runName(task.id, push), push, pushedAt: answer.at };
  }

  /** The name that the Sensor gives the run of a push. */
  runName(task: string, { before, after, repository = this.options.repository, pushedAt }: PushOptions): string {
    const { name = "rex-remediation" } = this.options;
    if (this.#salt === undefined) throw new Error(`there was no Sensor ${name} when the platform was opened`);
    if (before === undefined || after === undefined || pushedAt === undefined) {
      throw new Error("the name of a run needs the commits and the time of its push");
    }
    return runName(name, this.#salt, { task, before, after, repository, pushedAt });
  }

  /** Waits until a run has ended. Its outcome label says how. */
  async ended(name: string, limit = 120_000): Promise<Workflow> {
    return until(`run ${name} has ended`, limit, async () => {
      const workflow = await this.cluster.workflow(name);
      return ["Succeeded", "Failed", "Error"].includes(workflow?.status?.phase ?? "") && workflow;
    });
  }

  /** Waits until a run has an outcome. Its Workflow ends up to ten seconds later. */
  async outcome(name: string, limit = 120_000): Promise<string> {
    return until(`run ${name} has an outcome`, limit, async () => {
      return (await this.cluster.workflow(name))?.metadata.labels?.["rex-remediation/outcome"];
    });
  }
}

/** The salt that a deployed Sensor uses in the names of runs; undefined if there is no Sensor. */
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
