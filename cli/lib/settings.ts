import { CoreV1Api, CustomObjectsApi } from "@kubernetes/client-node";
import { instanceIdLabel } from "../../components/argoInstance.ts";
import { asArgoEventsReads, privateKeyKey, webhookSecretKey } from "../../components/githubAppSecrets.ts";
import { repositoriesAnnotation } from "../../components/stepContainer.ts";
import { runSaltAnnotation } from "../../components/vocabulary/runName.ts";
import { ask, type Installation, Refusal, request } from "./installation.ts";

/** Reads an installation's settings from the cluster, so that the tools always use the same settings as the installation. */

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
  codeRuns: {
    group: string;
    version: string;
    resource: string;
    taskLabel: string;
    agentLabel: string;
    repositoryLabel: string;
  };
  mainWorkflows: { typeLabel: string; type: string; taskLabel: string; stageLabel: string; repositoryLabel: string };
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

interface Template {
  containerSet?: { containers: Container[] };
  volumes?: { secret?: { secretName: string } }[];
}

interface Spec {
  podMetadata?: { annotations?: Record<string, string> };
  templates: Template[];
}

interface Container {
  env?: { name: string; value?: string }[];
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
    | { metadata: { labels?: Record<string, string> }; spec: Spec }
    | undefined;
  if (template === undefined) {
    throw new Refusal(
      `there is no WorkflowTemplate ${workflowTemplate} in namespace ${namespace} on ${cluster.getCurrentCluster()?.server}: the outputs belong to another installation, the context belongs to another cluster, or pulumi up has not been run yet`,
    );
  }
  const source = (await read("EventSource", "eventsources", eventSource)) as EventSource | undefined;
  const webhookSecret = Object.values(source?.spec.github ?? {})[0]?.webhookSecret;
  const argoInstanceId = template.metadata.labels?.[instanceIdLabel];
  return {
    ...settingsOf(template.spec, workflowTemplate),
    ...(argoInstanceId !== undefined && { argoInstanceId }),
    ...(webhookSecret && { webhookSecret }),
  };
}

/** The repositories for a sentence: only the first few if there are many. */
export function namesOf(repositories: string[], between = ", "): string {
  const more = repositories.length - 5;
  return more > 1 ? `${repositories.slice(0, 5).join(", ")} and ${more} more` : repositories.join(between);
}

function settingsOf({ podMetadata, templates }: Spec, name: string): Settings {
  const remediation = templates.find(({ containerSet }) => containerSet !== undefined);
  // Each step has only the variables that it needs, but together they have all of them.
  const variables = new Map<string, string>();
  for (const { name, value = "" } of remediation?.containerSet?.containers.flatMap(({ env }) => env ?? []) ?? []) {
    if (!value.includes("{{")) variables.set(name, value.replaceAll("$$", "$"));
  }
  const repositories = podMetadata?.annotations?.[repositoriesAnnotation];
  if (repositories !== undefined) variables.set("REPOSITORIES", repositories);
  const text = (variable: string): string => {
    const value = variables.get(variable);
    if (value === undefined) {
      throw new Refusal(
        `WorkflowTemplate ${name} has no value for ${variable}: it was created by another version of this program`,
        "run pulumi up with this version, or use the tools of that version",
      );
    }
    return value;
  };
  const secretName = remediation?.volumes?.find(({ secret }) => secret !== undefined)?.secret?.secretName ?? "";
  const installationId = text("GITHUB_INSTALLATION_ID");
  return {
    repositories: Object.keys(JSON.parse(text("REPOSITORIES"))),
    repositoryLabels: Object.values(JSON.parse(text("REPOSITORIES"))),
    pusher: text("PUSHER"),
    branchPrefix: text("BRANCH_PREFIX"),
    taskLabelPrefix: text("TASK_LABEL_PREFIX"),
    readyLabel: text("READY_LABEL"),
    holdLabel: text("HOLD_LABEL"),
    agents: JSON.parse(text("AGENTS")),
    codeRuns: {
      group: text("CODERUN_GROUP"),
      version: text("CODERUN_VERSION"),
      resource: text("CODERUN_RESOURCE"),
      taskLabel: text("CODERUN_TASK_LABEL"),
      agentLabel: text("CODERUN_AGENT_LABEL"),
      repositoryLabel: text("CODERUN_REPOSITORY_LABEL"),
    },
    mainWorkflows: {
      typeLabel: text("MAIN_WORKFLOW_TYPE_LABEL"),
      type: text("MAIN_WORKFLOW_TYPE"),
      taskLabel: text("MAIN_WORKFLOW_TASK_LABEL"),
      stageLabel: text("MAIN_WORKFLOW_STAGE_LABEL"),
      repositoryLabel: text("MAIN_WORKFLOW_REPOSITORY_LABEL"),
    },
    stages: JSON.parse(text("STAGES")),
    resetStage: text("RESET_STAGE"),
    githubApiUrl: text("GITHUB_API_URL"),
    githubAppId: text("GITHUB_APP_ID"),
    ...(installationId && { githubInstallationId: installationId }),
    privateKey: { name: secretName, key: privateKeyKey },
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
  /** Whether some of that white space is part of the text that GitHub needs. */
  odd: boolean;
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
      `give it one: https://argoproj.github.io/argo-events/eventsources/setup/github/`,
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
  if (text === content && kept === "") return { text, at, odd: false };
  const what = `Secret ${at.name}, key ${at.key}, ends with`;
  if (kept === "") {
    return {
      text,
      at,
      odd: false,
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
    odd: true,
    note: `${what} ${end}, ${rule}: GitHub needs the secret with ${JSON.stringify(kept)} at its end`,
  };
}

/** The salt from which the Sensor derives the names of runs, with the push. @throws Refusal if the Sensor or its salt is missing */
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
