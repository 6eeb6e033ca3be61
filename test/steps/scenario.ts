import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RemediationConfig, SweepConfig } from "../../components/stepConfig.ts";
import { runName } from "../../components/vocabulary/runName.ts";
import { Cluster } from "../support/cluster.ts";
import { GitHubDoubleClient, generateAppKey, startGitHubDouble } from "../support/github/index.ts";
import { type PodAccount, podAccount } from "../support/podAccount.ts";
import { StepBench, withConfig } from "../support/step.ts";

/** A made-up commit SHA: one hex digit, forty times. */
export function sha(digit: string): string {
  return digit.repeat(40);
}

/**
 * The push that most steps are tested with: task 3, from aaa… to bbb…. Its time is a few minutes in the future, which plan tolerates, so
 * that no agent that a test starts counts as newer than the push.
 */
export const push = { task: "3", before: sha("a"), after: sha("b"), pushedAt: Math.floor(Date.now() / 1000) + 300 };

export const repository = "acme/shop";

/** The name that the Sensor gives the run of this push to a task; `environment` can describe another push. */
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
 * Where the steps are tested: a namespace of the real API server, without a controller, so that nothing changes what a test creates
 * there; and the GitHub double with an App installed on acme/shop.
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
      stepEnvironment({ namespace: cluster.namespace, "github.apiUrl": double.url }),
      await podAccount(cluster),
      generateAppKey(),
    );
    await scenario.installApp();
    return scenario;
  }

  /** Installs the App on the repositories, with the permissions that it needs, and `more`. */
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

  /** Prepares the steps for a task as a fresh pod would. */
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

  /** Creates a branch at the pushed commit with an open pull request, as on GitHub after Rex's push. */
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

/** The configuration that the program gives the steps, with its defaults but short limits; see components/stepConfig.ts. */
const config: RemediationConfig & SweepConfig = {
  name: "rex-remediation",
  namespace: "",
  argo: "",
  argoInstanceId: "",
  argoServerUrl: "",
  github: { apiUrl: "", appId: "4711", installationId: "" },
  main: {
    typeLabel: "workflow-type",
    type: "play-orchestration",
    taskLabel: "task-id",
    stageLabel: "current-stage",
    repositoryLabel: "repository",
    stages: ["implementation-in-progress", "waiting-pr-created", "waiting-ready-for-qa", "waiting-pr-approved"],
    resetStage: "waiting-pr-created",
  },
  codeRun: {
    group: "agents.platform",
    version: "v1",
    resource: "coderuns",
    taskLabel: "task-id",
    agentLabel: "github-app",
    repositoryLabel: "repository",
    finishedPhases: ["Succeeded", "Failed"],
  },
  agents: { toCancel: ["5DLabs-Cleo", "5DLabs-Tess"], maxToCancel: 10, pusherNames: ["5dlabs-rex", "rex"] },
  pull: { taskLabelPrefix: "task-", readyLabel: "ready-for-qa", holdLabel: "remediation-hold", comments: true },
  pusher: "5DLabs-Rex[bot]",
  branchPrefix: "task-",
  debounceSeconds: 0,
  stepTimeoutSeconds: 20,
  cancelTimeoutSeconds: 6,
  gateTimeoutSeconds: 3,
  afterSeconds: 300,
  retentionDays: 7,
};

/** The environment of a step. `more` sets variables, and parts of the configuration by their paths; see {@link withConfig}. */
export function stepEnvironment(more: Record<string, string>): Record<string, string> {
  const { namespace = "" } = more;
  return withConfig({
    CONFIG: JSON.stringify({ ...config, namespace, argo: `argo -n ${namespace}` }),
    BEFORE: push.before,
    AFTER: push.after,
    REPOSITORY: repository,
    PUSHED_AT: String(push.pushedAt),
    DRY_RUN: "false",
    REPOSITORIES: JSON.stringify({ "acme/shop": "acme-shop", "acme/other": "acme-other" }),
    ...more,
  });
}
