import { createPrivateKey } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { RexRemediationArgs } from "./components/rexRemediation.ts";

/** What the stack's configuration says, in the words of {@link RexRemediationArgs}. */
export interface RexRemediationConfig extends RexRemediationArgs {
  /** Prefix of every object's name. */
  name: string;
}

/**
 * Reads and checks the stack's configuration. Defaults and meanings stand in Pulumi.yaml.
 *
 * @throws pulumi.RunError listing every bad key with what is expected and the command that sets it. Nothing is registered before.
 */
export function readConfig(): RexRemediationConfig {
  const stack = new StackConfig();
  const config = readKeys(stack);
  stack.refuseUnknownKeys();
  stack.throwIfBad();
  return config;
}

function readKeys(stack: StackConfig): RexRemediationConfig {
  const name = stack.text("name", objectPrefix);
  const namespace = stack.text("namespace", dnsLabel);
  const existingEventSource = readExistingEventSource(stack);

  const repositories = stack.list("repositories", repository, { atLeast: 1 });
  const repositoryLabels = readRepositoryLabels(stack, repositories);
  const pusher = stack.text("pusher", appLogin);
  const agentsToCancel = stack.list("agentsToCancel", labelValue, { atLeast: 1 });
  refusePusherAsTarget(stack, pusher, agentsToCancel);

  const stages = stack.list("stages", labelValue, { atLeast: 2 });
  const resetStage = stack.text("resetStage", labelValue);
  if (stages.length > 0 && resetStage !== "" && !stages.includes(resetStage)) {
    stack.refuse("resetStage", `one of stages (${stages.join(", ")})`, JSON.stringify(resetStage), stages[0] ?? "");
  }

  const cancelSeconds = stack.integer("cancelSeconds", 5, 600);
  const gateSeconds = stack.integer("gateSeconds", 5, 600);
  const stepDeadlineSeconds = stack.integer("stepDeadlineSeconds", 10, 3600);
  const longestWait = Math.max(cancelSeconds, gateSeconds);
  if (stepDeadlineSeconds > 0 && stepDeadlineSeconds <= longestWait) {
    stack.refuse(
      "stepDeadlineSeconds",
      `more than cancelSeconds (${cancelSeconds}) and gateSeconds (${gateSeconds})`,
      `${stepDeadlineSeconds}`,
      `${longestWait * 2}`,
    );
  }

  return {
    name,
    namespace,
    push: { pusher, repositories, branchPrefix: stack.text("taskBranchPrefix", branchPrefix) },
    repositoryLabels,
    agentsToCancel,
    codeRuns: {
      group: stack.text("codeRunGroup", dnsSubdomain),
      version: stack.text("codeRunVersion", apiVersion),
      resource: stack.text("codeRunResource", dnsLabel),
      taskLabel: stack.text("codeRunTaskLabel", labelKey),
      agentLabel: stack.text("codeRunAgentLabel", labelKey),
      repositoryLabel: stack.text("codeRunRepositoryLabel", labelKey),
      finishedPhases: stack.list("codeRunFinishedPhases", phase, { atLeast: 1 }),
    },
    mainWorkflows: {
      typeLabel: stack.text("mainWorkflowTypeLabel", labelKey),
      type: stack.text("mainWorkflowType", labelValue),
      taskLabel: stack.text("mainWorkflowTaskLabel", labelKey),
      stageLabel: stack.text("mainWorkflowStageLabel", labelKey),
      repositoryLabel: stack.text("mainWorkflowRepositoryLabel", labelKey),
      stages,
      resetStage,
    },
    pullRequests: {
      taskLabelPrefix: stack.text("taskLabelPrefix", taskLabelPrefix),
      readyLabel: stack.text("readyLabel", pullRequestLabel),
    },
    githubApp: readGithubApp(stack),
    webhook: readWebhook(stack, existingEventSource !== undefined),
    existingEventSource,
    eventSourceReplicas: stack.integer("eventSourceReplicas", 1, 20),
    sensorReplicas: stack.integer("sensorReplicas", 1, 5),
    eventBus: readEventBus(stack),
    steps: {
      image: stack.text("stepsImage", imageName),
      cancelSeconds,
      gateSeconds,
      deadlineSeconds: stepDeadlineSeconds,
    },
    retentionDays: stack.integer("retentionDays", 1, 365),
    deployedSeconds: stack.integer("deployedSeconds", 10, 3600),
  };
}

function readExistingEventSource(stack: StackConfig): RexRemediationArgs["existingEventSource"] {
  const value = stack.object("existingEventSource");
  if (Object.keys(value).length === 0) {
    return undefined;
  }
  const { name, event, ...rest } = value;
  const legal = [name, event].every((text) => typeof text === "string" && dnsLabel.accepts(text));
  if (!legal || Object.keys(rest).length > 0) {
    stack.refuse("existingEventSource", "an object of exactly name and event, both names", JSON.stringify(value), {
      "existingEventSource.name": "github",
      "existingEventSource.event": "push",
    });
  }
  return { name: String(name), event: String(event) };
}

/** The value of the repository label of CodeRuns and main workflows, for each repository in lower case. */
function readRepositoryLabels(stack: StackConfig, repositories: string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  const owners = new Map<string, string>();
  for (const fullName of repositories) {
    const label = repositoryLabelValue(fullName);
    const other = owners.get(label.toLowerCase());
    if (other !== undefined) {
      const expected = `repositories with distinct label values; ${other} and ${fullName} both give ${label}`;
      stack.refuse("repositories", expected, fullName, other);
    }
    owners.set(label.toLowerCase(), fullName);
    labels[fullName.toLowerCase()] = label;
  }
  return labels;
}

/** owner/name as a label value: owner-name, at most 63 characters, beginning and ending with a letter or digit. */
export function repositoryLabelValue(fullName: string): string {
  return fullName
    .replace("/", "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63)
    .replace(/[^A-Za-z0-9]+$/, "");
}

function refusePusherAsTarget(stack: StackConfig, pusher: string, agents: string[]): void {
  const slug = pusher.toLowerCase().replace(/\[bot\]$/, "");
  const ownNames = new Set([pusher.toLowerCase(), slug, slug.slice(slug.lastIndexOf("-") + 1)]);
  const own = agents.filter((agent) => ownNames.has(agent.toLowerCase()));
  if (own.length > 0) {
    const expected = `agents other than the pusher ${pusher}; ${own.join(", ")} would cancel the very agent that pushed`;
    stack.refuse("agentsToCancel", expected, agents.join(","), "cleo,tess");
  }
}

function readGithubApp(stack: StackConfig): RexRemediationArgs["githubApp"] {
  const existingSecret = stack.optionalText("existingGithubAppSecret", dnsSubdomain);
  const privateKey = stack.secret("githubAppPrivateKey", rsaPrivateKey, {
    needed: existingSecret === undefined,
    insteadOf: existingSecret === undefined ? undefined : "existingGithubAppSecret",
  });
  return {
    apiUrl: stack.text("githubApiUrl", baseUrl).replace(/\/+$/, ""),
    appId: stack.text("githubAppId", numericId),
    installationId: stack.optionalText("githubInstallationId", numericId),
    privateKey,
    existingSecret,
  };
}

function readWebhook(stack: StackConfig, eventSourceExists: boolean): RexRemediationArgs["webhook"] {
  const existingSecret = stack.optionalText("existingWebhookSecret", dnsSubdomain);
  const host = stack.optionalText("ingressHost", hostName);
  const ingress = {
    className: stack.optionalText("ingressClass", dnsSubdomain),
    tls: stack.boolean("ingressTls"),
    tlsSecretName: stack.optionalText("ingressTlsSecret", dnsSubdomain),
    annotations: stack.textMap("ingressAnnotations"),
  };
  const secret = stack.secret("webhookSecret", webhookSecret, {
    needed: existingSecret === undefined && !eventSourceExists,
    insteadOf:
      existingSecret !== undefined ? "existingWebhookSecret" : eventSourceExists ? "existingEventSource" : undefined,
  });
  if (eventSourceExists) {
    if (host !== undefined) {
      stack.refuse(
        "ingressHost",
        "nothing, because existingEventSource has its own way in",
        JSON.stringify(host),
        null,
      );
    }
    if (existingSecret !== undefined) {
      stack.refuse(
        "existingWebhookSecret",
        "nothing, because existingEventSource has its own secret",
        existingSecret,
        null,
      );
    }
  }
  if (!ingress.tls && ingress.tlsSecretName !== undefined) {
    stack.refuse("ingressTlsSecret", "nothing while ingressTls is false", JSON.stringify(ingress.tlsSecretName), null);
  }
  return { secret, existingSecret, ingress: host === undefined ? undefined : { host, ...ingress } };
}

function readEventBus(stack: StackConfig): RexRemediationArgs["eventBus"] {
  const name = stack.text("eventBusName", dnsLabel);
  const created = {
    version: stack.text("eventBusVersion", versionName),
    replicas: stack.integer("eventBusReplicas", 1, 9),
    storageClassName: stack.optionalText("eventBusStorageClass", dnsSubdomain),
    volumeSize: stack.text("eventBusVolumeSize", storageSize),
  };
  if (created.replicas > 0 && created.replicas % 2 === 0) {
    stack.refuse("eventBusReplicas", "an odd number, so that the servers can agree", `${created.replicas}`, "3");
  }
  return { name, created: stack.boolean("createEventBus") ? created : undefined };
}

/** A kind of value: what it accepts, how that is said, and one that would do. */
interface Kind {
  expected: string;
  example: string;
  accepts(value: string): boolean;
}

const dnsLabelPattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const dnsSubdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelValuePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

function kind(expected: string, example: string, accepts: RegExp | ((value: string) => boolean)): Kind {
  return { expected, example, accepts: accepts instanceof RegExp ? (value) => accepts.test(value) : accepts };
}

const isSubdomain = (value: string) => value.length <= 253 && dnsSubdomainPattern.test(value);

/** Text that neither Argo's templates nor a terminal reads as anything else. */
const isPlain = (value: string) => /^[^\p{Cc}\p{Cf}]+$/u.test(value) && !value.includes("{{");

// A Workflow's name is <name>-<task>-<after>-<before> plus what a person or the sweep appends, and must fit into a label's 63 characters.
const objectPrefix = kind(
  "1 to 24 lower-case letters, digits and dashes, the first a letter, the last no dash",
  "rex-remediation",
  /^[a-z]([-a-z0-9]{0,22}[a-z0-9])?$/,
);
const dnsLabel = kind(
  "1 to 63 lower-case letters, digits and dashes, no dash at either end",
  "agent-platform",
  dnsLabelPattern,
);
const dnsSubdomain = kind(
  "lower-case letters, digits, dashes and dots, as in Kubernetes names",
  "agents.platform",
  isSubdomain,
);
const labelValue = kind(
  "a label value: at most 63 letters, digits, dashes, underscores and dots, a letter or digit at both ends",
  "waiting-pr-created",
  labelValuePattern,
);
const labelKey = kind("a label key: NAME or DOMAIN/NAME", "task-id", (value) => {
  const slash = value.indexOf("/");
  return labelValuePattern.test(value.slice(slash + 1)) && (slash < 0 || isSubdomain(value.slice(0, slash)));
});
const phase = kind("a value of status.phase", "Succeeded", /^[A-Za-z][A-Za-z0-9-]{0,62}$/);
const apiVersion = kind("a Kubernetes API version", "v1", /^v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?$/);
const repository = kind(
  "a repository as owner/name",
  "5dlabs/platform",
  (value) => /^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}\/[A-Za-z0-9._-]{1,100}$/.test(value) && !/\/\.{1,2}$/.test(value),
);
const appLogin = kind(
  "the login of a GitHub App, SLUG[bot]",
  "5DLabs-Rex[bot]",
  /^[A-Za-z0-9](-?[A-Za-z0-9])*\[bot\]$/,
);
const branchPrefix = kind(
  "the beginning of a branch name: letters, digits, dashes, underscores, dots and slashes, a letter or digit first, no digit last",
  "task-",
  (value) => /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/.test(value) && !/[0-9]$|\.\.|\/\/|\/\.|\.\/|\.lock\//.test(value),
);
const taskLabelPrefix = kind(
  "the beginning of a pull request label, at most 40 characters, no digit last",
  "task-",
  (value) => value.length <= 40 && isPlain(value) && !/[0-9]$/.test(value) && !/^\s/.test(value),
);
const pullRequestLabel = kind(
  "a pull request label of at most 50 characters",
  "ready-for-qa",
  (value) => value.length <= 50 && isPlain(value) && value.trim() === value,
);
const baseUrl = kind("an http or https URL without user, query or fragment", "https://api.github.com", (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const plain =
    url !== undefined && url.username + url.password + url.search + url.hash === "" && !/[?#@{}$\s]/.test(value);
  return plain && ["http:", "https:"].includes(url.protocol);
});
const numericId = kind("a positive whole number", "123456", /^[1-9][0-9]{0,17}$/);
const hostName = kind("a host name", "hooks.example.com", (value) => isSubdomain(value) && value.includes("."));
const imageName = kind(
  "the name of a container image with bash, coreutils, curl, jq, openssl and kubectl",
  "registry.example.com/rex-remediation-steps:1.0.0",
  /^[a-z0-9][A-Za-z0-9._\-/:]*(@sha256:[0-9a-f]{64})?$/,
);
const versionName = kind(
  "a version that Argo Events is configured with",
  "latest",
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
);
const storageSize = kind("a storage size", "10Gi", /^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)$/);
// GitHub puts no lower bound; an empty secret would switch the EventSource's check of signatures off.
const webhookSecret = kind(
  "at least 16 characters, no spaces",
  "(openssl rand -hex 32)",
  (value) => value.length >= 16 && !/\s/.test(value),
);
const rsaPrivateKey = kind(
  "an unencrypted RSA private key of at least 2048 bits in PEM form",
  "(the App's .pem file)",
  (value) => {
    try {
      const key = createPrivateKey(value);
      return key.asymmetricKeyType === "rsa" && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
    } catch {
      return false;
    }
  },
);

/** Reads keys of the stack, and collects what is wrong with them instead of stopping at the first. */
class StackConfig {
  readonly #project = new pulumi.Config().name;
  readonly #problems: string[] = [];
  readonly #known = new Set<string>();

  /** A text that must be there. */
  text(key: string, kind: Kind): string {
    const value = this.#raw(key);
    if (!kind.accepts(value)) {
      this.refuse(key, kind.expected, value === "" ? "nothing" : JSON.stringify(value), kind.example);
    }
    return value;
  }

  /** A text that may be left out. */
  optionalText(key: string, kind: Kind): string | undefined {
    return this.#raw(key) === "" ? undefined : this.text(key, kind);
  }

  /** A whole number from `least` to `most`; 0 if it is none. */
  integer(key: string, least: number, most: number): number {
    const value = this.#raw(key);
    const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      const got = value === "" ? "nothing" : JSON.stringify(value);
      this.refuse(key, `a whole number from ${least} to ${most}`, got, `${least}`);
      return 0;
    }
    return number;
  }

  boolean(key: string): boolean {
    const value = this.#raw(key);
    if (value !== "true" && value !== "false") {
      this.refuse(key, "true or false", value === "" ? "nothing" : JSON.stringify(value), "true");
    }
    return value === "true";
  }

  /** A list of distinct texts, given as such or as one text with commas. */
  list(key: string, kind: Kind, { atLeast }: { atLeast: number }): string[] {
    const raw = this.#raw(key);
    const value = raw.startsWith("[") ? this.#parsed(raw) : raw.split(",").map((text) => text.trim());
    const texts = Array.isArray(value) ? value.filter((text) => text !== "") : [];
    const expected = `a list of at least ${atLeast}, no two alike, each ${kind.expected}`;
    const bad = texts.filter((text) => typeof text !== "string" || !kind.accepts(text));
    const distinct = new Set(texts.map((text) => String(text).toLowerCase()));
    if (!Array.isArray(value) || texts.length < atLeast || bad.length > 0 || distinct.size < texts.length) {
      const got =
        bad.length > 0 ? bad.map((text) => JSON.stringify(text)).join(", ") : texts.length === 0 ? "nothing" : raw;
      this.refuse(key, expected, got, kind.example);
      return [];
    }
    return texts as string[];
  }

  object(key: string): Record<string, unknown> {
    const raw = this.#raw(key);
    const value = raw === "" ? {} : this.#parsed(raw);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.refuse(key, "an object", JSON.stringify(raw), { [`${key}.NAME`]: "VALUE" });
      return {};
    }
    return value as Record<string, unknown>;
  }

  textMap(key: string): Record<string, string> {
    const value = this.object(key);
    if (Object.values(value).some((text) => typeof text !== "string")) {
      this.refuse(key, "an object of texts", JSON.stringify(value), { [`${key}["NAME"]`]: "VALUE" });
      return {};
    }
    return value as Record<string, string>;
  }

  /**
   * A secret, without the line break that a file leaves at its end. Never part of a message.
   *
   * @param use.needed whether it must be there
   * @param use.insteadOf the key that takes its place; then it must not be there
   */
  secret(key: string, kind: Kind, use: { needed: boolean; insteadOf?: string }): pulumi.Output<string> | undefined {
    const raw = this.#raw(key);
    const value = raw.replace(/\r?\n$/, "");
    if (value === "") {
      if (use.needed) {
        this.refuse(key, kind.expected, "nothing", { secret: true });
      }
      return undefined;
    }
    if (use.insteadOf !== undefined) {
      this.refuse(key, `nothing, because ${use.insteadOf} is set`, "a value", null);
    } else if (!isSecret(`${this.#project}:${key}`)) {
      this.refuse(key, `${kind.expected}, encrypted`, "plain text", { secret: true });
    } else if (!kind.accepts(value)) {
      this.refuse(key, kind.expected, "something else", { secret: true });
    }
    return pulumi.secret(value);
  }

  /**
   * Notes that a key is bad.
   *
   * @param expected what would be right
   * @param got what is there, never a secret
   * @param example a value that would do; null to remove the key; more than one path for an object
   */
  refuse(key: string, expected: string, got: string, example: string | Record<string, string | true> | null): void {
    this.#problems.push(`  ${key}: expected ${expected}; got ${got}.\n      ${howToSet(key, example)}`);
  }

  /** A misspelt key would otherwise be ignored without a word. */
  refuseUnknownKeys(): void {
    for (const fullKey of Object.keys(pulumi.runtime.allConfig())) {
      const [project, key] = fullKey.split(":");
      if (project === this.#project && key !== undefined && !this.#known.has(key)) {
        const close =
          [...this.#known].find((known) => known.toLowerCase() === key.toLowerCase()) ?? nearest(key, this.#known);
        const expected = `a key of this program${close === undefined ? "" : `; did you mean ${close}?`}`;
        this.#problems.push(`  ${key}: expected ${expected}\n      ${howToSet(key, null)}`);
      }
    }
  }

  throwIfBad(): void {
    if (this.#problems.length > 0) {
      const count = this.#problems.length === 1 ? "One value of" : `${this.#problems.length} values of`;
      throw new pulumi.RunError(
        `${count} the stack's configuration cannot be used. Pulumi.yaml describes every key.\n${this.#problems.join("\n")}`,
      );
    }
  }

  #raw(key: string): string {
    this.#known.add(key);
    return pulumi.runtime.getConfig(`${this.#project}:${key}`) ?? "";
  }

  #parsed(json: string): unknown {
    try {
      return JSON.parse(json);
    } catch {
      return undefined;
    }
  }
}

/** Whether the value stands encrypted in the stack's file; there is no public function that tells. */
function isSecret(fullKey: string): boolean {
  const runtime = pulumi.runtime as unknown as { isConfigSecret(key: string): boolean };
  return runtime.isConfigSecret(fullKey);
}

function howToSet(key: string, example: string | Record<string, string | true> | null): string {
  if (example === null) {
    return `Remove it with: pulumi config rm ${key}`;
  }
  if (typeof example === "string") {
    return `Set it with: pulumi config set ${key} ${quoted(example)}`;
  }
  if (example.secret === true) {
    return `Set it with: pulumi config set --secret ${key} < FILE`;
  }
  const commands = Object.entries(example).map(
    ([path, value]) => `pulumi config set --path '${path}' ${quoted(String(value))}`,
  );
  return `Set it with: ${commands.join(" && ")}`;
}

function quoted(text: string): string {
  return /^[\w./:,@-]+$/.test(text) ? text : `'${text}'`;
}

/** The key that shares the most pairs of letters with a misspelt one, if they are alike at all. */
function nearest(key: string, known: Iterable<string>): string | undefined {
  const pairs = (text: string) =>
    new Set(Array.from(text.slice(1), (_, index) => text.slice(index, index + 2).toLowerCase()));
  const own = pairs(key);
  const likeness = (other: string) => {
    const theirs = pairs(other);
    return (2 * [...own].filter((pair) => theirs.has(pair)).length) / (own.size + theirs.size);
  };
  const best = [...known].sort((a, b) => likeness(b) - likeness(a))[0];
  return best !== undefined && likeness(best) > 0.6 ? best : undefined;
}
