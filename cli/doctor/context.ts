import { CoreV1Api, CustomObjectsApi, type KubeConfig } from "@kubernetes/client-node";
import { accountNames } from "../../components/remediationAccess.ts";
import { GithubApp } from "../lib/github.ts";
import { ask, type Installation, request } from "../lib/installation.ts";
import { readSettings, type Settings } from "../lib/settings.ts";

/** What the checks look at: each thing is read once, however many look at it. */

const argo = { group: "argoproj.io", version: "v1alpha1" };

/** An object of Argo's, as far as the checks read it. */
export interface Thing {
  metadata: {
    name: string;
    uid?: string;
    creationTimestamp: string;
    ownerReferences?: { name: string; uid: string }[];
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: as Argo made it; each check knows what it reads
  spec: any;
  // biome-ignore lint/suspicious/noExplicitAny: see spec
  status?: any;
}

/** What the configuration says of the platform whose agents and main workflows are touched. */
export type Platform = Pick<Settings, "agents" | "codeRuns" | "mainWorkflows" | "stages" | "resetStage">;

/** The event bus that is used. */
export interface Bus {
  name: string;
  /** Whether `pulumi up` makes it. */
  created: boolean;
  /** Prefix of the stack's names, by which it knows what is its own. */
  prefix?: string;
}

/** What checks look at before installation and after it: a namespace of a cluster, and what is configured. */
export abstract class DoctorContext {
  readonly namespace: string;
  readonly cluster: KubeConfig;
  readonly core: CoreV1Api;
  readonly #custom: CustomObjectsApi;
  readonly #read = new Map<string, Promise<unknown>>();

  /** Whether `pulumi up` will be run from here; the tools alone can do without the Pulumi command. */
  abstract readonly installs: boolean;

  constructor(cluster: KubeConfig, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.core = cluster.makeApiClient(CoreV1Api);
    this.#custom = cluster.makeApiClient(CustomObjectsApi);
  }

  abstract platform(): Promise<Platform>;

  abstract eventBus(): Promise<Bus>;

  /** @returns undefined if there is none of that name */
  argo(plural: string, name: string): Promise<Thing | undefined> {
    const named = { ...argo, plural, namespace: this.namespace, name };
    return this.once(`${plural}/${name}`, () =>
      ask(
        this.cluster,
        `read ${plural} ${name} in namespace ${this.namespace}`,
        this.#custom.getNamespacedCustomObject(named, request),
      ),
    ) as Promise<Thing | undefined>;
  }

  async listArgo(plural: string, labelSelector: string): Promise<Thing[]> {
    return (await this.list({ ...argo, plural }, labelSelector)) ?? [];
  }

  /** @returns undefined if the API server knows no such kind */
  async list(
    kind: { group: string; version: string; plural: string },
    labelSelector?: string,
  ): Promise<Thing[] | undefined> {
    const list = await ask(
      this.cluster,
      `list ${kind.plural} in namespace ${this.namespace}`,
      this.#custom.listNamespacedCustomObject(
        { ...kind, namespace: this.namespace, limit: 500, ...(labelSelector && { labelSelector }) },
        request,
      ),
    );
    return (list as { items: Thing[] } | undefined)?.items;
  }

  once<T>(what: string, read: () => Promise<T>): Promise<T> {
    const known = this.#read.get(what) ?? read();
    this.#read.set(what, known);
    return known as Promise<T>;
  }
}

/** How GitHub's webhook is looked at. */
export interface WebhookOptions {
  /** Have GitHub send a ping, and look at the answer. */
  ping: boolean;
  /** Token of a person, for what the App may not see. */
  token?: string;
}

/** An installation that is looked at. */
export class InstalledContext extends DoctorContext {
  override readonly installs = false;
  readonly installation: Installation;
  readonly webhook: WebhookOptions;
  /** Prefix of the names of its objects. */
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

  eventSource(): Promise<Thing | undefined> {
    return this.argo("eventsources", this.installation.outputs.eventSource);
  }

  sensor(): Promise<Thing | undefined> {
    return this.argo("sensors", this.installation.outputs.sensor);
  }

  /** Whether the EventSource is the program's own, by its label; one that is gone counts as that. */
  async ownEventSource(): Promise<boolean> {
    const source = await this.eventSource();
    return source === undefined || source.metadata.labels?.["app.kubernetes.io/instance"] === this.prefix;
  }

  /** Whether the stack was told to have a sweep. */
  get sweeps(): boolean {
    return this.installation.outputs.serviceAccounts?.sweep !== undefined;
  }

  /** Whether the stack was told to have admission policies: only within their bounds may the Sensor patch. */
  async policed(): Promise<boolean> {
    return (await this.sensor())?.spec.triggers?.[0]?.template?.k8s?.operation !== "create";
  }

  /** Its service accounts, by what they are for. */
  async accounts(): Promise<Record<string, string>> {
    const { sweep, ...others } = accountNames(this.prefix);
    const accounts: Record<string, string> = { ...others };
    if (this.sweeps) accounts.sweep = sweep;
    if (await this.ownEventSource()) accounts["event source"] = `${this.prefix}-event-source`;
    return accounts;
  }
}
