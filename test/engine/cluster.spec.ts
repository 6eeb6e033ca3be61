import assert from "node:assert/strict";
import { ApiServerWithoutPolicies } from "../support/apiServer.ts";
import { Cluster } from "../support/cluster.ts";
import { nodeEnvironment } from "../support/node.ts";
import type { ConfigValue } from "../support/pulumi/stackConfig.ts";
import { freshName, StackRun } from "../support/pulumi/stackRun.ts";

/** What only the cluster knows is asked before anything is made. */
describe("pulumi, where the cluster is not as it has to be", function () {
  this.timeout(90_000);
  let stack: StackRun;
  let cluster: Cluster;
  const name = freshName();

  before(function () {
    if (!StackRun.possible()) {
      console.log("      not run: there is no pulumi; scripts/cluster/build makes it");
      this.skip();
    }
    stack = new StackRun(name);
    cluster = new Cluster(nodeEnvironment().namespace);
  });
  after(() => stack?.remove());

  async function refused(command: "preview" | "up", config: Record<string, ConfigValue>): Promise<string> {
    const { exitCode, stderr } = await stack.run(command, { config });
    assert.notEqual(exitCode, 0, stderr);
    assert.doesNotMatch(stderr, /kubernetes:/, "a resource was registered");
    assert.doesNotMatch(stderr, /\.ts:\d+:\d+/, "a stack trace was shown");
    return stderr;
  }

  describe("without admission policies", () => {
    let server: ApiServerWithoutPolicies;
    before(async () => {
      server = await ApiServerWithoutPolicies.start();
    });
    after(() => server?.stop());

    for (const command of ["preview", "up"] as const) {
      it(`${command} says so, names the ways out, and makes nothing`, async () => {
        assert.match(
          await refused(command, { "kubernetes:kubeconfig": server.kubeconfig }),
          /admissionPolicies: expected a cluster with ValidatingAdmissionPolicies \(.*Kubernetes >= 1\.30\); got Kubernetes v1\.\d+\.\d+, which does not serve them\.\s+Update the cluster, or do without.*: pulumi config set admissionPolicies false/,
        );
      });
    }
  });

  it("preview does without admission policies where they are turned off, and warns of what that means", async () => {
    const { exitCode, stderr } = await stack.run("preview", { config: { admissionPolicies: false } });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /warning: admissionPolicies is false: the API server lets the remediation delete any CodeRun/);
    assert.doesNotMatch(stderr, /:ValidatingAdmissionPolicy/);
  });

  describe("with a Secret that exists already", () => {
    const secrets = { empty: "", short: "0123456789", long: "0123456789abcdef" };
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

    const bad: [string, Record<string, ConfigValue>, RegExp][] = [
      [
        "is missing",
        { webhookSecret: undefined, existingWebhookSecret: `${name}-none` },
        /existingWebhookSecret: expected Secret rex-\w+-none in namespace [\w-]+ with key secret: at least 16 characters, no spaces; got no such Secret\./,
      ],
      [
        "is empty, which would turn the check of signatures off",
        { webhookSecret: undefined, existingWebhookSecret: `${name}-empty` },
        /existingWebhookSecret: expected .*; got nothing\.\s+Mend it with: kubectl -n [\w-]+ create secret generic/,
      ],
      [
        "holds a short webhook secret",
        { webhookSecret: undefined, existingWebhookSecret: `${name}-short` },
        /existingWebhookSecret: expected .*; got something else\./,
      ],
      [
        "holds a key that is none",
        { githubAppPrivateKey: undefined, existingGithubAppSecret: `${name}-long` },
        /existingGithubAppSecret: expected Secret .* with key private-key\.pem: an unencrypted RSA private key .*; got something else\./,
      ],
    ];
    for (const [what, config, expected] of bad) {
      it(`preview refuses one that ${what}`, async () => {
        const message = await refused("preview", config);
        assert.match(message, expected);
        assert.ok(!message.includes("0123456789"), "a secret was shown");
      });
    }

    it("preview takes one that is as it should be", async () => {
      const { exitCode, stderr } = await stack.run("preview", {
        config: { webhookSecret: undefined, existingWebhookSecret: `${name}-long` },
      });
      assert.equal(exitCode, 0, stderr);
    });
  });

  it("preview says that a cluster that does not answer was not asked, and goes on", async () => {
    const kubeconfig = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "" } }],
      "current-context": "x",
    });
    const { exitCode, stderr } = await stack.run("preview", { config: { "kubernetes:kubeconfig": kubeconfig } });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /warning: the cluster could not be asked before the update: /);
  });
});
