import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { readConfig, repositoryLabelValue } from "../../../config/config.ts";
import { register, resolved } from "../../support/pulumi/mockEngine.ts";
import { refusalOf } from "../../support/pulumi/refusal.ts";
import {
  type ConfigValue,
  privateKey,
  project,
  rsaKey,
  secretKeys,
  setStackConfig,
} from "../../support/pulumi/stackConfig.ts";

/** The message that the given changes to a good configuration are refused with. */
async function refusal(changes: Record<string, ConfigValue>, secrets?: string[]): Promise<string> {
  const value = await refusalOf(changes, secrets);
  assert.ok(value !== undefined, `accepted: ${JSON.stringify(changes)}`);
  return value;
}

async function accepted(changes: Record<string, ConfigValue> = {}) {
  const { value } = await register(() => {
    setStackConfig(changes);
    return readConfig();
  });
  return value;
}

/** For each key: bad values, and what the message has to say of the right one. */
const badValues: Record<string, { values: ConfigValue[]; expected: RegExp }> = {
  name: {
    values: ["", "Rex", "1rex", "rex-", "rex_remediation", "a".repeat(25)],
    expected: /1 to 24 lower-case letters, digits and dashes/,
  },
  namespace: {
    values: ["", "Agents", "agents.platform", "-a", "a".repeat(64)],
    expected: /1 to 63 lower-case letters/,
  },
  repositories: {
    values: [
      [],
      "",
      "platform",
      ["5dlabs/platform", "x"],
      ["a/b", "A/B"],
      "a/b/c",
      ["a/.."],
      [1 as unknown as string],
      "[",
      "a/b c",
    ],
    expected: /a list of at least 1, no two alike, each a repository as owner\/name/,
  },
  pusher: {
    values: ["", "5DLabs-Rex", "rex [bot]", "[bot]", "rex.x[bot]", ".*[bot]"],
    expected: /the login of a GitHub App, SLUG\[bot\]/,
  },
  taskBranchPrefix: {
    values: ["", "task-1", "/task-", "task..", "a//b-", "-task-", "task ", "task-{{x}}", "x".repeat(101)],
    expected: /the beginning of a branch name/,
  },
  agentsToCancel: {
    values: [[], "", "5DLabs-Cleo,5DLabs-Cleo", ["5DLabs-Cleo", "-x"], "5DLabs-Cleo 5DLabs-Tess"],
    expected: /a list of at least 1.*label value/,
  },
  admissionPolicies: { values: ["", "yes", 1], expected: /true or false/ },
  maxAgentsToCancel: { values: ["", "0", "1001", "ten", "1.5"], expected: /a whole number from 1 to 1000/ },
  codeRunGroup: {
    values: ["", "Agents.platform", "agents..platform"],
    expected: /lower-case letters, digits, dashes and dots/,
  },
  codeRunVersion: { values: ["", "1", "v0", "v1gamma1"], expected: /a Kubernetes API version/ },
  codeRunResource: { values: ["", "CodeRuns", "code runs"], expected: /lower-case letters/ },
  codeRunTaskLabel: { values: ["", "task id", "/x", "a/b/c", "A.b_/x"], expected: /a label key/ },
  codeRunAgentLabel: { values: ["", "agent$"], expected: /a label key/ },
  codeRunRepositoryLabel: { values: ["", "x".repeat(64)], expected: /a label key/ },
  codeRunFinishedPhases: { values: [[], "", "a,A", "a b"], expected: /a list of at least 1.*value of status\.phase/ },
  taskLabelPrefix: {
    values: ["", "task-1", " task-", "{{", "x".repeat(41), "a\u0007"],
    expected: /the beginning of a pull request label/,
  },
  readyLabel: {
    values: ["", " ready", "ready\n", "{{x}}", "x".repeat(51)],
    expected: /a pull request label of at most 50/,
  },
  holdLabel: {
    values: ["", "hold ", "{{x}}", "x".repeat(51), "ready-for-qa"],
    expected: /a pull request label of at most 50|a label that is not readyLabel \(ready-for-qa\)/,
  },
  mainWorkflowTypeLabel: { values: ["", "a b"], expected: /a label key/ },
  mainWorkflowType: { values: ["", "a b", "x".repeat(64)], expected: /a label value/ },
  mainWorkflowTaskLabel: { values: ["", "a b"], expected: /a label key/ },
  mainWorkflowStageLabel: { values: ["", "a b"], expected: /a label key/ },
  mainWorkflowRepositoryLabel: { values: ["", "a b"], expected: /a label key/ },
  stages: { values: [[], "waiting-pr-created", "a,a", "a b,c"], expected: /a list of at least 2.*label value/ },
  resetStage: { values: ["", "waiting"], expected: /a label value|one of stages \(.*waiting-pr-created/ },
  githubApiUrl: {
    values: ["", "api.github.com", "ftp://x", "https://user:pw@x", "https://x?y", "https://x/#y", "https://x/{{y}}"],
    expected: /an http or https URL without user, query or fragment/,
  },
  githubAppId: {
    values: ["", " ", "0", "Iv1.abc", "-1", "012", "1.5", "1e3", "rex"],
    expected: /a positive whole number/,
  },
  githubInstallationId: { values: ["x", "0"], expected: /a positive whole number/ },
  githubAppPrivateKey: {
    values: [
      "",
      "no key",
      "-----BEGIN RSA PRIVATE KEY-----\nxx\n-----END RSA PRIVATE KEY-----",
      rsaKey(1024),
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "sec1", format: "pem" }).toString(),
      generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      createPrivateKey(privateKey)
        .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
        .toString(),
      generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }).toString(),
    ],
    expected: /an unencrypted RSA private key of at least 2048 bits in PEM form/,
  },
  existingGithubAppSecret: { values: ["No_Secret"], expected: /as in Kubernetes names/ },
  webhookSecret: {
    values: ["", "\n", " ".repeat(32), "short", "0123456789abcde", "with spaces in between it"],
    expected: /at least 16 characters, no spaces/,
  },
  existingWebhookSecret: { values: ["No_Secret"], expected: /as in Kubernetes names/ },
  existingEventSource: {
    values: [
      { name: "x" },
      { event: "x" },
      { name: "x", event: "y", more: "z" },
      { name: "X", event: "y" },
      "github",
      [],
      "{",
    ],
    expected: /an object/,
  },
  eventSourceReplicas: { values: ["", "0", "21", "one", "1.5"], expected: /a whole number from 1 to 20/ },
  ingressHost: { values: ["hooks", "https://x.y", "x.y/z", "*.x.y"], expected: /a host name/ },
  ingressClass: { values: ["Nginx"], expected: /as in Kubernetes names/ },
  webhookAllowedFrom: {
    values: [
      "Ingress",
      "10.0.0.0/33",
      "10.0.0/8",
      "fd00::/129",
      "10.0.0.0/",
      "/8",
      "fe80::1%eth0/64",
      "10.0.0.0/08",
      "a b",
      "ingress,ingress",
    ],
    expected: /the name of a namespace or a CIDR/,
  },
  ingressTls: { values: ["", "yes", "True"], expected: /true or false/ },
  ingressTlsSecret: { values: ["Not Legal"], expected: /as in Kubernetes names/ },
  ingressAnnotations: { values: [{ a: 1 }, "x", []], expected: /an object/ },
  gatewayHost: { values: ["hooks", "https://x.y", "x.y/z", "*.x.y"], expected: /a host name/ },
  gatewayName: { values: ["Public"], expected: /as in Kubernetes names/ },
  gatewayNamespace: { values: ["Gateways", "a.b"], expected: /1 to 63 lower-case letters/ },
  gatewaySectionName: { values: ["No Section"], expected: /as in Kubernetes names/ },
  gatewayTls: { values: ["", "yes", "True"], expected: /true or false/ },
  eventBusName: { values: ["", "Default"], expected: /lower-case letters/ },
  createEventBus: { values: ["", "1"], expected: /true or false/ },
  eventBusVersion: { values: ["", "2 10"], expected: /a version that Argo Events is configured with/ },
  eventBusReplicas: { values: ["", "0", "2", "11"], expected: /a whole number from 1 to 9|an odd number/ },
  eventBusStorageClass: { values: ["Fast Disk"], expected: /as in Kubernetes names/ },
  eventBusVolumeSize: { values: ["", "10", "10 Gi", "Gi"], expected: /a storage size/ },
  sensorReplicas: { values: ["", "0", "6"], expected: /a whole number from 1 to 5/ },
  sweepSchedule: { values: ["* * * *", "every 5m", "@every 5", "@reboot", "*/0 * * * *"], expected: /five fields/ },
  sweepAfterSeconds: { values: ["", "179", "86401"], expected: /a whole number from 180 to 86400/ },
  stepsImage: {
    values: ["", "no image", "UPPER", "x@sha256:1"],
    expected: /the name of a container image with bash, coreutils, curl, jq/,
  },
  cancelSeconds: { values: ["", "4", "601", "a minute"], expected: /a whole number from 5 to 600/ },
  gateSeconds: { values: ["", "4", "601"], expected: /a whole number from 5 to 600/ },
  stepDeadlineSeconds: { values: ["", "9", "3601", "60"], expected: /a whole number from 10|more than cancelSeconds/ },
  quietSeconds: { values: ["", "-1", "601"], expected: /a whole number from 0 to 600/ },
  pullRequestComments: { values: ["", "no"], expected: /true or false/ },
  argoInstanceId: { values: ["a b", "-prod", "x".repeat(64)], expected: /a label value/ },
  argoServerUrl: {
    values: ["argo", "ftp://argo", "https://argo.example.com?x"],
    expected: /an http or https URL without/,
  },
  retentionDays: { values: ["", "0", "366"], expected: /a whole number from 1 to 365/ },
  deployedSeconds: { values: ["", "9"], expected: /a whole number from 10 to 3600/ },
  prometheusRule: { values: ["", "yes"], expected: /true or false/ },
  prometheusRuleLabels: { values: ["x", { a: 1 }, { "a b": "c" }, { a: "b c" }], expected: /an object/ },
  maxRounds: { values: ["", "0", "21"], expected: /a whole number from 1 to 20/ },
  docsUrl: { values: ["docs", "https://example.com/docs#x"], expected: /an http or https URL/ },
  grafanaDashboard: { values: ["", "yes"], expected: /true or false/ },
  grafanaDashboardLabels: { values: ["x", { a: 1 }, { "a b": "c" }], expected: /an object/ },
};

describe("config", () => {
  it("has a case for each key of Pulumi.yaml, and Pulumi.yaml describes each key", () => {
    assert.deepEqual(Object.keys(badValues).sort(), Object.keys(project.config).sort());
    for (const [key, { description }] of Object.entries(project.config)) {
      assert.ok(description.length > 20, key);
    }
  });

  for (const [key, { values, expected }] of Object.entries(badValues)) {
    it(`refuses a bad ${key}, says what is expected and how to set it [bad-value-${key}]`, async () => {
      for (const value of values) {
        const message = await refusal({ [key]: value });
        const lines = message.split("\n").filter((line) => line.startsWith(`  ${key}: `));
        assert.equal(lines.length, 1, `${JSON.stringify(value)}: ${message}`);
        assert.match(lines[0] ?? "", expected, JSON.stringify(value));
        assert.match(message, new RegExp(`pulumi config (set|rm)( --secret)?( --path)? '?${key}`));
      }
    });
  }

  it("is missing every key where the stack has none and there were no defaults, and says so in one error", async () => {
    const none = Object.fromEntries(Object.keys(project.config).map((key) => [key, undefined]));
    const message = await refusal(none);
    const optional =
      /^(githubInstallationId|argoInstanceId|argoServerUrl|existing|webhookAllowedFrom|ingress(Host|Class|TlsSecret|Annotations)|gateway(Host|Name|Namespace|SectionName)|eventBusStorageClass|sweepSchedule|prometheusRuleLabels|docsUrl|grafanaDashboardLabels)/;
    for (const key of Object.keys(project.config).filter((key) => !optional.test(key))) {
      assert.match(message, new RegExp(`^ {2}${key}: expected .+; got nothing\\.`, "m"), key);
    }
  });

  it("never shows a secret in a message", async () => {
    const message = await refusal({ webhookSecret: "hunter2", githubAppPrivateKey: `${privateKey.slice(0, 300)}` });
    assert.doesNotMatch(message, /hunter2/);
    assert.ok(!message.includes(privateKey.slice(40, 80)));
  });

  it("refuses a secret that stands in the stack's file in plain text", async () => {
    for (const key of secretKeys) {
      const message = await refusal(
        {},
        secretKeys.filter((other) => other !== key),
      );
      assert.match(
        message,
        new RegExp(
          `${key}: expected .*encrypted; got plain text\\.\n *Set it with: .*pulumi config set --secret ${key}`,
        ),
      );
    }
  });

  it("refuses to cancel the pusher, however it is spelled [pusher-in-cancel-list]", async () => {
    for (const agent of ["rex", "REX", "5dlabs-rex", "5DLabs-Rex", "5DLabs_Rex", "5dlabs.rex"]) {
      const message = await refusal({ agentsToCancel: ["5DLabs-Cleo", agent] });
      assert.match(message, /agentsToCancel: expected agents other than the pusher 5DLabs-Rex\[bot\]/, agent);
    }
    assert.deepEqual((await accepted({ agentsToCancel: "5DLabs-Cleo, rexy" })).agentsToCancel, ["5DLabs-Cleo", "rexy"]);
  });

  it("refuses one label to be both the ready label and the hold label, whatever the case", async () => {
    const changes = { readyLabel: "Ready-For-QA", holdLabel: "ready-for-qa" };
    assert.match(
      await refusal(changes),
      /holdLabel: expected a label that is not readyLabel \(Ready-For-QA\), in whatever case; got "ready-for-qa"\.\n *Set it with: pulumi config set holdLabel hold$/m,
    );
  });

  it("refuses repositories that share a label value", async () => {
    const message = await refusal({ repositories: ["a/b-c", "a-b/c"] });
    assert.match(
      message,
      /repositories: expected repositories with distinct label values; a\/b-c and a-b\/c both give a-b-c/,
    );
  });

  it("refuses a misspelt key, and knows the right one", async () => {
    assert.match(
      await refusal({ repositorys: "a/b" }),
      /repositorys: expected a key of this program; did you mean repositories\?/,
    );
    assert.match(await refusal({ Namespace: "a" }), /Namespace: expected .* did you mean namespace\?/);
    assert.doesNotMatch(await refusal({ zzz: "a" }), /did you mean/);
  });

  it("refuses what contradicts an existing EventSource or Secret", async () => {
    const existingEventSource = { name: "github", event: "push" };
    assert.match(
      await refusal({ existingEventSource }),
      /webhookSecret: expected nothing, because existingEventSource is set; got a value/,
    );
    assert.match(
      await refusal({ existingEventSource, webhookSecret: "", ingressHost: "a.b" }),
      /ingressHost: expected nothing, because existingEventSource/,
    );
    assert.match(
      await refusal({ existingEventSource, webhookSecret: "", gatewayHost: "a.b", gatewayName: "public" }),
      /gatewayHost: expected nothing, because existingEventSource/,
    );
    assert.match(
      await refusal({ existingEventSource, webhookSecret: "", existingWebhookSecret: "x" }),
      /existingWebhookSecret: expected nothing, because existingEventSource/,
    );
    assert.match(
      await refusal({ existingEventSource, webhookSecret: "", webhookAllowedFrom: ["ingress"] }),
      /webhookAllowedFrom: expected nothing, because existingEventSource/,
    );
    assert.match(
      await refusal({ existingWebhookSecret: "x" }),
      /webhookSecret: expected nothing, because existingWebhookSecret is set/,
    );
    assert.match(
      await refusal({ existingGithubAppSecret: "x" }),
      /githubAppPrivateKey: expected nothing, because existingGithubAppSecret/,
    );
    assert.match(
      await refusal({ ingressTls: false, ingressTlsSecret: "x" }),
      /ingressTlsSecret: expected nothing while ingressTls is false/,
    );
  });

  it("refuses a Gateway beside an Ingress, without a host, and a host without a Gateway", async () => {
    assert.match(
      await refusal({ ingressHost: "a.b", gatewayHost: "a.b", gatewayName: "public" }),
      /gatewayHost: expected nothing, because ingressHost is set: one way in; got "a\.b"\.\n *.*pulumi config rm gatewayHost$/m,
    );
    assert.match(
      await refusal({ gatewayHost: "a.b" }),
      /gatewayName: expected the name of the Gateway that serves gatewayHost; got nothing\.\n *Set it with: pulumi config set gatewayName public$/m,
    );
    for (const [key, value] of Object.entries({ gatewayName: "x", gatewayNamespace: "x", gatewaySectionName: "x" })) {
      assert.match(
        await refusal({ [key]: value }),
        /gatewayHost: expected a host name, because other gateway keys are set \(x\); got nothing\./,
        key,
      );
    }
  });

  it("has defaults for all but repositories, App id, secrets and image", async () => {
    const { githubApp, webhook, ...rest } = await accepted();
    assert.deepEqual(rest, {
      name: "rex-remediation",
      namespace: "agent-platform",
      push: { pusher: "5DLabs-Rex[bot]", repositories: ["5dlabs/platform"], branchPrefix: "task-" },
      repositoryLabels: { "5dlabs/platform": "5dlabs-platform" },
      agentsToCancel: ["5DLabs-Cleo", "5DLabs-Tess"],
      maxAgentsToCancel: 10,
      codeRuns: {
        group: "agents.platform",
        version: "v1",
        resource: "coderuns",
        taskLabel: "task-id",
        agentLabel: "github-app",
        repositoryLabel: "repository",
        finishedPhases: ["Succeeded", "Failed"],
      },
      mainWorkflows: {
        typeLabel: "workflow-type",
        type: "play-orchestration",
        taskLabel: "task-id",
        stageLabel: "current-stage",
        repositoryLabel: "repository",
        stages: project.config.stages?.default,
        resetStage: "waiting-pr-created",
      },
      pullRequests: { taskLabelPrefix: "task-", readyLabel: "ready-for-qa", holdLabel: "remediation-hold" },
      existingEventSource: undefined,
      eventSourceReplicas: 1,
      sensorReplicas: 1,
      eventBus: { name: "default", created: undefined },
      admissionPolicies: true,
      sweep: { schedule: "*/5 * * * *", afterSeconds: 300 },
      steps: {
        image: "registry.example.com/steps:1",
        cancelSeconds: 60,
        gateSeconds: 60,
        deadlineSeconds: 120,
        quietSeconds: 0,
      },
      pullRequestComments: true,
      argoInstanceId: undefined,
      argoServerUrl: undefined,
      retentionDays: 7,
      deployedSeconds: 180,
      alarms: undefined,
      dashboard: undefined,
    });
    assert.equal(webhook.ingress, undefined);
    assert.equal(webhook.gatewayRoute, undefined);
    assert.deepEqual(webhook.allowedFrom, []);
    assert.deepEqual(
      [githubApp.apiUrl, githubApp.appId, githubApp.installationId],
      ["https://api.github.com", "1234", undefined],
    );
  });

  it("makes alarms and dashboard where they are asked for, and the link to the docs without a slash too many", async () => {
    const { alarms, dashboard } = await accepted({
      prometheusRule: true,
      prometheusRuleLabels: { release: "prometheus" },
      docsUrl: "https://example.com/docs/",
      grafanaDashboard: true,
    });
    assert.deepEqual(alarms, { labels: { release: "prometheus" }, maxRounds: 5, docsUrl: "https://example.com/docs" });
    assert.deepEqual(dashboard, { labels: { grafana_dashboard: "1" } });
  });

  it("hands secrets on as secrets, without the line break at a file's end", async () => {
    const { githubApp, webhook } = await accepted({ webhookSecret: "0123456789abcdef\n" });
    for (const [output, value] of [
      [githubApp.privateKey, privateKey.trimEnd()],
      [webhook.secret, "0123456789abcdef"],
    ] as const) {
      const resolvable = pulumi.output(output);
      assert.equal(await pulumi.isSecret(resolvable), true);
      assert.equal(await resolved(resolvable), value);
    }
  });

  it("leaves one line break out at a secret's end, as an editor of any system leaves it there, and refuses more", async () => {
    // Of \r\n that is piped into it, pulumi config set leaves the \r.
    for (const end of ["\n", "\r\n", "\r"]) {
      const { webhook } = await accepted({ webhookSecret: `0123456789abcdef${end}` });
      assert.equal(await resolved(pulumi.output(webhook.secret)), "0123456789abcdef");
    }
    for (const end of ["\n\n", "\r\n\r\n", " "]) {
      assert.match(
        await refusal({ webhookSecret: `0123456789abcdef${end}` }),
        /webhookSecret: expected at least 16 characters, no spaces; got something else\./,
      );
    }
  });

  it("takes lists as lists or as text with commas, and numbers and booleans as such", async () => {
    const config = await accepted({
      repositories: "5dlabs/platform, 5dlabs/site",
      stages: ["a", "b"],
      resetStage: "b",
      retentionDays: 3,
      createEventBus: true,
      ingressHost: "hooks.example.com",
      ingressAnnotations: { "cert-manager.io/cluster-issuer": "letsencrypt" },
    });
    assert.deepEqual(pulumi.Output.isInstance(config.push) ? undefined : config.push, {
      pusher: "5DLabs-Rex[bot]",
      repositories: ["5dlabs/platform", "5dlabs/site"],
      branchPrefix: "task-",
    });
    assert.equal(config.retentionDays, 3);
    assert.deepEqual(config.eventBus, {
      name: "default",
      created: { version: "latest", replicas: 3, storageClassName: undefined, volumeSize: "10Gi" },
    });
    assert.deepEqual(config.webhook.ingress, {
      host: "hooks.example.com",
      className: undefined,
      tls: true,
      tlsSecretName: undefined,
      annotations: { "cert-manager.io/cluster-issuer": "letsencrypt" },
    });
  });

  it("makes a legal label value of every repository name", () => {
    assert.equal(repositoryLabelValue("5dlabs/platform"), "5dlabs-platform");
    assert.equal(repositoryLabelValue("a/.github"), "a-.github");
    assert.equal(repositoryLabelValue(`a/${"b".repeat(60)}--x`), `a-${"b".repeat(60)}`);
    assert.equal(repositoryLabelValue("a/b_"), "a-b");
  });
});
