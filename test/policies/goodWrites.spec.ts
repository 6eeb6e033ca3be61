import { deepEqual, equal } from "node:assert/strict";
import { KubeConfig, KubernetesObjectApi } from "@kubernetes/client-node";
import { pass, warn } from "../../cli/doctor/check.ts";
import { InstalledContext } from "../../cli/doctor/context.ts";
import { goodWrites } from "../../cli/doctor/goodWrites.ts";
import { policiesInForceCheck } from "../../cli/doctor/policies.ts";
import { until } from "../support/cluster.ts";
import { codeRun } from "../support/codeRuns.ts";
import { say } from "../support/figures.ts";
import { Guarded } from "../support/guarded.ts";
import { Mutation } from "../support/mutation.ts";
import { manifests } from "../support/pulumi/manifests.ts";
import { mainWorkflow, workflowNode } from "../support/workflows.ts";

/**
 * What the doctor reports about the writes that the policies must let through, on a real API server with the program's own policies. It
 * does not show that Sensor and sweep create the same objects; test/cli/doctor and test/chain/remediation cover that.
 */
describe("the doctor's good writes", function () {
  this.timeout(120_000);

  let guarded: Guarded;
  let admin: KubeConfig;

  before(async () => {
    guarded = await Guarded.open();
    const { name, cluster } = guarded;
    const made = await manifests({ name, namespace: cluster.namespace, repositories: ["acme/shop", "acme/other"] });
    const api = KubernetesObjectApi.makeApiClient(cluster.config);
    for (const kind of ["WorkflowTemplate", "Sensor"]) {
      const { apiVersion, metadata, spec } = made.find((one) => one.kind === kind) ?? {};
      await api.create({ apiVersion, kind, metadata, spec } as never);
    }
    admin = cluster.config;
  });
  after(() => guarded?.close());

  function contextOf(cluster: KubeConfig): InstalledContext {
    const { name } = guarded;
    const { namespace } = guarded.cluster;
    const outputs = { namespace, workflowTemplate: name, eventSource: name, sensor: name };
    return new InstalledContext({ outputs: { ...outputs, serviceAccounts: { sweep: `${name}-sweep` } }, cluster });
  }

  /** The findings as "verdict of: found". */
  async function found(cluster: KubeConfig = admin): Promise<string[]> {
    const { name } = guarded;
    const { namespace } = guarded.cluster;
    return (await goodWrites(contextOf(cluster))).map(({ verdict, of, found: words }) =>
      `${verdict} ${of}: ${words}`.replaceAll(namespace, "NAMESPACE").replaceAll(name, "NAME"),
    );
  }

  const nothingToTryOn = [
    "skip a CodeRun's deletion: not checked: there is currently no CodeRun that a remediation may delete",
    "skip a main workflow's restart: not checked: there is no running main workflow",
  ];
  const runs = ["pass a push's run: accepted from NAME-sensor", "pass a lost push's run: accepted from NAME-sweep"];

  it("are not checked if there is no object to try them on, and no object is created for it", async () => {
    deepEqual(await found(), [...runs, ...nothingToTryOn]);
    deepEqual([await guarded.cluster.workflows(), await guarded.cluster.codeRuns()], [[], []]);
  });

  it("are let through, each for the account that makes it, and change nothing [good-writes-let-through]", async () => {
    const { cluster } = guarded;
    const labels = { repository: "acme-shop" };
    const gate = [workflowNode("waiting", "Suspend", "Running")];
    // A remediation may touch none of the objects that sort before the good ones.
    await cluster.create(codeRun("a-rex", "5DLabs-Rex", 3, labels));
    await cluster.create(codeRun("b-disguised", "5DLabs-Cleo", 3, { ...labels, by: "5DLabs-Rex" }));
    await cluster.create(codeRun("c-foreign", "5DLabs-Cleo", 3, { repository: "mallory-shop" }));
    await cluster.create(codeRun("d-cleo", "5DLabs-Cleo", 3, labels));
    await cluster.create(
      mainWorkflow("a-ended", 3, "waiting-ready-for-qa", gate, { labels, status: { phase: "Failed" } }),
    );
    await cluster.create(mainWorkflow("b-foreign", 3, "waiting-ready-for-qa", gate, { labels: { repository: "x" } }));
    await cluster.create(mainWorkflow("c-main", 3, "waiting-ready-for-qa", gate, { labels }));
    deepEqual(await found(), [
      ...runs,
      "pass a CodeRun's deletion: accepted from NAME",
      "pass a main workflow's restart: accepted from NAME",
    ]);
    const agent = await cluster.codeRun("d-cleo");
    deepEqual([agent?.metadata.name, agent?.metadata.deletionTimestamp], ["d-cleo", undefined]);
    const main = await cluster.workflow("c-main");
    deepEqual(
      [main?.metadata.labels?.["current-stage"], main?.metadata.annotations, main?.status?.nodes?.waiting?.phase],
      ["waiting-ready-for-qa", undefined, "Running"],
    );
    equal((await cluster.workflows()).length, 3);
  });

  it("come with bad writes that the same policies refuse", async () => {
    const found = await policiesInForceCheck.look(contextOf(admin));
    deepEqual(found, pass("6 dry runs, each refused by its policy"));
  });

  it("are not checked if the caller may not impersonate", async () => {
    const { cluster } = guarded;
    const { namespace } = cluster;
    const reader = "reader";
    await cluster.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: reader } } });
    const api = KubernetesObjectApi.makeApiClient(cluster.config);
    const role = { apiGroups: ["*"], resources: ["*"], verbs: ["get", "list"] };
    const rbac = "rbac.authorization.k8s.io/v1";
    await api.create({ apiVersion: rbac, kind: "Role", metadata: { name: reader, namespace }, rules: [role] } as never);
    await api.create({
      apiVersion: rbac,
      kind: "RoleBinding",
      metadata: { name: reader, namespace },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: reader },
      subjects: [{ kind: "ServiceAccount", name: reader, namespace }],
    } as never);
    const { status } = await cluster.core.createNamespacedServiceAccountToken({
      namespace,
      name: reader,
      body: { spec: { audiences: [], expirationSeconds: 600 } },
    });
    const as = new KubeConfig();
    const server = admin.getCurrentCluster();
    if (server === null) throw new Error("the kubeconfig names no cluster");
    as.loadFromClusterAndUser(server, { name: reader, token: status?.token ?? "" });
    const said = "not checked: you may not impersonate the accounts";
    const all = ["a push's run", "a lost push's run", "a CodeRun's deletion", "a main workflow's restart"];
    deepEqual(
      await found(as),
      all.map((of) => `warn ${of}: ${said}`),
    );
    deepEqual(
      await policiesInForceCheck.look(contextOf(as)),
      warn(
        "not checked: you may not impersonate the accounts",
        "run this as a user who may impersonate users and groups",
      ),
    );
  });

  it("are reported as refused if somebody else's webhook changes what the policies check", async function () {
    const missing = await Mutation.unserved(guarded.cluster);
    if (missing !== undefined) {
      say(`not tried: ${missing}`);
      this.skip();
    }
    const mutation = await labelled("workflows.argoproj.io/x");
    const policy = (subject: string) =>
      `ValidatingAdmissionPolicy 'NAME-${subject}.NAMESPACE' with binding 'NAME-${subject}.NAMESPACE' denied request`;
    const lines = await found();
    await mutation.end();
    const refusedRun = (account: string, subject: string) =>
      `${policy(subject)}: the ${account} may only create Workflows in the exact form of a push's remediation: its labels must be the ones that the ${account} sets; something in the cluster changes metadata.labels.workflows.argoproj.io/x`;
    deepEqual(
      lines.map((line) => line.replace(/workflows\.argoproj\.io "[^"]+" is forbidden: /, "")),
      [
        `fail a push's run: a push gets no run: the API server says 403: ${refusedRun("Sensor", "runs")}`,
        `fail a lost push's run: a lost push gets no run: the API server says 403: ${refusedRun("sweep", "swept")}`,
        "pass a CodeRun's deletion: accepted from NAME",
        `fail a main workflow's restart: QA is not restarted (tried with c-main): the API server says 403: ${policy("workflows")}: workflow c-main must keep its labels; a remediation may only set current-stage to waiting-pr-created`,
      ],
    );
  });

  /** Installs somebody else's policy, which labels all Workflows, and waits until it is in force. */
  async function labelled(key: string): Promise<Mutation> {
    const { cluster, name } = guarded;
    const args = { name: `${name}-others.${cluster.namespace}`, label: { key, value: "1" } };
    const mutation = await Mutation.make(cluster, { ...args, operations: ["CREATE", "UPDATE"] });
    await until("others' policy is in force", 30_000, async () => {
      await cluster.patchWorkflow("a-ended", { metadata: { labels: { probe: `${Date.now()}` } } });
      return (await cluster.workflow("a-ended"))?.metadata.labels?.[key] !== undefined;
    });
    return mutation;
  }
});
