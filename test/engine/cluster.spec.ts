import assert from "node:assert/strict";
import { KubeConfig, RbacAuthorizationV1Api } from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import type { RexRemediationArgs } from "../../components/rexRemediation.ts";
import { checkCluster } from "../../config/cluster.ts";
import { ConfigError, type Problem } from "../../config/problems.ts";
import { ApiServerWithoutPolicies } from "../support/apiServer.ts";
import { Cluster } from "../support/cluster.ts";
import { nodeEnvironment } from "../support/node.ts";
import { type ConfigValue, setStackConfig } from "../support/pulumi/stackConfig.ts";
import { freshName, StackRun } from "../support/pulumi/stackRun.ts";

/** Requirements that only the cluster can answer are checked before anything is created. */
describe("pulumi, if the cluster does not meet the requirements", function () {
  this.timeout(90_000);
  let stack: StackRun;
  let cluster: Cluster;
  const name = freshName();

  before(function () {
    if (!StackRun.possible()) {
      console.log("      not run: pulumi is missing; dev/cluster/build builds it");
      this.skip();
    }
    stack = new StackRun(name);
    cluster = new Cluster(nodeEnvironment().namespace);
  });
  after(() => stack?.remove());

  async function refused(command: "preview" | "up", config: Record<string, ConfigValue>): Promise<string> {
    const { exitCode, stderr } = await stack.run(command, { config });
    assert.notEqual(exitCode, 0, stderr);
    assert.doesNotMatch(stderr, /kubernetes:[\w.]+\//, "a resource was registered");
    assert.doesNotMatch(stderr, /\.ts:\d+:\d+/, "a stack trace was shown");
    return stderr;
  }

  it("refuses a context that is not in the kubeconfig, and lists those that are [unknown-context]", async () => {
    const context = cluster.config.getCurrentContext();
    assert.match(
      await refused("up", { "kubernetes:context": "nowhere", admissionPolicies: false }),
      new RegExp(
        `kubernetes:context: expected a context of the kubeconfig: .*${context}.*; got nowhere\\.\\s+Set it with: pulumi config set kubernetes:context NAME`,
      ),
    );
  });

  describe("without admission policies", () => {
    let server: ApiServerWithoutPolicies;
    before(async () => {
      server = await ApiServerWithoutPolicies.start();
    });
    after(() => server?.stop());

    for (const command of ["preview", "up"] as const) {
      it(`${command} says so, names the ways out, and creates nothing`, async () => {
        assert.match(
          await refused(command, { "kubernetes:kubeconfig": server.kubeconfig }),
          /admissionPolicies: expected a cluster with ValidatingAdmissionPolicies \(.*Kubernetes >= 1\.30\); got Kubernetes v1\.\d+\.\d+, which does not serve them\.\s+Update the cluster, or do without.*: pulumi config set admissionPolicies false/,
        );
      });
    }
  });

  describe("as a user who may do everything, but only in the namespace", () => {
    const account = `${name}-deployer`;
    let kubeconfig: string;
    before(async () => {
      const { namespace, core, config } = cluster;
      const rbac = config.makeApiClient(RbacAuthorizationV1Api);
      await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: account } } });
      await rbac.createNamespacedRoleBinding({
        namespace,
        body: {
          metadata: { name: account },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
          subjects: [{ kind: "ServiceAccount", name: account, namespace }],
        },
      });
      const { status } = await core.createNamespacedServiceAccountToken({
        namespace,
        name: account,
        body: { spec: { audiences: [], expirationSeconds: 600 } },
      });
      const own = new KubeConfig();
      own.loadFromClusterAndUser(config.getCurrentCluster() as never, { name: "deployer", token: status?.token ?? "" });
      kubeconfig = own.exportConfig();
    });
    after(async () => {
      const { namespace, core, config } = cluster;
      await config.makeApiClient(RbacAuthorizationV1Api).deleteNamespacedRoleBinding({ namespace, name: account });
      await core.deleteNamespacedServiceAccount({ namespace, name: account });
    });

    it("preview warns that the policies cannot be created, up refuses to begin, and both name the way out", async () => {
      const config = { "kubernetes:kubeconfig": kubeconfig };
      const words =
        /admissionPolicies: expected the right to create ValidatingAdmissionPolicies, which are cluster-wide; got no right to create validatingadmissionpolicies and validatingadmissionpolicybindings in admissionregistration\.k8s\.io\.\s+Ask for it.*, or do without policies; docs\/security\.md lists the verbs and says what that means: pulumi config set admissionPolicies false/;
      const preview = await stack.run("preview", { config });
      assert.equal(preview.exitCode, 0, preview.stderr);
      assert.match(preview.stderr, words);
      const { exitCode, stderr } = await stack.run("up", { config });
      assert.notEqual(exitCode, 0, stderr);
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /kubernetes:\S+ \S+ creat/, "something was made");
    });
  });

  it("preview says that there are no PrometheusRules, names the ways out, and creates nothing", async () => {
    assert.match(
      await refused("preview", { "alarms.enabled": true }),
      /alarms\.enabled: expected a cluster that serves PrometheusRules \(monitoring\.coreos\.com\/v1\); got one that does not\.\s+Install the Prometheus Operator .*, or do without alarms: pulumi config set --path alarms.enabled false/,
    );
  });

  describe("with a Secret that exists already", () => {
    const long = "0123456789abcdef";
    const secrets = {
      empty: "",
      short: "0123456789",
      long,
      line: `${long}\n`,
      lines: `${long}\n\n`,
      windows: `${long}\r\n`,
    };
    before(async () => {
      for (const [suffix, secret] of Object.entries(secrets)) {
        await cluster.core.createNamespacedSecret({
          namespace: cluster.namespace,
          body: { metadata: { name: `${name}-${suffix}` }, stringData: { secret, "private-key.pem": secret } },
        });
      }
    });
    after(async () => {
      for (const suffix of Object.keys(secrets)) {
        await cluster.core.deleteNamespacedSecret({ namespace: cluster.namespace, name: `${name}-${suffix}` });
      }
    });

    it("preview names a missing Secret and a Secret with an invalid key in one error", async () => {
      const message = await refused("preview", {
        webhookSecret: undefined,
        "webhook.existingSecret": `${name}-none`,
        githubAppPrivateKey: undefined,
        "githubApp.existingSecret": `${name}-long`,
      });
      assert.match(
        message,
        /webhook\.existingSecret: expected Secret rex-\w+-none in namespace [\w-]+ with key secret: at least 16 characters, no spaces; got no such Secret\./,
      );
      assert.match(
        message,
        /githubApp\.existingSecret: expected Secret .* with key private-key\.pem: an unencrypted RSA private key .*; got something else\./,
      );
      assert.ok(!message.includes("0123456789"), "a secret was shown");
    });

    // These ask the same API server, but without an engine, which takes several seconds each time.
    const problemsWith = async (suffix: string): Promise<readonly Problem[]> => {
      setStackConfig();
      pulumi.runtime.setConfig("kubernetes:kubeconfig", cluster.config.exportConfig());
      const webhook = { existingSecret: `${name}-${suffix}` };
      const args = { namespace: cluster.namespace, admissionPolicies: true, webhook, githubApp: {} };
      try {
        await checkCluster(args as unknown as RexRemediationArgs);
        return [];
      } catch (error) {
        assert.ok(error instanceof ConfigError, `${error}`);
        assert.ok(!error.message.includes("0123456789"), "a secret was shown");
        return error.problems;
      }
    };
    for (const [what, suffix, got] of [
      ["an empty secret, which would turn off the signature check", "empty", "nothing"],
      ["a short secret", "short", "something else"],
      ["a secret that ends in two line feeds, of which Argo Events would keep one", "lines", "something else"],
      ["a secret that ends in a carriage return, which Argo Events would keep", "windows", "something else"],
    ] as const) {
      it(`refuses ${what}`, async () => {
        assert.deepEqual(
          (await problemsWith(suffix)).map((problem) => [problem.key, problem.got]),
          [["webhook.existingSecret", got]],
        );
      });
    }

    it("accepts a secret that ends in one line feed, which Argo Events removes", async () => {
      assert.deepEqual(await problemsWith("line"), []);
    });

    it("preview accepts a valid secret; if admission policies are turned off it does without them and warns", async () => {
      const { exitCode, stderr } = await stack.run("preview", {
        config: { webhookSecret: undefined, "webhook.existingSecret": `${name}-long`, admissionPolicies: false },
      });
      assert.equal(exitCode, 0, stderr);
      assert.match(
        stderr,
        /warning: admissionPolicies is false: the API server lets the remediation delete any CodeRun/,
      );
      assert.doesNotMatch(stderr, /:ValidatingAdmissionPolicy/);
    });
  });

  it("preview warns which cluster does not answer, and why, and continues", async () => {
    const kubeconfig = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:10" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "" } }],
      "current-context": "x",
    });
    const { exitCode, stderr } = await stack.run("preview", { config: { "kubernetes:kubeconfig": kubeconfig } });
    assert.equal(exitCode, 0, stderr);
    assert.match(
      stderr,
      /warning: the cluster https:\/\/127\.0\.0\.1:10 could not be checked before the update: connect ECONNREFUSED 127\.0\.0\.1:10\n/,
    );
  });
});
