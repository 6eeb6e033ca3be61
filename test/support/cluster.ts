import {
  ApiException,
  ApiextensionsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
} from "@kubernetes/client-node";
import { type CodeRun, codeRun, codeRunDefinition, codeRunResource } from "./codeRuns.ts";
import { type Workflow, workflowResource } from "./workflows.ts";

interface Kind {
  group: string;
  version: string;
  plural: string;
}

/** Access to one namespace of the cluster that KUBECONFIG names. */
export class Cluster {
  readonly namespace: string;
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly custom: CustomObjectsApi;

  constructor(namespace: string) {
    this.namespace = namespace;
    this.config = new KubeConfig();
    this.config.loadFromDefault();
    this.core = this.config.makeApiClient(CoreV1Api);
    this.custom = this.config.makeApiClient(CustomObjectsApi);
  }

  /**
   * Installs the CodeRun kind, and waits until the cluster serves it and the garbage collector knows it. The collector looks for new kinds
   * only every 30 s. Until then no foreground deletion of a CodeRun finishes.
   */
  async installCodeRuns(): Promise<void> {
    const extensions = this.config.makeApiClient(ApiextensionsV1Api);
    await extensions.createCustomResourceDefinition({ body: codeRunDefinition }).catch(unless(409));
    await until("CodeRuns are served", 20_000, async () => {
      await this.custom.listNamespacedCustomObject({ ...codeRunResource, namespace: this.namespace });
      return true;
    });
    const probe = `foreground-deletion-${Date.now().toString(36)}`;
    await this.create(codeRun(probe, "nobody", "0"));
    await this.custom.deleteNamespacedCustomObject({
      ...codeRunResource,
      namespace: this.namespace,
      name: probe,
      propagationPolicy: "Foreground",
    });
    await until(
      "a foreground deletion of a CodeRun ends",
      50_000,
      async () => (await this.codeRun(probe)) === undefined,
    );
  }

  async createNamespace(): Promise<void> {
    await this.core.createNamespace({ body: { metadata: { name: this.namespace } } });
  }

  async deleteNamespace(): Promise<void> {
    await this.core.deleteNamespace({ name: this.namespace }).catch(unless(404));
  }

  /** Creates an object with its status, if it has one. A CodeRun with a status gets no pod, because the test decides its phase. */
  async create<T extends CodeRun | Workflow>(object: T): Promise<T> {
    const status = object.kind === "CodeRun" ? object.status : undefined;
    const created = (await this.custom.createNamespacedCustomObject({
      ...kindOf(object),
      namespace: this.namespace,
      // Otherwise the stand-in for the CodeRun controller could set the phase, too.
      body: status === undefined ? object : { ...object, spec: { ...object.spec, pod: false } },
    })) as T;
    if (status === undefined) return created;
    return (await this.custom.patchNamespacedCustomObjectStatus(
      { ...kindOf(object), namespace: this.namespace, name: created.metadata.name, body: { status } },
      mergePatch,
    )) as T;
  }

  async codeRun(name: string): Promise<CodeRun | undefined> {
    return this.#get<CodeRun>(codeRunResource, name);
  }

  async workflow(name: string): Promise<Workflow | undefined> {
    return this.#get<Workflow>(workflowResource, name);
  }

  async codeRuns(labelSelector?: string): Promise<CodeRun[]> {
    return this.#list<CodeRun>(codeRunResource, labelSelector);
  }

  async workflows(labelSelector?: string): Promise<Workflow[]> {
    return this.#list<Workflow>(workflowResource, labelSelector);
  }

  async setCodeRunPhase(name: string, phase: string): Promise<void> {
    await this.custom.patchNamespacedCustomObjectStatus(
      { ...codeRunResource, namespace: this.namespace, name, body: { status: { phase } } },
      mergePatch,
    );
  }

  async patchCodeRun(name: string, body: object): Promise<void> {
    await this.custom.patchNamespacedCustomObject(
      { ...codeRunResource, namespace: this.namespace, name, body },
      mergePatch,
    );
  }

  async patchWorkflow(name: string, body: object): Promise<void> {
    await this.custom.patchNamespacedCustomObject(
      { ...workflowResource, namespace: this.namespace, name, body },
      mergePatch,
    );
  }

  async deleteCodeRun(name: string): Promise<void> {
    await this.custom
      .deleteNamespacedCustomObject({ ...codeRunResource, namespace: this.namespace, name })
      .catch(unless(404));
  }

  async deleteCodeRuns(labelSelector: string): Promise<void> {
    await this.custom.deleteCollectionNamespacedCustomObject({
      ...codeRunResource,
      namespace: this.namespace,
      labelSelector,
    });
  }

  async deleteWorkflows(labelSelector: string): Promise<void> {
    await this.custom.deleteCollectionNamespacedCustomObject({
      ...workflowResource,
      namespace: this.namespace,
      labelSelector,
    });
  }

  async deleteWorkflow(name: string): Promise<void> {
    await this.custom
      .deleteNamespacedCustomObject({ ...workflowResource, namespace: this.namespace, name })
      .catch(unless(404));
  }

  async #get<T>(kind: Kind, name: string): Promise<T | undefined> {
    return (await this.custom
      .getNamespacedCustomObject({ ...kind, namespace: this.namespace, name })
      .catch(unless(404))) as T | undefined;
  }

  async #list<T>(kind: Kind, labelSelector?: string): Promise<T[]> {
    const list = (await this.custom.listNamespacedCustomObject({
      ...kind,
      namespace: this.namespace,
      ...(labelSelector === undefined ? {} : { labelSelector }),
    })) as { items: T[] };
    return list.items;
  }
}

const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

function kindOf(object: CodeRun | Workflow): Kind {
  return object.kind === "CodeRun" ? codeRunResource : workflowResource;
}

/** Turns an API error with this status into undefined, and rethrows any other. */
export function unless(status: number): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof ApiException && error.code === status) return undefined;
    throw error;
  };
}

/**
 * Asks until the answer is neither false nor undefined: every 200 ms, and less often while answers take long, so as not to load a busy node
 * further. An API error counts as "not yet". After `limit` milliseconds it throws an Error that says what it waited for.
 */
export async function until<T>(what: string, limit: number, ask: () => Promise<T | undefined | false>): Promise<T> {
  const end = Date.now() + limit;
  let last: unknown;
  for (;;) {
    const asked = Date.now();
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      throw new Error(`not seen within ${limit / 1000} s: ${what}`, last === undefined ? {} : { cause: last });
    }
    const pause = Math.min(Math.max(200, 5 * (Date.now() - asked)), 1000);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
