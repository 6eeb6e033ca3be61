import { randomBytes } from "node:crypto";
import { type KubernetesObject, KubernetesObjectApi } from "@kubernetes/client-node";
import { type ApiRequest, Caller } from "./caller.ts";
import { Cluster, until } from "./cluster.ts";
import { codeRun } from "./codeRuns.ts";
import { nodeEnvironment } from "./node.ts";
import { type Manifest, manifests } from "./pulumi/manifests.ts";
import type { ConfigValue } from "./pulumi/stackConfig.ts";
import { runOf } from "./runs.ts";
import { mainWorkflow } from "./workflows.ts";

/** An account of the program. */
export type Account = "remediation" | "sensor" | "event-source" | "sweep";

const accountKinds = ["ServiceAccount", "Role", "RoleBinding"];
const policyKinds = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

/**
 * The program's own accounts, Roles and admission policies, in a separate namespace of the real API server. No Argo controller manages the
 * namespace, so nothing changes what a test creates there. The pods that use the accounts are real.
 */
export class Guarded {
  readonly name: string;
  readonly cluster: Cluster;
  readonly objects: Manifest[];
  readonly #api: KubernetesObjectApi;

  private constructor(name: string, cluster: Cluster, objects: Manifest[]) {
    this.name = name;
    this.cluster = cluster;
    this.objects = objects;
    this.#api = KubernetesObjectApi.makeApiClient(cluster.config);
  }

  /**
   * @param policies whether to create the policies, too
   * @param config the stack's configuration besides names and repositories
   */
  static async open({
    policies = true,
    repositories = ["acme/shop", "acme/other"],
    config = {},
  }: {
    policies?: boolean;
    repositories?: string[];
    config?: Record<string, ConfigValue>;
  } = {}): Promise<Guarded> {
    const suffix = randomBytes(4).toString("hex");
    const cluster = new Cluster(`guarded-${suffix}`);
    const name = `rex-${suffix}`;
    const made = await manifests({ name, namespace: cluster.namespace, repositories, ...config });
    const kinds = [...(policies ? policyKinds : []), ...accountKinds];
    const guarded = new Guarded(
      name,
      cluster,
      kinds.flatMap((kind) => made.filter((object) => object.kind === kind)),
    );
    await cluster.createNamespace();
    await cluster.installCodeRuns();
    for (const object of guarded.objects) await guarded.#api.create(object as KubernetesObject);
    if (policies) await guarded.#policiesAreInForce();
    return guarded;
  }

  /**
   * Waits until each of the policies refuses something. The API server applies new policies some time after it has stored them: usually a
   * second, longer under load. Each probe is a dry run of a forbidden request.
   */
  async #policiesAreInForce(): Promise<void> {
    const probe = "probe";
    await this.cluster.create(codeRun(probe, "nobody", "0"));
    await this.cluster.create(mainWorkflow(probe, "0", undefined));
    const path = (group: string, plural: string, name = "") =>
      `/apis/${group}/namespaces/${this.cluster.namespace}/${plural}${name}?dryRun=All`;
    const result = { apiVersion: "argoproj.io/v1alpha1", kind: "WorkflowTaskResult", metadata: { name: probe } };
    const workflow = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", metadata: { name: "other" }, spec: {} };
    const probes: [Account, ApiRequest][] = [
      ["remediation", { method: "DELETE", path: path("agents.platform/v1", "coderuns", `/${probe}`) }],
      [
        "remediation",
        {
          method: "PATCH",
          form: "merge",
          path: path("argoproj.io/v1alpha1", "workflows", `/${probe}`),
          body: { metadata: { labels: { "rex-remediation/probe": probe } } },
        },
      ],
      ["remediation", { method: "POST", path: path("argoproj.io/v1alpha1", "workflowtaskresults"), body: result }],
      ["sensor", { method: "POST", path: path("argoproj.io/v1alpha1", "workflows"), body: workflow }],
      ["sweep", { method: "POST", path: path("argoproj.io/v1alpha1", "workflows"), body: workflow }],
      ["sweep", { method: "POST", path: path("argoproj.io/v1alpha1", "workflowtaskresults"), body: result }],
    ];
    for (const [account, request] of probes) {
      const caller = await this.as(account);
      await until(`a policy refuses ${account} ${request.method} ${request.path}`, 30_000, async () => {
        const { code, message } = await caller.send(request);
        // 422 means that a mutated rule cannot be evaluated. Then the policy is in force, too.
        return (code === 403 || code === 422) && message.includes("ValidatingAdmissionPolicy");
      });
    }
    await this.cluster.deleteCodeRun(probe);
    await this.cluster.deleteWorkflow(probe);
  }

  async close(): Promise<void> {
    const ofCluster = this.objects.filter(({ kind }) => policyKinds.includes(kind));
    for (const object of ofCluster) await this.#api.delete(object as KubernetesObject);
    await this.cluster.deleteNamespace();
  }

  accountName(account: Account): string {
    return account === "remediation" ? this.name : `${this.name}-${account}`;
  }

  /** Name of the run for a push to the task. */
  runName(task: string): string {
    return runOf(this.name, task).metadata.name;
  }

  /** Starts a pod that uses an account, and waits until it runs. */
  async startPod(podName: string, account: Account): Promise<void> {
    const namespace = this.cluster.namespace;
    await this.cluster.core.createNamespacedPod({
      namespace,
      body: {
        metadata: { name: podName },
        spec: {
          serviceAccountName: this.accountName(account),
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: "main",
              image: nodeEnvironment().stepsImage,
              imagePullPolicy: "IfNotPresent",
              command: ["sleep", "600"],
            },
          ],
        },
      },
    });
    await until(`pod ${podName} runs`, 60_000, async () => {
      const pod = await this.cluster.core.readNamespacedPod({ namespace, name: podName });
      return pod.status?.phase === "Running";
    });
  }

  /** A caller with the account's token. If a pod is named, the token is bound to it, as the kubelet would do. */
  async as(account: Account, podName?: string): Promise<Caller> {
    const pod =
      podName === undefined
        ? undefined
        : await this.cluster.core.readNamespacedPod({ namespace: this.cluster.namespace, name: podName });
    const { status } = await this.cluster.core.createNamespacedServiceAccountToken({
      namespace: this.cluster.namespace,
      name: this.accountName(account),
      body: {
        spec: {
          audiences: [],
          expirationSeconds: 600,
          ...(pod && { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: podName, uid: pod.metadata?.uid } }),
        },
      },
    });
    return new Caller(this.cluster.config, status?.token ?? "");
  }
}
