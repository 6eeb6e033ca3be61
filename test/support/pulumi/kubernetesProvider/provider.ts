import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, Cluster, type ClusterOptions, type KubernetesObject, text } from "./cluster.ts";
import type { Engine } from "./engine.ts";
import { at, type Json, type Path, plain, same, withSecrets } from "./values.ts";
import { waitFor } from "./waitFor.ts";

/** Properties of a resource as the engine sends them, with marks for secrets and unknown values. */
export type Properties = { [key: string]: Json };

export interface Difference {
  /** Paths of the properties that differ, as a.b or a[0]. */
  changed: string[];
  /** Paths that cannot be changed in place, as a.b. */
  replace: string[];
  /** Whether the old object must be deleted before the new one can be created. */
  deleteBeforeReplace: boolean;
}

/** The object was created or changed, but is not in the state that its annotations demand. The engine stores it as not ready. */
export class NotReady extends Error {
  readonly id: string;
  readonly properties: Properties;
  readonly inputs: Properties;

  constructor(id: string, message: string, properties: Properties, inputs: Properties) {
    super(message);
    this.id = id;
    this.properties = properties;
    this.inputs = inputs;
  }
}

/** The property of the state that names the field manager of updates. */
const fieldManagerKey = "__fieldManager";

const defaultTimeoutSeconds = 600;

/**
 * Does what matters here of Pulumi's Kubernetes provider 4.34. Creation fails if the object exists. An update is a server-side apply with
 * one manager per resource, and changes of some fields cause a replacement. Creation and update wait as the annotations say. Deletion waits
 * until the object is gone. A preview is a dry run on the server.
 */
export class Provider {
  readonly #engine: Engine;
  #options: ClusterOptions = {};
  #defaultNamespace = "default";
  #upsert = false;
  #cluster: Cluster | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @param options.upsert whether to take over existing objects. Default: creating them fails */
  configure(options: ClusterOptions & { namespace?: string; upsert?: boolean }): void {
    this.#options = options;
    this.#upsert = options.upsert ?? false;
    this.#defaultNamespace = options.namespace ?? this.#defaultNamespace;
  }

  /** What is wrong with a resource's inputs; undefined if nothing is. */
  check(inputs: Properties): string | undefined {
    const object = plain(inputs);
    const named = text(object.value, "metadata", "name") !== undefined || object.partlyUnknown;
    return named ? undefined : "metadata.name is missing; this stand-in does not invent names";
  }

  diff(oldInputs: Properties, newInputs: Properties): Difference {
    const before = plain(oldInputs).value as Properties;
    const after = plain(newInputs).value as Properties;
    const changed = differences(before, after);
    const kind = text(after, "kind") ?? "";
    const paths = [...identityPaths, ...(replacingPaths[kind] ?? [])];
    const replace = paths
      .filter((path) => !same(at(before, ...path), at(after, ...path)))
      .map((path) => path.join("."));
    const renamed = identityPaths.some((path) => replace.includes(path.join(".")));
    return { changed, replace, deleteBeforeReplace: replace.length > 0 && !renamed };
  }

  async create(
    urn: string,
    inputs: Properties,
    options: { preview: boolean; timeout: number },
  ): Promise<{ id: string; properties: Properties }> {
    const wanted = this.#object(inputs);
    const manager = `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
    const send = (dryRun: boolean) =>
      this.#upsert
        ? this.#connect().apply(wanted.object, manager, dryRun)
        : this.#connect().create(wanted.object, dryRun);
    if (options.preview) {
      await this.#tryOnServer(urn, () => send(true));
      return { id: "", properties: inputs };
    }
    const live = await send(false);
    return this.#awaited(urn, wanted, live, manager, inputs, options.timeout);
  }

  async update(
    urn: string,
    olds: Properties,
    inputs: Properties,
    options: { preview: boolean; timeout: number },
  ): Promise<{ id: string; properties: Properties }> {
    const wanted = this.#object(inputs);
    const manager = text(olds, fieldManagerKey) ?? "pulumi-kubernetes";
    if (options.preview) {
      const dry = await this.#tryOnServer(urn, () => this.#connect().apply(wanted.object, manager, true));
      // Values that the server sets, such as a UID, stay the same. So resources that depend on them see no change.
      return { id: "", properties: dry === undefined ? inputs : this.#state(dry, wanted.secrets, manager) };
    }
    const live = await this.#connect().apply(wanted.object, manager, false);
    return this.#awaited(urn, wanted, live, manager, inputs, options.timeout);
  }

  /** The live object, and the inputs that would produce it; undefined if it is gone. */
  async read(
    state: Properties,
    inputs: Properties,
  ): Promise<{ properties: Properties; inputs: Properties } | undefined> {
    const wanted = this.#object(inputs);
    const live = await this.#connect().read(wanted.object);
    if (live === undefined) {
      return undefined;
    }
    const properties = this.#state(live, wanted.secrets, text(state, fieldManagerKey) ?? "pulumi-kubernetes");
    return { properties, inputs: withSecrets(overlaid(wanted.object, live), wanted.secrets) as Properties };
  }

  async delete(urn: string, state: Properties, options: { timeout: number }): Promise<void> {
    const object = plain(state).value as KubernetesObject;
    await this.#connect().delete(object, text(object, "metadata", "uid"));
    const deadline = Date.now() + 1000 * timeoutSeconds(object, options.timeout);
    for (;;) {
      const live = await this.#connect().read(object);
      if (live === undefined || text(live, "metadata", "uid") !== text(object, "metadata", "uid")) {
        return;
      }
      const finalizers = at(live, "metadata", "finalizers");
      if (Date.now() > deadline) {
        throw new Error(
          `${idOf(object)} is still there; finalizers might be preventing deletion (${finalizers ?? "none"})`,
        );
      }
      this.#engine.status(urn, `waiting for deletion${finalizers ? ` (finalizers: ${finalizers})` : ""}`);
      await sleep(500);
    }
  }

  #connect(): Cluster {
    this.#cluster ??= new Cluster(this.#options);
    return this.#cluster;
  }

  #object(inputs: Properties): Wanted {
    const { value, secrets, partlyUnknown } = plain(inputs);
    const object = value as KubernetesObject;
    const given = object.metadata as Properties;
    const metadata = clusterScoped.has(object.kind) ? given : { namespace: this.#defaultNamespace, ...given };
    return { object: { ...object, metadata }, secrets, partlyUnknown };
  }

  /** In a preview, an unreachable server or a missing namespace is not a failure. */
  async #tryOnServer(urn: string, request: () => Promise<KubernetesObject>): Promise<KubernetesObject | undefined> {
    try {
      return await request();
    } catch (error) {
      if (error instanceof ApiError && !["NotFound", "Forbidden"].includes(error.reason)) {
        throw error;
      }
      this.#engine.status(urn, `not checked by the server: ${(error as Error).message}`);
      return undefined;
    }
  }

  async #awaited(
    urn: string,
    wanted: Wanted,
    live: KubernetesObject,
    manager: string,
    inputs: Properties,
    timeout: number,
  ) {
    const id = idOf(live);
    const annotation = text(live, "metadata", "annotations", "pulumi.com/waitFor");
    const skip = text(live, "metadata", "annotations", "pulumi.com/skipAwait") === "true";
    const ready = skip
      ? undefined
      : annotation !== undefined
        ? async (object: KubernetesObject) => waitFor(annotation, object)
        : needsEndpoints(live)
          ? async (object: KubernetesObject) => this.#endpoints(object)
          : undefined;
    const deadline = Date.now() + 1000 * timeoutSeconds(live, timeout);
    let latest = live;
    for (;;) {
      const verdict = ready === undefined ? { ready: true } : await ready(latest);
      if (verdict.ready) {
        return { id, properties: this.#state(latest, wanted.secrets, manager) };
      }
      if (Date.now() > deadline) {
        const message = `the Kubernetes API server reported that ${JSON.stringify(id)} (${live.kind}) failed to fully initialize or become live: ${verdict.reason ?? "timed out waiting for the condition"}`;
        throw new NotReady(id, message, this.#state(latest, wanted.secrets, manager), inputs);
      }
      this.#engine.status(urn, verdict.reason ?? "waiting");
      await sleep(250);
      latest = (await this.#connect().read(latest)) ?? latest;
    }
  }

  async #endpoints(service: KubernetesObject) {
    const ready = await this.#connect().hasReadyEndpoint(
      text(service, "metadata", "namespace") ?? this.#defaultNamespace,
      text(service, "metadata", "name") ?? "",
    );
    return {
      ready,
      reason:
        "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods",
    };
  }

  #state(live: KubernetesObject, secrets: Path[], manager: string): Properties {
    // A Secret's content is always secret.
    const content: Path[] = live.kind === "Secret" ? [["data"], ["stringData"]] : [];
    return { ...(withSecrets(live, [...content, ...secrets]) as Properties), [fieldManagerKey]: manager };
  }
}

interface Wanted {
  object: KubernetesObject;
  secrets: Path[];
  partlyUnknown: boolean;
}

/** The cluster-wide kinds among those the program creates. The real provider asks the cluster instead. */
const clusterScoped = new Set(["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]);

const identityPaths: Path[] = [["apiVersion"], ["kind"], ["metadata", "name"], ["metadata", "namespace"]];

/** The paths that the real provider does not change in place, by kind. */
const replacingPaths: Record<string, Path[]> = {
  Secret: [["type"], ["data"], ["stringData"], ["immutable"]],
  ConfigMap: [["data"], ["binaryData"], ["immutable"]],
  RoleBinding: [["roleRef"]],
  ClusterRoleBinding: [["roleRef"]],
};

/** The paths at which two values differ, as deep as their structure is the same. */
function differences(before: Json | undefined, after: Json | undefined, path = ""): string[] {
  if (same(before, after)) {
    return [];
  }
  if (!isTree(before) || !isTree(after) || Array.isArray(before) !== Array.isArray(after)) {
    return [path];
  }
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const below = (key: string) => (Array.isArray(after) ? `${path}[${key}]` : propertyPath(path, key));
  return keys.flatMap((key) => differences(at(before, key), at(after, key), below(key)));
}

function isTree(value: Json | undefined): value is Json[] | { [key: string]: Json } {
  return value !== null && typeof value === "object";
}

function propertyPath(path: string, key: string): string {
  const plainKey = /^[A-Za-z_$][\w$]*$/.test(key);
  return plainKey ? `${path}${path === "" ? "" : "."}${key}` : `${path}[${JSON.stringify(key)}]`;
}

function needsEndpoints(object: KubernetesObject): boolean {
  const selector = at(object, "spec", "selector");
  return (
    object.apiVersion === "v1" &&
    object.kind === "Service" &&
    selector !== undefined &&
    at(object, "spec", "clusterIP") !== "None"
  );
}

function timeoutSeconds(object: KubernetesObject, requested: number): number {
  return (
    requested || Number(text(object, "metadata", "annotations", "pulumi.com/timeoutSeconds")) || defaultTimeoutSeconds
  );
}

function idOf(object: KubernetesObject): string {
  const namespace = text(object, "metadata", "namespace");
  const name = text(object, "metadata", "name") ?? "";
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The wanted object, but with the live value of each of its fields. */
function overlaid(wanted: Json, live: Json | undefined): Json {
  if (wanted === null || typeof wanted !== "object" || live === null || typeof live !== "object") {
    return live ?? wanted;
  }
  if (Array.isArray(wanted) || Array.isArray(live)) {
    const alike = Array.isArray(wanted) && Array.isArray(live) && wanted.length === live.length;
    return alike ? wanted.map((item, index) => overlaid(item, live[index])) : live;
  }
  // stringData is never in the live object; Kubernetes turns it into data.
  return Object.fromEntries(
    Object.entries(wanted)
      .filter(([key]) => key in live || key === "stringData")
      .map(([key, item]) => [key, overlaid(item, key === "stringData" ? item : live[key])]),
  );
}
