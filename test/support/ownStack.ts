import { createPublicKey } from "node:crypto";
import { readDevStack } from "./devStack.ts";
import { GitHubDoubleClient } from "./github/index.ts";
import { nodeEnvironment } from "./node.ts";
import { Platform } from "./platform.ts";
import { type ConfigValue, leastConfig, privateKey } from "./pulumi/stackConfig.ts";
import { type Ended, freshName, StackRun } from "./pulumi/stackRun.ts";

/**
 * A second stack of the program beside the dev stack: in the same namespace and for the same repository, with its own name, webhook and
 * App. The real Pulumi engine brings it up and destroys it.
 */
export class OwnStack {
  readonly name = freshName();
  readonly github: GitHubDoubleClient;
  readonly #stack = new StackRun(this.name);
  readonly #repository: string;
  readonly #config: Record<string, ConfigValue>;
  #publicKeyPem: string | undefined;
  // No App of the double has this number yet. The App's only installation has the same number.
  readonly #appId = 2_000_000 + Math.floor(Math.random() * 1_000_000);

  constructor() {
    const { githubUrl, repository } = readDevStack();
    this.github = new GitHubDoubleClient(githubUrl);
    this.#repository = repository;
    this.#config = {
      repositories: [repository],
      "githubApp.id": String(this.#appId),
      "githubApp.apiUrl": githubUrl,
      "steps.image": nodeEnvironment().stepsImage,
      // A held run must last longer than the engine takes, even on a busy machine.
      "steps.stepTimeoutSeconds": 300,
      // The sweep exists, but does not create runs beside those of the tests.
      "sweep.schedule": "0 0 1 1 *",
    };
  }

  /**
   * Brings the stack up, or updates it to the configuration.
   *
   * @param config overrides the stack's configuration. As docs/operate.md says, a new key of the App is added on GitHub before the engine
   *   starts, and the former one is removed only after the engine has finished
   * @returns the outputs
   */
  async up(config: Record<string, ConfigValue> = {}): Promise<Ended & { outputs: { webhookUrl: string } }> {
    const publicKeyPem = createPublicKey(`${config.githubAppPrivateKey ?? privateKey}`)
      .export({ type: "spki", format: "pem" })
      .toString();
    await this.#putApp(publicKeyPem, this.#publicKeyPem);
    const ended = await this.#run("up", config);
    await this.#putApp(publicKeyPem);
    this.#publicKeyPem = publicKeyPem;
    return { ...ended, outputs: JSON.parse(ended.stdout) };
  }

  async #putApp(publicKeyPem: string, formerPublicKeyPem?: string): Promise<void> {
    await this.github.putApp({
      appId: this.#appId,
      slug: this.name,
      publicKeyPem,
      formerPublicKeyPem,
      installationId: this.#appId,
      permissions: { contents: "read", pull_requests: "write", metadata: "read" },
      repositories: [this.#repository],
    });
  }

  /** The platform around the stack. */
  platform(webhookUrl: string): Promise<Platform> {
    return Platform.open({
      name: this.name,
      webhookUrl,
      webhookSecret: `${leastConfig.webhookSecret}`,
      githubUrl: this.github.url,
      repository: this.#repository,
    });
  }

  /** Makes the engine read what exists, so that the next `up` creates again what somebody has removed. */
  refresh(): Promise<Ended> {
    return this.#run("refresh");
  }

  destroy(): Promise<Ended> {
    return this.#run("destroy");
  }

  /** Removes the engine's files from this machine. */
  remove(): void {
    this.#stack.remove();
  }

  /** @throws Error with the engine's output if it fails */
  async #run(command: "up" | "refresh" | "destroy", config: Record<string, ConfigValue> = {}): Promise<Ended> {
    const args = command === "up" ? ["--json"] : [];
    const ended = await this.#stack.run(command, { config: { ...this.#config, ...config }, args });
    if (ended.exitCode !== 0) throw new Error(`${command} failed: ${ended.stderr}`);
    return ended;
  }
}
