import { AdmissionregistrationV1beta1Api, type V1beta1MutatingAdmissionPolicySpec } from "@kubernetes/client-node";
import { type Cluster, unless } from "./cluster.ts";

/** Which requests the policy changes, and how. */
export interface MutationArgs {
  /** Name of both objects. They are cluster-wide. */
  name: string;
  operations: ("CREATE" | "UPDATE")[];
  label?: { key: string; value: string };
  annotation?: { key: string; value: string };
  /** Whose requests it changes. Default: everybody's. */
  by?: string;
}

/**
 * Somebody else's admission policy that adds a label or an annotation to all Workflows of a namespace, as a mutating webhook does. The API
 * server serves such policies only if it is configured to (in Kubernetes 1.34 they are a beta that is off by default).
 */
export class Mutation {
  readonly #api: AdmissionregistrationV1beta1Api;
  readonly #name: string;

  private constructor(api: AdmissionregistrationV1beta1Api, name: string) {
    this.#api = api;
    this.#name = name;
  }

  /** @returns why the API server does not support such policies; undefined if it does */
  static async unserved({ config }: Cluster): Promise<string | undefined> {
    const list = config.makeApiClient(AdmissionregistrationV1beta1Api).listMutatingAdmissionPolicy({ limit: 1 });
    const served = (await list.catch(unless(404))) !== undefined;
    return served ? undefined : "the API server serves no MutatingAdmissionPolicies";
  }

  /** Creates the policy. It takes effect some time later. */
  static async make({ config, namespace }: Cluster, args: MutationArgs): Promise<Mutation> {
    const api = config.makeApiClient(AdmissionregistrationV1beta1Api);
    const metadata = { name: args.name };
    await api.createMutatingAdmissionPolicy({ body: { metadata, spec: spec(args) } });
    const here = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
    await api.createMutatingAdmissionPolicyBinding({
      body: { metadata, spec: { policyName: args.name, matchResources: here } },
    });
    return new Mutation(api, args.name);
  }

  async end(): Promise<void> {
    const named = { name: this.#name };
    await this.#api.deleteMutatingAdmissionPolicyBinding(named).catch(unless(404));
    await this.#api.deleteMutatingAdmissionPolicy(named).catch(unless(404));
  }
}

function spec({ operations, label, annotation, by }: MutationArgs): V1beta1MutatingAdmissionPolicySpec {
  const add = (map: string, { key, value }: { key: string; value: string }) => ({
    patchType: "JSONPatch",
    jsonPatch: {
      expression: [
        `(has(object.metadata.${map}) ? [] : [JSONPatch{op: "add", path: "/metadata/${map}", value: {}}])`,
        `[JSONPatch{op: "add", path: "/metadata/${map}/" + jsonpatch.escapeKey(${JSON.stringify(key)}), value: ${JSON.stringify(value)}}]`,
      ].join(" + "),
    },
  });
  return {
    failurePolicy: "Fail",
    reinvocationPolicy: "Never",
    matchConstraints: {
      resourceRules: [{ apiGroups: ["argoproj.io"], apiVersions: ["*"], operations, resources: ["workflows"] }],
    },
    ...(by !== undefined && {
      matchConditions: [{ name: "by", expression: `request.userInfo.username == ${JSON.stringify(by)}` }],
    }),
    mutations: [...(label ? [add("labels", label)] : []), ...(annotation ? [add("annotations", annotation)] : [])],
  };
}
