import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { GithubAppSecrets, type GithubAppSecretsArgs } from "../../../components/githubAppSecrets.ts";
import { register, resolved, shape } from "../../support/pulumi/mockEngine.ts";

const component = "rex-remediation:index:GithubAppSecrets";
const namespace = "agents";

function secrets(args: Omit<GithubAppSecretsArgs, "namespace">) {
  return register(async () => {
    const made = new GithubAppSecrets("rex", { namespace, ...args });
    return {
      privateKeySecretName: await resolved(made.privateKeySecretName),
      privateKeySecretNameIsSecret: await pulumi.isSecret(made.privateKeySecretName),
      webhookSecretName: made.webhookSecretName && (await resolved(made.webhookSecretName)),
      webhookSecretNameIsSecret: made.webhookSecretName && (await pulumi.isSecret(made.webhookSecretName)),
    };
  });
}

describe("GithubAppSecrets", () => {
  it("creates two Secrets whose content is secret and whose names are not", async () => {
    const { registrations, value } = await secrets({
      privateKey: pulumi.secret("KEY"),
      webhookSecret: pulumi.secret("HOOK"),
    });
    assert.deepEqual(shape(registrations), [
      ` > ${component} rex`,
      `${component} > kubernetes:core/v1:Secret rex-github-app`,
      `${component} > kubernetes:core/v1:Secret rex-webhook`,
    ]);
    const [key, hook] = ["rex-github-app", "rex-webhook"].map((name) => registrations.find((one) => one.name === name));
    assert.deepEqual(key?.inputs, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: value.privateKeySecretName, namespace, labels: labels },
      type: "Opaque",
      stringData: { "private-key.pem": "KEY" },
    });
    assert.deepEqual(hook?.inputs, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: value.webhookSecretName, namespace, labels: labels },
      type: "Opaque",
      stringData: { secret: "HOOK" },
    });
    assert.deepEqual([key?.secretInputs, hook?.secretInputs], [["stringData"], ["stringData"]]);
    assert.equal(value.privateKeySecretName, "rex-github-app");
    assert.match(value.webhookSecretName ?? "", /^rex-webhook-[0-9a-f]{8}$/);
    assert.deepEqual([value.privateKeySecretNameIsSecret, value.webhookSecretNameIsSecret], [false, false]);
  });

  it("keeps the content secret even if it is passed as plain text", async () => {
    const { registrations } = await secrets({ privateKey: "KEY", webhookSecret: "HOOK" });
    const made = registrations.filter(({ type }) => type === "kubernetes:core/v1:Secret");
    assert.deepEqual(
      made.map(({ secretInputs }) => secretInputs),
      [["stringData"], ["stringData"]],
    );
  });

  it("changes the name of the webhook's Secret only when its content changes", async () => {
    const one = await secrets({ privateKey: "KEY", webhookSecret: "HOOK" });
    const same = await secrets({ privateKey: "KEY", webhookSecret: "HOOK" });
    const other = await secrets({ privateKey: "KEY", webhookSecret: "HOOK2" });
    assert.equal(same.value.webhookSecretName, one.value.webhookSecretName);
    assert.notEqual(other.value.webhookSecretName, one.value.webhookSecretName);
  });

  it("never changes the name of the key's Secret, because a waiting run keeps the name it started with", async () => {
    const one = await secrets({ privateKey: "KEY", webhookSecret: "HOOK" });
    const other = await secrets({ privateKey: "KEY2", webhookSecret: "HOOK" });
    assert.equal(other.value.privateKeySecretName, one.value.privateKeySecretName);
  });

  it("creates no Secret that already exists", async () => {
    const { registrations, value } = await secrets({ existingPrivateKeySecret: "app", existingWebhookSecret: "hook" });
    assert.deepEqual(shape(registrations), [` > ${component} rex`]);
    assert.deepEqual([value.privateKeySecretName, value.webhookSecretName], ["app", "hook"]);
  });

  it("requires a private key, but no webhook secret", async () => {
    assert.equal((await secrets({ privateKey: "KEY" })).value.webhookSecretName, undefined);
    await assert.rejects(secrets({}), /GithubAppSecrets needs privateKey or existingPrivateKeySecret/);
  });
});

const labels = {
  "app.kubernetes.io/name": "rex-remediation",
  "app.kubernetes.io/instance": "rex",
  "app.kubernetes.io/component": "secrets",
  "app.kubernetes.io/managed-by": "pulumi",
};
