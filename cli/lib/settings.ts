import { CoreV1Api, CustomObjectsApi } from "@kubernetes/client-node";
import { instanceIdLabel } from "../../components/argoInstance.ts";
import { asArgoEventsReads, privateKeyKey, webhookSecretKey } from "../../components/githubAppSecrets.ts";
import { repositoriesAnnotation } from "../../components/stepContainer.ts";
import { runSaltAnnotation } from "../../components/vocabulary/runName.ts";
import { ask, type Installation, Refusal, request } from "./installation.ts";

/** What an installation was told, as it stands in the cluster: so no tool is told it a second time, or otherwise. */

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
  /** The value of the repository label, for each of them. */
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
  /** See components/argoInstance.ts; undefined for the controller without one. */
  argoInstanceId?: string;
  githubApiUrl: string;
  githubAppId: string;
  /** Undefined where GitHub is asked for it. */
  githubInstallationId?: string;
  /** Where the App's private key is. */
  privateKey: SecretKey;
  /** Where the webhook's secret is; undefined if the EventSource is not the program's, or verifies no signatures. */
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

/** A Secret, or a key of it, is not there. */
export class MissingSecret extends Refusal {}

/** @throws Refusal if the installation is not in the cluster, or was made by another version of the program */
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
      `there is no WorkflowTemplate ${workflowTemplate} in namespace ${namespace} on ${cluster.getCurrentCluster()?.server}: the outputs are of another installation, the context is of another cluster, or pulumi up has still to be run`,
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

/** The watched repositories for a sentence: of hundreds the first few. */
export function namesOf(repositories: string[], between = ", "): string {
  const more = repositories.length - 5;
  return more > 1 ? `${repositories.slice(0, 5).join(", ")} and ${more} more` : repositories.join(between);
}

function settingsOf({ podMetadata, templates }: Spec, name: string): Settings {
  const remediation = templates.find(({ containerSet }) => containerSet !== undefined);
  // What one step is told, another may not be: together they are told everything.
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
        `WorkflowTemplate ${name} does not say its ${variable}: it was made by another version of this program`,
        "run pulumi up with this one, or use that one's tools",
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
 * The text of a secret. Who calls a tool that needs it may read it, and is told where it is if not.
 *
 * @throws MissingSecret if there is none
 * @throws ApiServerRefusal if it may not be read
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
      "pulumi up makes it",
    );
  }
  return Buffer.from(value, "base64").toString("utf8");
}

/** The secret that GitHub signs deliveries with. */
export interface WebhookSecret {
  /** As Argo Events reads it, so as GitHub has to have it. */
  text: string;
  /** Where it stands. */
  at: SecretKey;
  /** What a person should know, where the Secret holds more at its end. */
  note?: string;
  /** Whether some of that is part of what GitHub has to have. */
  odd: boolean;
}

/**
 * @throws Refusal as {@link readSecret}, if the program does not know which it is, or if it is empty: then Argo Events verifies nothing
 */
export async function readWebhookSecret(
  installation: Installation,
  { webhookSecret }: Settings,
): Promise<WebhookSecret> {
  const { namespace, eventSource } = installation.outputs;
  if (webhookSecret === undefined) {
    throw new Refusal(
      `EventSource ${eventSource} in namespace ${namespace} names no webhookSecret, so it takes pushes that anybody made up`,
      `give it one: https://argoproj.github.io/argo-events/eventsources/setup/github/`,
    );
  }
  const at = { ...webhookSecret, key: webhookSecret.key || webhookSecretKey };
  const secret = webhookSecretOf(await readSecret(installation, at), at);
  if (secret.text === "") {
    throw new Refusal(
      `Secret ${at.name} in namespace ${namespace}: the key ${at.key} is empty, so Argo Events takes pushes that anybody made up`,
      `put a secret of at least 16 characters into it, and restart what reads it at its start: kubectl -n ${namespace} rollout restart deployment -l eventsource-name=${eventSource}`,
    );
  }
  return secret;
}

/** @param content of the Secret's key */
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
      note: `${what} a line feed, which Argo Events leaves out: GitHub has to have the secret without it`,
    };
  }
  const end = JSON.stringify(/\s*$/.exec(content)?.[0]);
  const rule =
    text === content
      ? "which Argo Events takes for a part of it"
      : "of which Argo Events leaves out one line feed only";
  return {
    text,
    at,
    odd: true,
    note: `${what} ${end}, ${rule}: GitHub has to have the secret with ${JSON.stringify(kept)} at its end`,
  };
}

/** What the Sensor makes the names of runs with, beside the push. @throws Refusal if there is no Sensor, or another version's */
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
      `Sensor ${sensor} in namespace ${namespace}: expected the annotation ${runSaltAnnotation}; got ${read === undefined ? "no such Sensor" : "none: it was made by another version of this program"}`,
      "run pulumi up",
    );
  }
  return salt;
}
