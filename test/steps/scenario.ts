import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runName } from "../../components/vocabulary/runName.ts";
import { Cluster } from "../support/cluster.ts";
import { GitHubDoubleClient, generateAppKey, startGitHubDouble } from "../support/github/index.ts";
import { type PodAccount, podAccount } from "../support/podAccount.ts";
import { StepBench } from "../support/step.ts";

/** A commit of the tests: forty times one hex digit. */
export function sha(digit: string): string {
  return digit.repeat(40);
}

/**
 * The push that most steps are tried with: task 3, from aaa… to bbb…. Its time is a few minutes ahead, which plan bears, so that no
 * agent that a test starts counts as one that began long after it.
 */
export const push = { task: "3", before: sha("a"), after: sha("b"), pushedAt: Math.floor(Date.now() / 1000) + 300 };

export const repository = "acme/shop";

/** The run of the push to a task, as the Sensor names it; of another push where the environment says so. */
export function runNameOf(task: string, environment: Record<string, string> = {}): string {
  const { BEFORE, AFTER, REPOSITORY, PUSHED_AT } = { ...stepEnvironment({}), ...environment };
  return runName("rex-remediation", "a salt", {
    task,
    before: BEFORE ?? "",
    after: AFTER ?? "",
    repository: REPOSITORY ?? "",
    pushedAt: Number(PUSHED_AT),
  });
}

/**
 * What the steps are tried in: a namespace of its own on the real API server, which no
 * controller manages, so that nothing moves what a test has put there; and the double of
 * GitHub with an App installed on acme/shop.
 */
export class Scenario {
  readonly cluster: Cluster;
  readonly github: GitHubDoubleClient;
  readonly #environment: Record<string, string>;
  readonly #closeGitHub: () => Promise<void>;
  readonly #account: PodAccount;
  readonly #benches: StepBench[] = [];
  readonly privateKey: string;
  readonly #publicKey: string;

  private constructor(
    cluster: Cluster,
    github: GitHubDoubleClient,
    closeGitHub: () => Promise<void>,
    environment: Record<string, string>,
    account: PodAccount,
    key: { publicKeyPem: string; privateKeyPem: string },
  ) {
    this.cluster = cluster;
    this.github = github;
    this.#closeGitHub = closeGitHub;
    this.#environment = { ...environment, ...account.environment };
    this.#account = account;
    this.privateKey = key.privateKeyPem;
    this.#publicKey = key.publicKeyPem;
  }

  static async open(): Promise<Scenario> {
    const cluster = new Cluster(`steps-${randomBytes(4).toString("hex")}`);
    await cluster.createNamespace();
    await cluster.installCodeRuns();
    const double = await startGitHubDouble({ host: "127.0.0.1", port: 0 });
    const github = new GitHubDoubleClient(double.url);
    const scenario = new Scenario(
      cluster,
      github,
      () => double.close(),
      stepEnvironment({ NAMESPACE: cluster.namespace, GITHUB_API_URL: double.url }),
      await podAccount(cluster),
      generateAppKey(),
    );
    await scenario.installApp();
    return scenario;
  }

  /** Installs the App on the repositories, with the permissions that it needs and more. */
  async installApp(more: Record<string, "read" | "write"> = {}, repositories: string[] = []): Promise<void> {
    await this.github.putApp({
      appId: 4711,
      slug: "rex-remediation",
      publicKeyPem: this.#publicKey,
      installationId: 42,
      permissions: { contents: "read", pull_requests: "write", metadata: "read", ...more },
      repositories: [repository, "acme/other", ...repositories],
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#benches.map((bench) => bench.close()));
    await this.#account.remove();
    await this.cluster.deleteNamespace();
    await this.#closeGitHub();
  }

  /** A fresh pod's worth of steps for a task. */
  async bench(task: string, more: Record<string, string> = {}): Promise<StepBench> {
    const bench = await StepBench.open({
      ...this.#environment,
      TASK: task,
      RUN_NAME: runNameOf(task, more),
      ...more,
    });
    this.#benches.push(bench);
    const keyFile = join(bench.environment.TOKEN_DIR ?? "", "private-key.pem");
    await writeFile(keyFile, this.privateKey, { mode: 0o600 });
    bench.environment.GITHUB_PRIVATE_KEY_FILE = keyFile;
    return bench;
  }

  /** A branch at the pushed commit with an open pull request, as GitHub has it after Rex's push. */
  async pullRequest(task: string, number: number, labels: string[], headSha = push.after): Promise<void> {
    await this.github.putRepository(repository, {
      branches: { [`task-${task}-fix`]: headSha },
      pulls: [{ number, headRef: `task-${task}-fix`, labels }],
    });
  }

  async labels(number: number): Promise<string[]> {
    return (await this.github.labels(repository, number)) ?? [];
  }
}

/** The environment that the program gives the steps, with its defaults; see components/remediationWorkflow.ts. */
export function stepEnvironment(more: Record<string, string>): Record<string, string> {
  return {
    BEFORE: push.before,
    AFTER: push.after,
    REPOSITORY: repository,
    PUSHED_AT: String(push.pushedAt),
    DRY_RUN: "false",
    NAME: "rex-remediation",
    REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop", "acme/other": "acme-other" }),
    BRANCH_PREFIX: "task-",
    TASK_LABEL_PREFIX: "task-",
    READY_LABEL: "ready-for-qa",
    HOLD_LABEL: "remediation-hold",
    STAGES: JSON.stringify([
      "implementation-in-progress",
      "waiting-pr-created",
      "waiting-ready-for-qa",
      "waiting-pr-approved",
    ]),
    RESET_STAGE: "waiting-pr-created",
    AGENTS: JSON.stringify(["5DLabs-Cleo", "5DLabs-Tess"]),
    MAX_AGENTS_TO_CANCEL: "10",
    QUIET_SECONDS: "0",
    PULL_REQUEST_COMMENTS: "true",
    ARGO_SERVER_URL: "",
    PUSHER: "5DLabs-Rex[bot]",
    PUSHER_NAMES: JSON.stringify(["5dlabs-rex", "rex"]),
    CODERUN_GROUP: "agents.platform",
    CODERUN_VERSION: "v1",
    CODERUN_RESOURCE: "coderuns",
    CODERUN_TASK_LABEL: "task-id",
    CODERUN_AGENT_LABEL: "github-app",
    CODERUN_REPOSITORY_LABEL: "repository",
    CODERUN_FINISHED_PHASES: JSON.stringify(["Succeeded", "Failed"]),
    MAIN_WORKFLOW_TYPE_LABEL: "workflow-type",
    MAIN_WORKFLOW_TYPE: "play-orchestration",
    MAIN_WORKFLOW_TASK_LABEL: "task-id",
    MAIN_WORKFLOW_STAGE_LABEL: "current-stage",
    MAIN_WORKFLOW_REPOSITORY_LABEL: "repository",
    GITHUB_APP_ID: "4711",
    GITHUB_INSTALLATION_ID: "",
    STEP_DEADLINE_SECONDS: "20",
    CANCEL_SECONDS: "6",
    GATE_SECONDS: "3",
    ...more,
  };
}
