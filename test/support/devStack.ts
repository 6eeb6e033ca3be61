import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { GitHubDoubleClient, type Permissions } from "./github/index.ts";
import { nodeEnvironment } from "./node.ts";
import { Platform } from "./platform.ts";

/** What `dev/dev-stack` left: the stack's outputs and the secrets that it was given. */
export interface DevStack {
  outputs: { webhookUrl: string; namespace: string; workflowTemplate: string; [name: string]: unknown };
  webhookSecret: string;
  privateKey: string;
  githubUrl: string;
  appId: number;
  repository: string;
}

/** @throws Error if the variable REX_DEV_STACK, which scripts/up and scripts/test set, names no such folder */
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

/** The platform around the dev stack, with the stack's App known to the double of GitHub. */
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

/** Makes the stack's App known to a double of GitHub, installed on the stack's repository; `more`: permissions beside those it needs. */
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
