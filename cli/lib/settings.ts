import { CoreV1Api, CustomObjectsApi } from "@kubernetes/client-node";
import { asArgoEventsReads, privateKeyKey, webhookSecretKey } from "../../components/githubAppSecrets.ts";
import { configAnnotation, type RemediationConfig, type StepConfig } from "../../components/stepConfig.ts";
import { repositoriesAnnotation } from "../../components/stepContainer.ts";
import { runSaltAnnotation } from "../../components/vocabulary/runName.ts";
import { ask, type Installation, Refusal, request } from "./installation.ts";

/** Reads an installation's settings from the cluster, so that the tools use the same settings as its runs. */

const argo = { group: "argoproj.io", version: "v1alpha1" };

/** A key of a Secret in the installation's namespace. */
export interface SecretKey {
  name: string;
  key: string;
}

/** See docs/configuration.md for what each means. */
export interface Settings {
  /** owner/name, in lower case. */
  repositories: string[];
  /** The value of the repository label for each repository. */
  repositoryLabels: string[];
  pusher: string;
  branchPrefix: string;
  taskLabelPrefix: string;
  readyLabel: string;
  holdLabel: string;
  agents: string[];
  codeRuns: Omit<RemediationConfig["codeRun"], "finishedPhases">;
  mainWorkflows: StepConfig["main"];
  stages: string[];
  resetStage: string;
  /** See components/argoInstance.ts; undefined for the controller without an instance ID. */
  argoInstanceId?: string;
  githubApiUrl: string;
  githubAppId: string;
  /** Undefined if GitHub is asked for it. */
  githubInstallationId?: string;
  /** Where the App's private key is stored. */
  privateKey: SecretKey;
  /** Where the webhook's secret is stored; undefined if the EventSource does not exist or verifies no signatures. */
  webhookSecret?: SecretKey;
}

interface Spec {
  podMetadata?: { annotations?: Record<string, string> };
  templates: { volumes?: { secret?: { secretName: string } }[] }[];
}

interface EventSource {
  spec: { github?: Record<string, { webhookSecret?: SecretKey }> };
}

/** A Secret or one of its keys does not exist. */
export class MissingSecret extends Refusal {}

/** @throws Refusal if the installation is not in the cluster, or was created by an incompatible version of the program */
export async function readSettings({ outputs, cluster }: Installation): Promise<Settings> {
  const { namespace, workflowTemplate, eventSource } = outputs;
  const api = cluster.makeApiClient(CustomObjectsApi);
  const read = (what: string, plural: string, name: string) =>
    ask(
      cluster,
      `read ${what} ${name} in namespace ${namespace}`,
      api.getNamespacedCustomObject({ ...argo, plural, namespace, name }, request),
    );
  const template = (await read("WorkflowTemplate", "workflowtemplates", workflowTemplate)) as
    | { spec: Spec }
    | undefined;
  if (template === undefined) {
    throw new Refusal(
      `there is no WorkflowTemplate ${workflowTemplate} in namespace ${namespace} on ${cluster.getCurrentCluster()?.server}: the outputs belong to another installation, the context belongs to another cluster, or pulumi up has not been run yet`,
    );
  }
  const source = (await read("EventSource", "eventsources", eventSource)) as EventSource | undefined;
  const webhookSecret = Object.values(source?.spec.github ?? {})[0]?.webhookSecret;
  return {
    ...settingsOf(template.spec, workflowTemplate),
    ...(webhookSecret && { webhookSecret }),
  };
}

/** The repositories for a sentence: only the first few if there are many. */
export function namesOf(repositories: string[], between = ", "): string {
  const more = repositories.length - 5;
  return more > 1 ? `${repositories.slice(0, 5).join(", ")} and ${more} more` : repositories.join(between);
}

function settingsOf({ podMetadata, templates }: Spec, name: string): Settings {
  const annotation = (key: string): string => {
    const value = podMetadata?.annotations?.[key];
    if (value === undefined) {
      throw new Refusal(
        `WorkflowTemplate ${name} has no annotation ${key}: it was created by another version of this program`,
        "run pulumi up with this version, or use the tools of that version",
      );
    }
    return value;
  };
  const config: RemediationConfig = JSON.parse(annotation(configAnnotation));
  const repositories: Record<string, string> = JSON.parse(annotation(repositoriesAnnotation));
  const { stages, resetStage, ...mainWorkflows } = config.main;
  const { finishedPhases: _, ...codeRuns } = config.codeRun;
  const secret = templates.flatMap(({ volumes }) => volumes ?? []).find(({ secret }) => secret !== undefined)?.secret;
  return {
    repositories: Object.keys(repositories),
    repositoryLabels: Object.values(repositories),
    pusher: config.pusher,
    branchPrefix: config.branchPrefix,
    taskLabelPrefix: config.pull.taskLabelPrefix,
    readyLabel: config.pull.readyLabel,
    holdLabel: config.pull.holdLabel,
    agents: config.agents.toCancel,
    codeRuns,
    mainWorkflows,
    stages,
    resetStage,
    ...(config.argoInstanceId && { argoInstanceId: config.argoInstanceId }),
    githubApiUrl: config.github.apiUrl,
    githubAppId: config.github.appId,
    ...(config.github.installationId && { githubInstallationId: config.github.installationId }),
    privateKey: { name: secret?.secretName ?? "", key: privateKeyKey },
  };
}

/**
 * Reads the text of a secret with the caller's own rights.
 *
 * @throws MissingSecret if the Secret or its key does not exist
 * @throws ApiServerRefusal if the caller may not read it
 */
export async function readSecret({ outputs, cluster }: Installation, { name, key }: SecretKey): Promise<string> {
  const { namespace } = outputs;
  const core = cluster.makeApiClient(CoreV1Api);
  const secret = await ask(
    cluster,
    `read Secret ${name} in namespace ${namespace}`,
    core.readNamespacedSecret({ namespace, name }, request),
  );
  const value = secret?.data?.[key];
  if (value === undefined) {
    throw new MissingSecret(
      `Secret ${name} in namespace ${namespace}: expected the key ${key}; got ${secret === undefined ? "no such Secret" : "none"}`,
      "pulumi up creates it",
    );
  }
  return Buffer.from(value, "base64").toString("utf8");
}

/** The secret that GitHub signs deliveries with. */
export interface WebhookSecret {
  /** The text that Argo Events reads, and that GitHub therefore needs. */
  text: string;
  /** Where it is stored. */
  at: SecretKey;
  /** A warning if the Secret ends with white space. */
  note?: string;
  /** Whether GitHub needs a part of that white space. */
  spaceCounts: boolean;
}

/**
 * @throws Refusal like {@link readSecret}; also if the EventSource names no secret, or an empty one, which disables verification
 */
export async function readWebhookSecret(
  installation: Installation,
  { webhookSecret }: Settings,
): Promise<WebhookSecret> {
  const { namespace, eventSource } = installation.outputs;
  if (webhookSecret === undefined) {
    throw new Refusal(
      `EventSource ${eventSource} in namespace ${namespace} names no webhookSecret, so it accepts forged pushes`,
      `add one: https://argoproj.github.io/argo-events/eventsources/setup/github/`,
    );
  }
  const at = { ...webhookSecret, key: webhookSecret.key || webhookSecretKey };
  const secret = webhookSecretOf(await readSecret(installation, at), at);
  if (secret.text === "") {
    throw new Refusal(
      `Secret ${at.name} in namespace ${namespace}: the key ${at.key} is empty, so Argo Events accepts forged pushes`,
      `put a secret of at least 16 characters into it, and restart the pods that read it at their start: kubectl -n ${namespace} rollout restart deployment -l eventsource-name=${eventSource}`,
    );
  }
  return secret;
}

/** @param content the value of the Secret's key */
export function webhookSecretOf(content: string, at: SecretKey): WebhookSecret {
  const text = asArgoEventsReads(content);
  const kept = /\s*$/.exec(text)?.[0] ?? "";
  if (text === content && kept === "") return { text, at, spaceCounts: false };
  const what = `Secret ${at.name}, key ${at.key}, ends with`;
  if (kept === "") {
    return {
      text,
      at,
      spaceCounts: false,
      note: `${what} a line feed, which Argo Events ignores: GitHub needs the secret without it`,
    };
  }
  const end = JSON.stringify(/\s*$/.exec(content)?.[0]);
  const rule =
    text === content
      ? "which Argo Events treats as part of the secret"
      : "of which Argo Events ignores only one line feed";
  return {
    text,
    at,
    spaceCounts: true,
    note: `${what} ${end}, ${rule}: GitHub needs the secret with ${JSON.stringify(kept)} at its end`,
  };
}

/** The salt that the Sensor mixes into the names of runs. @throws Refusal if the Sensor or its salt is missing */
export async function readRunSalt({ outputs, cluster }: Installation): Promise<string> {
  const { namespace, sensor } = outputs;
  const api = cluster.makeApiClient(CustomObjectsApi);
  const read = (await ask(
    cluster,
    `read Sensor ${sensor} in namespace ${namespace}`,
    api.getNamespacedCustomObject({ ...argo, plural: "sensors", namespace, name: sensor }, request),
  )) as { metadata: { annotations?: Record<string, string> } } | undefined;
  const salt = read?.metadata.annotations?.[runSaltAnnotation];
  if (salt === undefined) {
    throw new Refusal(
      `Sensor ${sensor} in namespace ${namespace}: expected the annotation ${runSaltAnnotation}; got ${read === undefined ? "no such Sensor" : "none: it was created by another version of this program"}`,
      "run pulumi up",
    );
  }
  return salt;
}
