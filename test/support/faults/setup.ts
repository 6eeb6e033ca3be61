import { afterwards } from "../afterwards.ts";
import type { Platform, Task } from "../platform.ts";
import { type DerivedTemplate, deriveTemplate } from "./derivedTemplate.ts";
import { neighbourBranch } from "./finalState.ts";
import type { FaultCase } from "./matrix.ts";
import { OwnGitHub } from "./ownGitHub.ts";

/** A finalizer that nobody removes. */
export const finalizer = "tests.example/never";

/** What a case's run needs: a task that waits at a gate, its agents, and a separate GitHub double if the case strikes GitHub. */
export class Setup {
  readonly platform: Platform;
  readonly task: Task;
  /** The case's own GitHub double, if it has one. */
  readonly github?: OwnGitHub;
  /** The WorkflowTemplate to run instead of the deployed one, if there is one. */
  readonly template?: DerivedTemplate;
  /** Name of Cleo's CodeRun, if Cleo is at work. Then Rex has a CodeRun, too. */
  readonly cleo?: string;

  private constructor(of: Pick<Setup, "platform" | "task" | "github" | "template" | "cleo">) {
    this.platform = of.platform;
    this.task = of.task;
    this.github = of.github;
    this.template = of.template;
    this.cleo = of.cleo;
  }

  /** Prepares cases that strike the same run. Without cases, it prepares a clean run with agents. */
  static async prepare(dev: Platform, cases: FaultCase[]): Promise<Setup> {
    const github = cases.some(({ fault, call }) => fault.startsWith("github-") || call !== undefined)
      ? await OwnGitHub.start()
      : undefined;
    const platform = dev.withGitHub(github?.url ?? dev.options.githubUrl);
    const id = platform.newTask();
    let template: DerivedTemplate | undefined;
    try {
      // The template comes first, because Argo's controller needs a moment to notice it.
      template = await ownTemplate(platform, id, cases, github);
      const task = await platform.startTask("at-bare-gate", { id, pullLabels: ["ready-for-qa"] });
      await putNeighbour(platform, task);
      const withAgents = cases.length === 0 || cases.some(({ step }) => step === "stop-qa");
      const cleo = withAgents ? await startAgents(platform, task) : undefined;
      if (cleo !== undefined && cases.some(({ fault }) => fault === "finalizer"))
        await platform.cluster.patchCodeRun(cleo, { metadata: { finalizers: [finalizer] } });
      for (const one of cases) {
        if (one.call !== undefined && one.github !== undefined) await github?.fail(one.call, one.github, task);
      }
      return new Setup({ platform, task, github, template, cleo });
    } catch (error) {
      await afterwards(
        () => platform.close(),
        () => template?.remove(),
        () => github?.close(),
      ).catch(() => undefined);
      throw error;
    }
  }

  /** Removes the case's faults, as far as they last. */
  async removeFaults(): Promise<void> {
    await this.github?.client.clearFaults();
    if (this.cleo !== undefined) await this.#takeFinalizersOff(this.cleo);
    await this.#takeOwnersOff();
  }

  async close(): Promise<void> {
    await afterwards(
      () => this.removeFaults(),
      () => this.platform.close(),
      () => this.template?.remove(),
      () => this.github?.close(),
    );
  }

  async #takeOwnersOff(): Promise<void> {
    const owned = (await this.platform.agents(this.task.id)).filter(({ metadata }) => metadata.ownerReferences);
    for (const { metadata } of owned) {
      await this.platform.cluster.patchCodeRun(metadata.name, { metadata: { ownerReferences: null } });
    }
  }

  async #takeFinalizersOff(cleo: string): Promise<void> {
    const { cluster } = this.platform;
    const finalizers = (await cluster.codeRun(cleo))?.metadata.finalizers ?? [];
    if (!finalizers.includes(finalizer)) return;
    await cluster.patchCodeRun(cleo, { metadata: { finalizers: finalizers.filter((one) => one !== finalizer) } });
  }
}

/** The deployed WorkflowTemplate with the changes that the cases need; undefined if they need none. */
async function ownTemplate(
  { cluster }: Platform,
  task: string,
  cases: FaultCase[],
  github: OwnGitHub | undefined,
): Promise<DerivedTemplate | undefined> {
  const limits = cases.flatMap(({ limits }) => limits ?? []);
  if (github === undefined && limits.length === 0) return undefined;
  return deriveTemplate(cluster, `rex-remediation-faults-${task}`, (config) => {
    if (github !== undefined) config.github.apiUrl = github.url;
    Object.assign(config, ...limits);
  });
}

async function putNeighbour(platform: Platform, task: Task): Promise<void> {
  const branch = neighbourBranch(task);
  await platform.github.putRepository(task.repository, {
    branches: { [branch]: task.head },
    pulls: [{ number: task.pull + 1_000_000_000, headRef: branch, labels: ["ready-for-qa"] }],
  });
}

async function startAgents(platform: Platform, task: Task): Promise<string> {
  const [cleo] = await Promise.all([platform.startAgent("5DLabs-Cleo", task), platform.startAgent("5DLabs-Rex", task)]);
  return cleo.metadata.name;
}
