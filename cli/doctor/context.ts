import { CoreV1Api, CustomObjectsApi, type KubeConfig } from "@kubernetes/client-node";
import { accountNames } from "../../components/remediationAccess.ts";
import { GithubApp } from "../lib/github.ts";
import { ask, type Installation, request } from "../lib/installation.ts";
import { readSettings, type Settings } from "../lib/settings.ts";

/** The state that the checks read. Each object is read once, even if several checks need it. */

const argo = { group: "argoproj.io", version: "v1alpha1" };

/** An object of Argo or a CodeRun, with the fields that the checks read. */
export interface ClusterObject {
  metadata: {
    name: string;
    uid?: string;
    creationTimestamp: string;
    ownerReferences?: { name: string; uid: string }[];
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: written by Argo; each check knows which fields it reads
  spec: any;
  // biome-ignore lint/suspicious/noExplicitAny: see spec
  status?: any;
}

/** The part of the configuration that describes the platform: its agents, CodeRuns and main workflows. */
export type Platform = Pick<Settings, "agents" | "codeRuns" | "mainWorkflows" | "stages" | "resetStage">;

/** The event bus that the installation uses. */
export interface Bus {
  name: string;
  /** Whether `pulumi up` creates it. */
  created: boolean;
  /** Prefix of the stack's object names. The stack recognizes its own objects by it. */
  prefix?: string;
}

/** What the checks need, before the installation and after it: a namespace of a cluster, and the configuration. */
export abstract class DoctorContext {
  readonly namespace: string;
  readonly cluster: KubeConfig;
  readonly core: CoreV1Api;
  readonly #custom: CustomObjectsApi;
  readonly #read = new Map<string, Promise<unknown>>();

  /** Whether `pulumi up` will be run from this machine. If not, the Pulumi command is optional. */
  abstract readonly installs: boolean;

  constructor(cluster: KubeConfig, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.core = cluster.makeApiClient(CoreV1Api);
    this.#custom = cluster.makeApiClient(CustomObjectsApi);
  }

  abstract platform(): Promise<Platform>;

  abstract eventBus(): Promise<Bus>;

  /** @returns undefined if there is no object of that name */
  argo(plural: string, name: string): Promise<ClusterObject | undefined> {
    const named = { ...argo, plural, namespace: this.namespace, name };
    return this.once(`${plural}/${name}`, () =>
      ask(
        this.cluster,
        `read ${plural} ${name} in namespace ${this.namespace}`,
        this.#custom.getNamespacedCustomObject(named, request),
      ),
    ) as Promise<ClusterObject | undefined>;
  }

  async listArgo(plural: string, labelSelector: string): Promise<ClusterObject[]> {
    return (await this.list({ ...argo, plural }, labelSelector)) ?? [];
  }

  /** @returns undefined if the API server does not know the kind */
  async list(
    kind: { group: string; version: string; plural: string },
    labelSelector?: string,
  ): Promise<ClusterObject[] | undefined> {
    const list = await ask(
      this.cluster,
      `list ${kind.plural} in namespace ${this.namespace}`,
      this.#custom.listNamespacedCustomObject(
        { ...kind, namespace: this.namespace, limit: 500, ...(labelSelector && { labelSelector }) },
        request,
      ),
    );
    return (list as { items: ClusterObject[] } | undefined)?.items;
  }

  once<T>(what: string, read: () => Promise<T>): Promise<T> {
    const known = this.#read.get(what) ?? read();
    this.#read.set(what, known);
    return known as Promise<T>;
  }
}

/** How GitHub's webhook is checked. */
export interface WebhookOptions {
  /** Have GitHub send a ping, and check the answer. */
  ping: boolean;
  /** A user's token, for what the App may not read. */
  token?: string;
}

/** The state of an existing installation. */
export class InstalledContext extends DoctorContext {
  override readonly installs = false;
  readonly installation: Installation;
  readonly webhook: WebhookOptions;
  /** Prefix of its object names. */
  readonly prefix: string;

  constructor(installation: Installation, webhook: WebhookOptions = { ping: false }) {
    super(installation.cluster, installation.outputs.namespace);
    this.installation = installation;
    this.webhook = webhook;
    this.prefix = installation.outputs.workflowTemplate;
  }

  override platform(): Promise<Platform> {
    return this.settings();
  }

  override async eventBus(): Promise<Bus> {
    return { name: (await this.sensor())?.spec.eventBusName ?? "default", created: false };
  }

  settings(): Promise<Settings> {
    return this.once("settings", () => readSettings(this.installation));
  }

  app(): Promise<GithubApp> {
    return this.once("the App", async () => GithubApp.open(this.installation, await this.settings()));
  }

  eventSource(): Promise<ClusterObject | undefined> {
    return this.argo("eventsources", this.installation.outputs.eventSource);
  }

  sensor(): Promise<ClusterObject | undefined> {
    return this.argo("sensors", this.installation.outputs.sensor);
  }

  /** Whether the program created the EventSource, judged by its label. A missing EventSource counts as the program's. */
  async ownEventSource(): Promise<boolean> {
    const source = await this.eventSource();
    return source === undefined || source.metadata.labels?.["app.kubernetes.io/instance"] === this.prefix;
  }

  /** Whether the stack is configured to have a sweep. */
  get hasSweep(): boolean {
    return this.installation.outputs.serviceAccounts?.sweep !== undefined;
  }

  /** Whether the stack is configured to have admission policies. Only then does the Sensor patch instead of create. */
  async hasPolicies(): Promise<boolean> {
    return (await this.sensor())?.spec.triggers?.[0]?.template?.k8s?.operation !== "create";
  }

  /** Its service accounts, by their purpose. */
  async accounts(): Promise<Record<string, string>> {
    const { sweep, ...others } = accountNames(this.prefix);
    const accounts: Record<string, string> = { ...others };
    if (this.hasSweep) accounts.sweep = sweep;
    if (await this.ownEventSource()) accounts["event source"] = `${this.prefix}-event-source`;
    return accounts;
  }
}
