import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { installDevApp } from "../devStack.ts";
import { type FaultDefinition, GitHubDoubleClient, rateLimited, startGitHubDouble } from "../github/index.ts";
import { nodeEnvironment } from "../node.ts";
import type { Task } from "../platform.ts";
import type { Call } from "./kinds.ts";
import type { GitHubFault } from "./matrix.ts";

/**
 * A GitHub double for one case, so that its faults strike no other run. In a shared double, paths could not tell the runs apart, because
 * not every path contains the task.
 */
export class OwnGitHub {
  readonly url: string;
  readonly client: GitHubDoubleClient;
  readonly #stateFile: string;
  #close: () => Promise<void>;

  private constructor(url: string, stateFile: string, close: () => Promise<void>) {
    this.url = url;
    this.client = new GitHubDoubleClient(url);
    this.#stateFile = stateFile;
    this.#close = close;
  }

  /** Starts a double on the node, with the stack's App installed. */
  static async start(): Promise<OwnGitHub> {
    const stateFile = join(tmpdir(), `github-${randomBytes(6).toString("hex")}.json`);
    const { url, close } = await startGitHubDouble({ host: nodeEnvironment().address, stateFile });
    const github = new OwnGitHub(url, stateFile, close);
    await installDevApp(github.client);
    return github;
  }

  /** Refuses connections for a while. */
  async refuseConnections(milliseconds: number): Promise<void> {
    await this.#close();
    await sleep(milliseconds);
    const { hostname, port } = new URL(this.url);
    const { close } = await startGitHubDouble({ host: hostname, port: Number(port), stateFile: this.#stateFile });
    this.#close = close;
  }

  /** Adds the case's fault for a call of the task's remediation. */
  async fail(call: Call, { resetIn, ...fault }: GitHubFault, task: Task): Promise<void> {
    const { method, path } = requestOf(call, task);
    const pathPattern = `^${path}`;
    const limited: Partial<FaultDefinition> = resetIn === undefined ? {} : rateLimited(pathPattern, resetIn);
    await this.client.addFault({ ...fault, ...limited, method, pathPattern });
  }

  async close(): Promise<void> {
    await this.#close();
    await rm(this.#stateFile, { force: true });
  }
}

/** Method of a call, and a regular expression for the beginning of its path. */
export function requestOf(call: Call, task: Task): { method: string; path: string } {
  const repository = `/repos/${task.repository}`;
  const requests: Record<Call, { method: string; path: string }> = {
    installation: { method: "GET", path: `${repository}/installation` },
    "access-token": { method: "POST", path: "/app/installations/42/access_tokens" },
    "matching-refs": { method: "GET", path: `${repository}/git/matching-refs/heads/task-${task.id}` },
    pulls: { method: "GET", path: `${repository}/pulls\\?state=open&head=[^&]+` },
    remove: { method: "DELETE", path: `${repository}/issues/${task.pull}/labels/ready-for-qa` },
    labels: { method: "GET", path: `${repository}/issues/${task.pull}/labels` },
  };
  return requests[call];
}
