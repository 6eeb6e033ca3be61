import type { ApiAnswer } from "./apiServerDouble.ts";
import { manifests, ofKind } from "./pulumi/manifests.ts";

/** The stack's outputs that match {@link installed}. */
export const installedOutputs = {
  namespace: "agent-platform",
  workflowTemplate: "rex-remediation",
  eventSource: "rex-remediation",
  sensor: "rex-remediation",
  webhookUrl: "https://hooks.example.com/push",
};

/** The settings of an installation that a test can choose. */
export interface InstalledSettings {
  githubApiUrl: string;
  githubAppId: number;
  /** PEM. */
  privateKey: string;
  webhookSecret: string;
  /** owner/name. */
  repositories: string[];
}

/** The objects from which the tools read an installation's settings, by request: the program's own objects and its Secrets. */
export async function installed(settings: InstalledSettings): Promise<Record<string, ApiAnswer>> {
  const { githubApiUrl, githubAppId, privateKey, webhookSecret, repositories } = settings;
  const objects = await manifests({
    "githubApp.apiUrl": githubApiUrl,
    "githubApp.id": githubAppId,
    repositories,
  });
  const eventSource = ofKind(objects, "EventSource");
  const { push } = eventSource.spec.github as { push: { webhookSecret: { name: string } } };
  const secret = (key: string, value: string) => ({ data: { [key]: Buffer.from(value).toString("base64") } });
  const argo = "/apis/argoproj.io/v1alpha1/namespaces/agent-platform";
  const secrets = "/api/v1/namespaces/agent-platform/secrets";
  return {
    [`GET ${argo}/workflowtemplates/rex-remediation`]: { code: 200, body: ofKind(objects, "WorkflowTemplate") },
    [`GET ${argo}/eventsources/rex-remediation`]: { code: 200, body: eventSource },
    [`GET ${secrets}/rex-remediation-github-app`]: { code: 200, body: secret("private-key.pem", privateKey) },
    [`GET ${secrets}/${push.webhookSecret.name}`]: { code: 200, body: secret("secret", webhookSecret) },
  };
}
