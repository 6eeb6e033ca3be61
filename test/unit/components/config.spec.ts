import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { repositoryLabelValue } from "../../../components/labels.ts";
import { readConfig, understand } from "../../../config/config.ts";
import { setAt } from "../../../config/paths.ts";
import type { Problem } from "../../../config/problems.ts";
import { values as schemaValues } from "../../../config/schema.ts";
import { aboutOf } from "../../../config/values.ts";
import { register, resolved } from "../../support/pulumi/mockEngine.ts";
import { errorOf, problemsOf } from "../../support/pulumi/refusal.ts";
import {
  type ConfigChanges,
  type ConfigValue,
  leastConfig,
  privateKey,
  rsaKey,
  secretKeys,
  setStackConfig,
} from "../../support/pulumi/stackConfig.ts";

/** The problems after these changes to a valid configuration: key, what is expected, the bad value and the command. */
async function refused(changes: ConfigChanges, secrets?: string[]): Promise<(string | undefined)[][]> {
  const problems = problemsOf(changes, secrets);
  assert.ok(problems.length > 0, `accepted: ${JSON.stringify(changes)}`);
  return problems.map(({ key, expected, got, command }) => [key, expected, got, command]);
}

/** The only problem after these changes. */
async function problem(changes: ConfigChanges, secrets?: string[]): Promise<Problem> {
  const [first, ...more] = problemsOf(changes, secrets);
  assert.ok(first !== undefined && more.length === 0, JSON.stringify([changes, first, more]));
  return first;
}

async function accepted(changes: ConfigChanges = {}) {
  const { value } = await register(() => {
    setStackConfig(changes);
    return readConfig();
  });
  return value;
}

/** For each key: bad values, and what the message must say about valid ones. */
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
      [1.5 as unknown as string],
      "[",
      "a/b c",
    ],
    expected: /a list of at least 1, no two alike, each a repository as owner\/name/,
  },
  "agents.pusher": {
    values: ["", "5DLabs-Rex", "rex [bot]", "[bot]", "rex.x[bot]", ".*[bot]"],
    expected: /the login of a GitHub App, SLUG\[bot\]/,
  },
  "pullRequest.branchPrefix": {
    values: ["", "task-1", "/task-", "task..", "a//b-", "-task-", "task ", "task-{{x}}", "x".repeat(101)],
    expected: /the beginning of a branch name/,
  },
  "agents.toCancel": {
    values: [[], "", "5DLabs-Cleo,5DLabs-Cleo", ["5DLabs-Cleo", "-x"], "5DLabs-Cleo 5DLabs-Tess"],
    expected: /a list of at least 1.*label value/,
  },
  admissionPolicies: { values: ["", "yes", 1], expected: /true or false/ },
  "agents.maxToCancel": { values: ["", "0", "1001", "ten", "1.5"], expected: /a whole number from 1 to 1000/ },
  "codeRun.group": {
    values: ["", "Agents.platform", "agents..platform"],
    expected: /lower-case letters, digits, dashes and dots/,
  },
  "codeRun.version": { values: ["", "1", "v0", "v1gamma1"], expected: /a Kubernetes API version/ },
  "codeRun.resource": { values: ["", "CodeRuns", "code runs"], expected: /lower-case letters/ },
  "codeRun.taskLabel": { values: ["", "task id", "/x", "a/b/c", "A.b_/x"], expected: /a label key/ },
  "codeRun.agentLabel": { values: ["", "agent$"], expected: /a label key/ },
  "codeRun.repositoryLabel": { values: ["", "x".repeat(64)], expected: /a label key/ },
  "codeRun.finishedPhases": {
    values: [[], "", "a,A", "a b"],
    expected: /a list of at least 1.*value of status\.phase/,
  },
  "pullRequest.taskLabelPrefix": {
    values: ["", "task-1", " task-", "{{", "x".repeat(41), "a\u0007"],
    expected: /the beginning of a pull request label/,
  },
  "pullRequest.readyLabel": {
    values: ["", " ready", "ready\n", "{{x}}", "x".repeat(51)],
    expected: /a pull request label of at most 50/,
  },
  "pullRequest.holdLabel": {
    values: ["", "hold ", "{{x}}", "x".repeat(51), "ready-for-qa"],
    expected: /a pull request label of at most 50|a label other than readyLabel \(ready-for-qa\)/,
  },
  "mainWorkflow.typeLabel": { values: ["", "a b"], expected: /a label key/ },
  "mainWorkflow.type": { values: ["", "a b", "x".repeat(64)], expected: /a label value/ },
  "mainWorkflow.taskLabel": { values: ["", "a b"], expected: /a label key/ },
  "mainWorkflow.stageLabel": { values: ["", "a b"], expected: /a label key/ },
  "mainWorkflow.repositoryLabel": { values: ["", "a b"], expected: /a label key/ },
  "mainWorkflow.stages": {
    values: [[], "waiting-pr-created", "a,a", "a b,c"],
    expected: /a list of at least 2.*label value/,
  },
  "mainWorkflow.resetStage": {
    values: ["", "waiting"],
    expected: /a label value|one of stages \(.*waiting-pr-created/,
  },
  "githubApp.apiUrl": {
    values: ["", "api.github.com", "ftp://x", "https://user:pw@x", "https://x?y", "https://x/#y", "https://x/{{y}}"],
    expected: /an http or https URL without user, query or fragment/,
  },
  "githubApp.id": {
    values: ["", " ", "0", "Iv1.abc", "-1", "012", "1.5", "1e3", "rex"],
    expected: /a positive whole number/,
  },
  "githubApp.installationId": { values: ["x", "0"], expected: /a positive whole number/ },
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
  "githubApp.existingSecret": { values: ["No_Secret"], expected: /as in Kubernetes names/ },
  webhookSecret: {
    values: ["", "\n", " ".repeat(32), "short", "0123456789abcde", "with spaces in between it"],
    expected: /at least 16 characters, no spaces/,
  },
  "webhook.existingSecret": { values: ["No_Secret"], expected: /as in Kubernetes names/ },
  "existingEventSource.name": { values: ["X"], expected: /1 to 63 lower-case letters|both name and event/ },
  "existingEventSource.event": { values: ["X"], expected: /1 to 63 lower-case letters|both name and event/ },
  "argo.eventSourceReplicas": { values: ["", "0", "21", "one", "1.5"], expected: /a whole number from 1 to 20/ },
  "ingress.host": { values: ["hooks", "https://x.y", "x.y/z", "*.x.y"], expected: /a host name/ },
  "ingress.className": { values: ["Nginx"], expected: /as in Kubernetes names/ },
  "webhook.allowedFrom": {
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
  "ingress.tls": { values: ["", "yes", "True"], expected: /true or false/ },
  "ingress.tlsSecretName": { values: ["Not Legal"], expected: /as in Kubernetes names/ },
  "ingress.annotations": { values: [{ a: [] }, "x", []], expected: /an object/ },
  "gateway.host": { values: ["hooks", "https://x.y", "x.y/z", "*.x.y"], expected: /a host name/ },
  "gateway.name": { values: ["Public"], expected: /as in Kubernetes names/ },
  "gateway.namespace": { values: ["Gateways", "a.b"], expected: /1 to 63 lower-case letters/ },
  "gateway.sectionName": { values: ["No Section"], expected: /as in Kubernetes names/ },
  "gateway.tls": { values: ["", "yes", "True"], expected: /true or false/ },
  "eventBus.name": { values: ["", "Default"], expected: /lower-case letters/ },
  "eventBus.create": { values: ["", "1"], expected: /true or false/ },
  "eventBus.version": { values: ["", "2 10"], expected: /a version that Argo Events is configured with/ },
  "eventBus.replicas": { values: ["", "0", "2", "11"], expected: /a whole number from 1 to 9|an odd number/ },
  "eventBus.storageClassName": { values: ["Fast Disk"], expected: /as in Kubernetes names/ },
  "eventBus.volumeSize": { values: ["", "10", "10 Gi", "Gi"], expected: /a storage size/ },
  "argo.sensorReplicas": { values: ["", "0", "6"], expected: /a whole number from 1 to 5/ },
  "sweep.schedule": { values: ["* * * *", "every 5m", "@every 5", "@reboot", "*/0 * * * *"], expected: /five fields/ },
  "sweep.afterSeconds": { values: ["", "179", "86401"], expected: /a whole number from 180 to 86400/ },
  "steps.image": {
    values: ["", "no image", "UPPER", "x@sha256:1"],
    expected: /the name of a container image with bash, coreutils, curl, jq/,
  },
  "steps.cancelTimeoutSeconds": { values: ["", "4", "601", "a minute"], expected: /a whole number from 5 to 600/ },
  "steps.gateTimeoutSeconds": { values: ["", "4", "601"], expected: /a whole number from 5 to 600/ },
  "steps.stepTimeoutSeconds": {
    values: ["", "9", "3601", "60"],
    expected: /a whole number from 10|more than cancelTimeoutSeconds/,
  },
  "steps.debounceSeconds": { values: ["", "-1", "601"], expected: /a whole number from 0 to 600/ },
  "pullRequest.comments": { values: ["", "no"], expected: /true or false/ },
  "argo.instanceId": { values: ["a b", "-prod", "x".repeat(64)], expected: /a label value/ },
  "argo.serverUrl": {
    values: ["argo", "ftp://argo", "https://argo.example.com?x"],
    expected: /an http or https URL without/,
  },
  "argo.retentionDays": { values: ["", "0", "366"], expected: /a whole number from 1 to 365/ },
  "argo.maxConcurrentRemediations": { values: ["", "0", "101"], expected: /a whole number from 1 to 100/ },
  "argo.deployTimeoutSeconds": { values: ["", "9"], expected: /a whole number from 10 to 3600/ },
  "alarms.enabled": { values: ["", "yes"], expected: /true or false/ },
  "alarms.labels": { values: ["x", { a: {} }, { "a b": "c" }, { a: "b c" }], expected: /an object/ },
  "alarms.maxRounds": { values: ["", "0", "21"], expected: /a whole number from 1 to 20/ },
  "alarms.docsUrl": { values: ["docs", "https://example.com/docs#x"], expected: /an http or https URL/ },
  "dashboard.enabled": { values: ["", "yes"], expected: /true or false/ },
  "dashboard.labels": { values: ["x", { a: {} }, { "a b": "c" }], expected: /an object/ },
};

describe("config", () => {
  it("has a test case and a description for each key of the schema", () => {
    assert.deepEqual(Object.keys(badValues).sort(), [...schemaValues.keys()].sort());
    for (const [key, value] of schemaValues) {
      assert.match(aboutOf(value).means, /^[A-Z].*\.$/s, key);
    }
  });

  for (const [key, { values, expected }] of Object.entries(badValues)) {
    it(`refuses a bad ${key}, and says what is expected and how to set it [bad-value-${key}]`, async () => {
      for (const value of values) {
        const found = problemsOf({ [key]: value }).filter((one) => one.key === key);
        assert.equal(found.length, 1, `${JSON.stringify(value)}: ${JSON.stringify(found)}`);
        assert.match(found[0]?.expected ?? "", expected, JSON.stringify(value));
        assert.match(found[0]?.command ?? "", new RegExp(`pulumi config (set|rm)( --secret)?( --path)? '?${key}`));
      }
    });
  }

  it("suggests a valid value for each bad value", async function () {
    this.timeout(120_000);
    for (const [key, { values }] of Object.entries(badValues)) {
      for (const value of values) {
        const { command = "", expected } = problemsOf({ [key]: value }).find((one) => one.key === key) ?? {};
        const [, path = "", text = ""] = /^pulumi config set (?:--path )?(\S+) '?(.*?)'?$/.exec(command) ?? [];
        if (path !== key) continue;
        const again = problemsOf({ [key]: text });
        assert.deepEqual(
          again.filter((one) => one.key === key && one.expected === expected),
          [],
          command,
        );
      }
    }
  });

  it("suggests the valid value nearest to a bad number, or else the default, but not the minimum", async () => {
    for (const [key, value, offered] of [
      ["steps.cancelTimeoutSeconds", "601", "600"],
      ["steps.cancelTimeoutSeconds", 4, "5"],
      ["steps.cancelTimeoutSeconds", "1.5", "5"],
      ["steps.cancelTimeoutSeconds", "a minute", "60"],
      ["sweep.afterSeconds", "", "300"],
      ["pullRequest.comments", "False", "false"],
      ["pullRequest.comments", "no", "true"],
      ["namespace", "Agents", "agents"],
      ["namespace", "agents.platform", "agent-platform"],
      ["repositories", "acme/shop,x", "acme/shop"],
      ["agents.toCancel", ["-x"], "5DLabs-Cleo,5DLabs-Tess"],
      ["mainWorkflow.resetStage", "waiting-pr-creatd", "waiting-pr-created"],
      ["eventBus.replicas", 4, "5"],
    ] as const) {
      const { command } = await problem({ [key]: value as ConfigValue });
      const path = key.includes(".") ? `--path ${key}` : key;
      assert.equal(command, `pulumi config set ${path} ${offered}`, `${key}: ${value}`);
    }
  });

  it("lists all problems in one error, as text and as data", async () => {
    const error = await errorOf({ namespace: "No", "steps.gateTimeoutSeconds": 1, "githubApp.id": undefined });
    assert.ok(pulumi.RunError.isInstance(error));
    assert.deepEqual(error?.problems, [
      {
        key: "namespace",
        expected: "1 to 63 lower-case letters, digits and dashes, no dash at either end",
        got: '"No"',
        command: "pulumi config set namespace no",
      },
      {
        key: "githubApp.id",
        expected: "a positive whole number",
        got: undefined,
        command: "pulumi config set --path githubApp.id 123456",
      },
      {
        key: "steps.gateTimeoutSeconds",
        expected: "a whole number from 5 to 600",
        got: "1",
        command: "pulumi config set --path steps.gateTimeoutSeconds 5",
      },
    ]);
    assert.equal(
      error?.message,
      `3 values of the stack's configuration cannot be used. docs/configuration.md describes every key.
  namespace: expected 1 to 63 lower-case letters, digits and dashes, no dash at either end; got "No".
      Set it with: pulumi config set namespace no
  githubApp.id: expected a positive whole number; got nothing.
      Set it with: pulumi config set --path githubApp.id 123456
  steps.gateTimeoutSeconds: expected a whole number from 5 to 600; got 1.
      Set it with: pulumi config set --path steps.gateTimeoutSeconds 5`,
    );
  });

  it("lists in one error exactly the keys without a default if the stack is empty", async () => {
    const none = Object.fromEntries(Object.keys(leastConfig).map((key) => [key, undefined]));
    const missing = problemsOf(none).map(({ key, got }) => [key, got]);
    assert.deepEqual(
      missing.sort(),
      Object.keys(leastConfig)
        .map((key) => [key, undefined])
        .sort(),
    );
    const values = {};
    for (const [key, value] of Object.entries(leastConfig)) setAt(values, key, value);
    assert.deepEqual(understand({ values }).problems, []);
  });

  it("never shows a secret in a message", async () => {
    const text = JSON.stringify(
      problemsOf({ webhookSecret: "hunter2", githubAppPrivateKey: `${privateKey.slice(0, 300)}` }),
    );
    assert.doesNotMatch(text, /hunter2/);
    assert.ok(!text.includes(privateKey.slice(40, 80)));
  });

  it("refuses a secret in plain text", async () => {
    for (const key of secretKeys) {
      const encrypted = secretKeys.filter((other) => other !== key);
      const { expected, got, command } = await problem({}, encrypted);
      assert.match(expected, /, encrypted$/);
      assert.equal(got, "plain text");
      assert.ok(command.includes(`pulumi config set --secret ${key}`), command);
    }
  });

  it("refuses a group that is not an object, and says which fields it has", async () => {
    assert.deepEqual(await refused({ sweep: "never" }), [
      ["sweep", "an object of schedule, afterSeconds", '"never"', "pulumi config rm sweep"],
    ]);
    assert.deepEqual((await refused({ sweep: ["x"] }))[0]?.[0], "sweep");
  });

  it("refuses to cancel the pusher, however it is spelled [pusher-in-cancel-list]", async () => {
    for (const agent of ["rex", "REX", "5dlabs-rex", "5DLabs-Rex", "5DLabs_Rex", "5dlabs.rex"]) {
      assert.deepEqual(await refused({ "agents.toCancel": ["5DLabs-Cleo", agent] }), [
        [
          "agents.toCancel",
          `agents other than the pusher 5DLabs-Rex[bot]; ${agent} would cancel the agent that pushed`,
          `5DLabs-Cleo,${agent}`,
          "pulumi config set --path agents.toCancel 5DLabs-Cleo",
        ],
      ]);
    }
    assert.deepEqual((await accepted({ "agents.toCancel": "5DLabs-Cleo, rexy" })).agents.toCancel, [
      "5DLabs-Cleo",
      "rexy",
    ]);
  });

  it("refuses the same label as ready label and hold label, ignoring case", async () => {
    assert.deepEqual(
      await refused({ "pullRequest.readyLabel": "Ready-For-QA", "pullRequest.holdLabel": "ready-for-qa" }),
      [
        [
          "pullRequest.holdLabel",
          "a label other than readyLabel (Ready-For-QA), ignoring case",
          '"ready-for-qa"',
          "pulumi config set --path pullRequest.holdLabel remediation-hold",
        ],
      ],
    );
  });

  it("refuses a reset stage that is not among the stages", async () => {
    assert.deepEqual(await refused({ "mainWorkflow.stages": "a,b", "mainWorkflow.resetStage": "c" }), [
      ["mainWorkflow.resetStage", "one of stages (a, b)", '"c"', "pulumi config set --path mainWorkflow.resetStage a"],
    ]);
  });

  it("refuses a step timeout that is not longer than the waits inside the step", async () => {
    for (const wait of ["steps.cancelTimeoutSeconds", "steps.gateTimeoutSeconds"]) {
      const { key, got, command } = await problem({ [wait]: 120 });
      assert.deepEqual(
        [key, got, command],
        ["steps.stepTimeoutSeconds", "120", "pulumi config set --path steps.stepTimeoutSeconds 240"],
      );
    }
  });

  it("refuses repositories that share a label value", async () => {
    assert.deepEqual(await refused({ repositories: ["a/b-c", "x/y", "a-b/c"] }), [
      [
        "repositories",
        "repositories with distinct label values; a/b-c and a-b/c both give a-b-c",
        "a-b/c",
        "pulumi config set repositories a/b-c,x/y",
      ],
    ]);
  });

  it("skips a rule about several keys if one of them is bad by itself", async () => {
    const keys = async (changes: ConfigChanges) => problemsOf(changes).map(({ key }) => key);
    assert.deepEqual(await keys({ "mainWorkflow.stages": "a b", "mainWorkflow.resetStage": "c" }), [
      "mainWorkflow.stages",
    ]);
    assert.deepEqual(await keys({ steps: "x", "githubApp.existingSecret": "A", githubAppPrivateKey: "" }), [
      "githubApp.existingSecret",
      "steps",
    ]);
  });

  it("refuses a misspelt key, even inside an object, and suggests the right one", async () => {
    for (const [key, advice] of [
      ["repositorys", "Did you mean repositories? Remove it with"],
      ["Namespace", "Did you mean namespace? Remove it with"],
      ["stepsImage", "Did you mean steps.image? Remove it with"],
      ["steps.cancelSeconds", "Did you mean steps.cancelTimeoutSeconds? Remove it with"],
      ["githubApp.privateKey", "Did you mean githubAppPrivateKey? Remove it with"],
      ["zzz", "Remove it with"],
    ] as const) {
      assert.deepEqual(problemsOf({ [key]: "a/b" }), [
        {
          key,
          expected: "a key of this program",
          got: "an unknown key",
          command: `pulumi config rm ${key.includes(".") ? "--path " : ""}${key}`,
          advice,
        },
      ]);
    }
  });

  const existingEventSource = { name: "github", event: "push" };
  for (const [what, changes, key, expected, command] of [
    [
      "a webhook secret beside an existing EventSource",
      { existingEventSource },
      "webhookSecret",
      "nothing, because existingEventSource is set",
      "pulumi config rm webhookSecret",
    ],
    [
      "an Ingress beside an existing EventSource",
      { existingEventSource, webhookSecret: "", "ingress.host": "a.b" },
      "ingress.host",
      "nothing, because the owner of existingEventSource exposes it",
      "pulumi config rm --path ingress.host",
    ],
    [
      "a Gateway beside an existing EventSource",
      { existingEventSource, webhookSecret: "", "gateway.host": "a.b", "gateway.name": "public" },
      "gateway.host",
      "nothing, because the owner of existingEventSource exposes it",
      "pulumi config rm --path gateway.host",
    ],
    [
      "a NetworkPolicy beside an existing EventSource",
      { existingEventSource, webhookSecret: "", "webhook.allowedFrom": ["ingress"] },
      "webhook.allowedFrom",
      "nothing, because the owner of existingEventSource exposes it",
      "pulumi config rm --path webhook.allowedFrom",
    ],
    [
      "a Secret of the webhook beside an existing EventSource",
      { existingEventSource, webhookSecret: "", "webhook.existingSecret": "x" },
      "webhook.existingSecret",
      "nothing, because existingEventSource has its own secret",
      "pulumi config rm --path webhook.existingSecret",
    ],
    [
      "an existing EventSource without an event",
      { existingEventSource: { name: "github" }, webhookSecret: "" },
      "existingEventSource.event",
      "both name and event of the EventSource",
      "pulumi config set --path existingEventSource.event push",
    ],
    [
      "a webhook secret beside a Secret that has it",
      { "webhook.existingSecret": "x" },
      "webhookSecret",
      "nothing, because webhook.existingSecret is set",
      "pulumi config rm webhookSecret",
    ],
    [
      "a private key beside a Secret that has it",
      { "githubApp.existingSecret": "x" },
      "githubAppPrivateKey",
      "nothing, because githubApp.existingSecret is set",
      "pulumi config rm githubAppPrivateKey",
    ],
    [
      "a certificate without TLS",
      { "ingress.tls": false, "ingress.tlsSecretName": "x" },
      "ingress.tlsSecretName",
      "nothing, because ingress.tls is false",
      "pulumi config rm --path ingress.tlsSecretName",
    ],
    [
      "a Gateway beside an Ingress",
      { "ingress.host": "a.b", "gateway.host": "a.b", "gateway.name": "public" },
      "gateway.host",
      "nothing, because ingress.host is set, and only one of the two may be",
      "pulumi config rm --path gateway.host",
    ],
    [
      "a host without a Gateway",
      { "gateway.host": "a.b" },
      "gateway.name",
      "the name of the Gateway that serves gateway.host",
      "pulumi config set --path gateway.name public",
    ],
    ...["name", "namespace", "sectionName"].map((field) => [
      `the ${field} of a Gateway without a host`,
      { [`gateway.${field}`]: "x" },
      "gateway.host",
      "a host name, because other keys of gateway are set (x)",
      "pulumi config set --path gateway.host hooks.example.com",
    ]),
  ] as [string, ConfigChanges, string, string, string][]) {
    it(`refuses ${what}`, async () => {
      const found = await problem(changes);
      assert.deepEqual([found.key, found.expected, found.command], [key, expected, command]);
    });
  }

  it("has defaults for everything except repositories, App id, secrets and image", async () => {
    const { githubAppPrivateKey: _, webhookSecret: __, ...rest } = await accepted();
    assert.deepEqual(rest, {
      name: "rex-remediation",
      namespace: "agent-platform",
      repositories: ["5dlabs/platform"],
      agents: { pusher: "5DLabs-Rex[bot]", toCancel: ["5DLabs-Cleo", "5DLabs-Tess"], maxToCancel: 10 },
      codeRun: {
        group: "agents.platform",
        version: "v1",
        resource: "coderuns",
        taskLabel: "task-id",
        agentLabel: "github-app",
        repositoryLabel: "repository",
        finishedPhases: ["Succeeded", "Failed"],
      },
      pullRequest: {
        branchPrefix: "task-",
        taskLabelPrefix: "task-",
        readyLabel: "ready-for-qa",
        holdLabel: "remediation-hold",
        comments: true,
      },
      mainWorkflow: {
        typeLabel: "workflow-type",
        type: "play-orchestration",
        taskLabel: "task-id",
        stageLabel: "current-stage",
        repositoryLabel: "repository",
        stages: [
          "implementation-in-progress",
          "waiting-pr-created",
          "quality-in-progress",
          "waiting-ready-for-qa",
          "testing-in-progress",
          "waiting-pr-approved",
        ],
        resetStage: "waiting-pr-created",
      },
      githubApp: {
        id: "1234",
        installationId: undefined,
        apiUrl: "https://api.github.com",
        existingSecret: undefined,
      },
      webhook: { existingSecret: undefined, allowedFrom: [] },
      existingEventSource: undefined,
      ingress: undefined,
      gateway: undefined,
      eventBus: {
        name: "default",
        create: false,
        version: "latest",
        replicas: 3,
        storageClassName: undefined,
        volumeSize: "10Gi",
      },
      argo: {
        eventSourceReplicas: 1,
        sensorReplicas: 1,
        deployTimeoutSeconds: 180,
        retentionDays: 7,
        maxConcurrentRemediations: 10,
        instanceId: undefined,
        serverUrl: undefined,
      },
      admissionPolicies: true,
      steps: {
        image: "registry.example.com/steps:1",
        cancelTimeoutSeconds: 60,
        gateTimeoutSeconds: 60,
        stepTimeoutSeconds: 120,
        debounceSeconds: 0,
      },
      sweep: { schedule: "*/5 * * * *", afterSeconds: 300 },
      alarms: undefined,
      dashboard: undefined,
    });
  });

  it("fills in missing fields of an object, and treats empty fields as not set", async () => {
    const { steps, sweep } = await accepted({
      steps: { image: "x:1", gateTimeoutSeconds: 30 },
      sweep: { schedule: "" },
    });
    assert.deepEqual(steps, {
      image: "x:1",
      cancelTimeoutSeconds: 60,
      gateTimeoutSeconds: 30,
      stepTimeoutSeconds: 120,
      debounceSeconds: 0,
    });
    assert.equal(sweep, undefined);
    assert.deepEqual((await accepted({ sweep: { afterSeconds: 400 } })).sweep, {
      schedule: "*/5 * * * *",
      afterSeconds: 400,
    });
  });

  it("configures alarms and dashboard if they are enabled, and drops a trailing slash of docsUrl", async () => {
    const { alarms, dashboard } = await accepted({
      "alarms.enabled": true,
      "alarms.labels": { release: "prometheus" },
      "alarms.docsUrl": "https://example.com/docs/",
      "dashboard.enabled": true,
    });
    assert.deepEqual(
      [alarms?.labels, alarms?.maxRounds, alarms?.docsUrl],
      [{ release: "prometheus" }, 5, "https://example.com/docs"],
    );
    assert.deepEqual(dashboard?.labels, { grafana_dashboard: "1" });
  });

  it("passes secrets on as secrets, without the line break at the end", async () => {
    const { githubAppPrivateKey, webhookSecret } = await accepted({ webhookSecret: "0123456789abcdef\n" });
    for (const [output, value] of [
      [githubAppPrivateKey, privateKey.trimEnd()],
      [webhookSecret, "0123456789abcdef"],
    ] as const) {
      const resolvable = pulumi.output(output);
      assert.equal(await pulumi.isSecret(resolvable), true);
      assert.equal(await resolved(resolvable), value);
    }
  });

  it("removes one line break of any system at the end of a secret, and refuses more", async () => {
    // If a value with \r\n at its end is piped into it, pulumi config set keeps the \r.
    for (const end of ["\n", "\r\n", "\r"]) {
      const { webhookSecret } = await accepted({ webhookSecret: `0123456789abcdef${end}` });
      assert.equal(await resolved(pulumi.output(webhookSecret)), "0123456789abcdef");
    }
    for (const end of ["\n\n", "\r\n\r\n", " "]) {
      const { expected, got } = await problem({ webhookSecret: `0123456789abcdef${end}` });
      assert.deepEqual([expected, got], ["at least 16 characters, no spaces", "something else"]);
    }
  });

  it("accepts lists and text with commas, and the values that pulumi config set --path converts", async () => {
    const config = await accepted({
      repositories: "5dlabs/platform, 5dlabs/site",
      "mainWorkflow.stages": "a,b",
      "mainWorkflow.resetStage": "b",
      "githubApp.id": 4711,
      "pullRequest.readyLabel": true,
      "argo.retentionDays": "3",
      "eventBus.create": "true",
      "ingress.host": "hooks.example.com",
      "ingress.annotations": { "cert-manager.io/cluster-issuer": "letsencrypt", weight: 1 },
    });
    assert.deepEqual(config.repositories, ["5dlabs/platform", "5dlabs/site"]);
    assert.deepEqual(config.mainWorkflow.stages, ["a", "b"]);
    assert.deepEqual(
      [config.githubApp.id, config.pullRequest.readyLabel, config.argo.retentionDays, config.eventBus.create],
      ["4711", "true", 3, true],
    );
    assert.deepEqual(config.ingress, {
      host: "hooks.example.com",
      className: undefined,
      tls: true,
      tlsSecretName: undefined,
      annotations: { "cert-manager.io/cluster-issuer": "letsencrypt", weight: "1" },
    });
    // The original text of such a number cannot be recovered.
    assert.equal((await problem({ "eventBus.version": 2.1 })).got, "2.1");
  });

  it("reads a file with values that only Pulumi can decrypt, and replaces bad values with the default", () => {
    const { config, problems } = understand({
      values: { repositories: ["a/b"], githubApp: { id: 1 }, steps: { gateTimeoutSeconds: "1m", debounceSeconds: 5 } },
      encrypted: ["webhookSecret", "githubAppPrivateKey"],
      unreadable: ["webhookSecret", "githubAppPrivateKey", "steps.image", "mainWorkflow"],
    });
    assert.deepEqual(
      problems.map(({ key }) => key),
      ["steps.gateTimeoutSeconds"],
    );
    assert.deepEqual([config.steps.gateTimeoutSeconds, config.steps.debounceSeconds], [60, 5]);
  });

  it("sets a value at the place where pulumi config set --path sets it", () => {
    const values: Record<string, unknown> = { ingress: '{"tls":false}', repositories: ["a/b"] };
    setAt(values, "ingress.host", "a.b");
    setAt(values, 'ingress.annotations["a.b/c"]', "d");
    setAt(values, "repositories[1]", "c/d");
    setAt(values, "stages[0]", "x");
    setAt(values, "name", "rex");
    assert.deepEqual(values, {
      ingress: { tls: false, host: "a.b", annotations: { "a.b/c": "d" } },
      repositories: ["a/b", "c/d"],
      stages: ["x"],
      name: "rex",
    });
    setAt(values, "ingress.tls", undefined);
    assert.deepEqual(values.ingress, { host: "a.b", annotations: { "a.b/c": "d" } });
  });

  it("turns every repository name into a valid label value", () => {
    assert.equal(repositoryLabelValue("5dlabs/platform"), "5dlabs-platform");
    assert.equal(repositoryLabelValue("a/.github"), "a-.github");
    assert.equal(repositoryLabelValue(`a/${"b".repeat(60)}--x`), `a-${"b".repeat(60)}`);
    assert.equal(repositoryLabelValue("a/b_"), "a-b");
  });
});
