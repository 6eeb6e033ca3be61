import { existsSync } from "node:fs";
import * as k8s from "@kubernetes/client-node";
import { at, type Json, type Path } from "./values.ts";

/** A Kubernetes object with any fields. */
export interface KubernetesObject {
  [key: string]: Json;
  apiVersion: string;
  kind: string;
}

export interface ClusterOptions {
  /** Content or path of a kubeconfig. Default: KUBECONFIG, then ~/.kube/config. */
  kubeconfig?: string;
  context?: string;
}

/** An error from the API server. */
export class ApiError extends Error {
  /** Reason such as NotFound or AlreadyExists. */
  readonly reason: string;

  constructor(message: string, reason: string) {
    super(message);
    this.reason = reason;
  }
}

/** The four operations that the provider needs from an API server, for objects of any kind. */
export class Cluster {
  readonly #api: k8s.KubernetesObjectApi;

  constructor(options: ClusterOptions) {
    const config = new k8s.KubeConfig();
    if (options.kubeconfig === undefined) {
      config.loadFromDefault();
    } else if (existsSync(options.kubeconfig)) {
      config.loadFromFile(options.kubeconfig);
    } else {
      config.loadFromString(options.kubeconfig);
    }
    if (options.context !== undefined) {
      config.setCurrentContext(options.context);
    }
    this.#api = k8s.KubernetesObjectApi.makeApiClient(config);
  }

  /** @throws ApiError, e.g. AlreadyExists */
  create(object: KubernetesObject, dryRun: boolean): Promise<KubernetesObject> {
    return answer(this.#api.create(typed(object), undefined, dryRun ? "All" : undefined, createManager));
  }

  /** Undefined if the object, or its kind, does not exist. */
  async read(object: KubernetesObject): Promise<KubernetesObject | undefined> {
    try {
      return await answer(this.#api.read(typed(object) as Parameters<k8s.KubernetesObjectApi["read"]>[0]));
    } catch (error) {
      if (isGone(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * Server-side apply. If the object was created as a whole, this first takes over its fields, so that fields no longer wanted are removed.
   *
   * @throws ApiError Conflict if another manager has set a field to something else
   */
  async apply(object: KubernetesObject, manager: string, dryRun: boolean): Promise<KubernetesObject> {
    const live = await this.read(object);
    if (live !== undefined && !dryRun) {
      await this.#adopt(live, manager);
    }
    const strategy = k8s.PatchStrategy.ServerSideApply;
    return answer(this.#api.patch(typed(object), undefined, dryRun ? "All" : undefined, manager, dryRun, strategy));
  }

  /** Requests a foreground deletion, which deletes owned objects first. Fails if the object has another UID. */
  async delete(object: KubernetesObject, uid: string | undefined): Promise<void> {
    try {
      const preconditions = uid === undefined ? undefined : { uid };
      await answer(
        this.#api.delete(typed(object), undefined, undefined, undefined, undefined, "Foreground", {
          propagationPolicy: "Foreground",
          preconditions,
        }),
      );
    } catch (error) {
      if (!isGone(error)) {
        throw error;
      }
    }
  }

  /** Whether a Service has an endpoint that is ready. */
  async hasReadyEndpoint(namespace: string, service: string): Promise<boolean> {
    const slices = await this.#api.list(
      "discovery.k8s.io/v1",
      "EndpointSlice",
      namespace,
      undefined,
      undefined,
      undefined,
      undefined,
      `kubernetes.io/service-name=${service}`,
    );
    const endpoints = slices.items.flatMap((slice) => (slice as k8s.V1EndpointSlice).endpoints ?? []);
    return endpoints.some((endpoint) => endpoint.conditions?.ready === true);
  }

  async #adopt(live: KubernetesObject, manager: string): Promise<void> {
    const fields = (at(live, "metadata", "managedFields") ?? []) as { [key: string]: Json }[];
    const created = fields.filter((entry) => entry.manager === createManager && entry.operation === "Update");
    if (created.length > 0) {
      const managedFields = fields.map((entry) =>
        created.includes(entry) ? { ...entry, manager, operation: "Apply" } : entry,
      );
      const metadata = {
        ...identity(live),
        resourceVersion: at(live, "metadata", "resourceVersion") ?? null,
        managedFields,
      };
      const patch = { apiVersion: live.apiVersion, kind: live.kind, metadata };
      await answer(
        this.#api.patch(typed(patch), undefined, undefined, undefined, undefined, k8s.PatchStrategy.MergePatch),
      );
    }
  }
}

/** The field manager of creations, until a resource has its own. */
const createManager = "pulumi-kubernetes";

export function text(object: Json, ...path: Path): string | undefined {
  const value = at(object, ...path);
  return typeof value === "string" ? value : undefined;
}

function identity(object: KubernetesObject): { [key: string]: Json } {
  return { name: at(object, "metadata", "name") ?? null, namespace: at(object, "metadata", "namespace") ?? null };
}

function typed(object: KubernetesObject): k8s.KubernetesObject {
  return object as unknown as k8s.KubernetesObject;
}

/** Turns dates back into strings, and makes errors readable. */
async function answer(request: Promise<unknown>): Promise<KubernetesObject> {
  try {
    return JSON.parse(JSON.stringify((await request) ?? null));
  } catch (error) {
    throw readable(error);
  }
}

function readable(error: unknown): Error {
  if (error instanceof k8s.ApiException) {
    const body = typeof error.body === "string" ? parsed(error.body) : (error.body as Json);
    return new ApiError(text(body, "message") ?? `HTTP ${error.code}`, text(body, "reason") ?? `HTTP ${error.code}`);
  }
  return error instanceof Error ? error : new Error(String(error));
}

function parsed(body: string): Json {
  try {
    return JSON.parse(body);
  } catch {
    return { message: body };
  }
}

function isGone(error: unknown): boolean {
  return (
    (error instanceof ApiError && error.reason === "NotFound") ||
    /Unrecognized API version and kind/.test(String(error))
  );
}
