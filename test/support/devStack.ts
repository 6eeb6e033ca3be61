import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { GitHubDoubleClient, type Permissions } from "./github/index.ts";
import { nodeEnvironment } from "./node.ts";
import { Platform } from "./platform.ts";

/** The results of `dev/dev-stack`: the stack's outputs and its secrets. */
export interface DevStack {
  outputs: { webhookUrl: string; namespace: string; workflowTemplate: string; [name: string]: unknown };
  webhookSecret: string;
  privateKey: string;
  githubUrl: string;
  appId: number;
  repository: string;
}

/** @throws Error if REX_DEV_STACK is not set. scripts/up and scripts/test set it to the stack's folder */
export function readDevStack(): DevStack {
  const folder = process.env.REX_DEV_STACK;
  if (!folder) throw new Error("REX_DEV_STACK is not set: run this with scripts/test or scripts/up");
  const { config } = parse(readFileSync(new URL("../../Pulumi.dev.yaml", import.meta.url), "utf8"));
  return {
    outputs: JSON.parse(readFileSync(join(folder, "outputs.json"), "utf8")),
    webhookSecret: readFileSync(join(folder, "webhook-secret"), "utf8").trim(),
    privateKey: readFileSync(join(folder, "private-key.pem"), "utf8"),
    githubUrl: `http://${nodeEnvironment().address}:8090`,
    appId: Number(config["rex-remediation:githubApp"].id),
    repository: config["rex-remediation:repositories"][0],
  };
}

/** The platform around the dev stack. The GitHub double knows the stack's App. */
export async function openDevPlatform(): Promise<Platform> {
  const stack = readDevStack();
  await installDevApp(new GitHubDoubleClient(stack.githubUrl));
  return Platform.open({
    webhookUrl: stack.outputs.webhookUrl,
    webhookSecret: stack.webhookSecret,
    githubUrl: stack.githubUrl,
    repository: stack.repository,
  });
}

/** Registers the stack's App with a GitHub double, installed on the stack's repository; `more`: additional permissions. */
export async function installDevApp(github: GitHubDoubleClient, more: Permissions = {}): Promise<void> {
  const stack = readDevStack();
  await github.putApp({
    appId: stack.appId,
    slug: "rex-remediation",
    publicKeyPem: createPublicKey(stack.privateKey).export({ type: "spki", format: "pem" }).toString(),
    installationId: 42,
    permissions: { contents: "read", pull_requests: "write", metadata: "read", ...more },
    repositories: [stack.repository],
  });
}
