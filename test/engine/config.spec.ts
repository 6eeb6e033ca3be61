import assert from "node:assert/strict";
import { leastConfig, project } from "../support/pulumi/stackConfig.ts";
import { freshName, StackRun } from "../support/pulumi/stackRun.ts";

/** For each key, a value that no stack can use, and a piece of what the message has to expect instead. */
const bad: Record<string, [string | undefined, string]> = {
  name: ["Rex", "1 to 24 lower-case letters, digits and dashes"],
  namespace: ["No", "1 to 63 lower-case letters"],
  repositories: ["platform", "a repository as owner/name"],
  pusher: ["rex", "the login of a GitHub App, SLUG[bot]"],
  taskBranchPrefix: ["task-1", "the beginning of a branch name"],
  agentsToCancel: ["-", "a label value"],
  maxAgentsToCancel: ["0", "a whole number from 1 to 1000"],
  codeRunGroup: ["No", "as in Kubernetes names"],
  codeRunVersion: ["1", "a Kubernetes API version"],
  codeRunResource: ["No", "lower-case letters"],
  codeRunTaskLabel: ["a b", "a label key"],
  codeRunAgentLabel: ["a b", "a label key"],
  codeRunRepositoryLabel: ["a b", "a label key"],
  codeRunFinishedPhases: ["a b", "a value of status.phase"],
  taskLabelPrefix: ["task-1", "the beginning of a pull request label"],
  readyLabel: ["{{x}}", "a pull request label of at most 50 characters"],
  holdLabel: ["{{y}}", "a pull request label of at most 50 characters"],
  mainWorkflowTypeLabel: ["a b", "a label key"],
  mainWorkflowType: ["a b", "a label value"],
  mainWorkflowTaskLabel: ["a b", "a label key"],
  mainWorkflowStageLabel: ["a b", "a label key"],
  mainWorkflowRepositoryLabel: ["a b", "a label key"],
  stages: ["a b,c", "a label value"],
  resetStage: ["a b", "a label value"],
  githubApiUrl: ["github", "an http or https URL"],
  githubAppId: ["Iv1", "a positive whole number"],
  githubInstallationId: ["x", "a positive whole number"],
  githubAppPrivateKey: ["no key", "an unencrypted RSA private key of at least 2048 bits"],
  existingGithubAppSecret: [undefined, ""],
  webhookSecret: ["short", "at least 16 characters"],
  existingWebhookSecret: [undefined, ""],
  existingEventSource: ['["x"]', "an object"],
  eventSourceReplicas: ["none", "a whole number from 1 to 20"],
  ingressHost: ["https://x.y", "a host name"],
  ingressClass: ["No", "as in Kubernetes names"],
  ingressTls: ["maybe", "true or false"],
  ingressTlsSecret: ["No", "as in Kubernetes names"],
  ingressAnnotations: ["x", "an object"],
  gatewayHost: ["https://x.y", "a host name"],
  gatewayName: ["No", "as in Kubernetes names"],
  gatewayNamespace: ["No", "lower-case letters"],
  gatewaySectionName: ["No", "as in Kubernetes names"],
  gatewayTls: ["maybe", "true or false"],
  webhookAllowedFrom: ["10.0.0.0/33", "the name of a namespace or a CIDR"],
  eventBusName: ["No", "lower-case letters"],
  createEventBus: ["maybe", "true or false"],
  eventBusVersion: ["a b", "a version that Argo Events is configured with"],
  eventBusReplicas: ["2", "an odd number"],
  eventBusStorageClass: ["No", "as in Kubernetes names"],
  eventBusVolumeSize: ["big", "a storage size"],
  sensorReplicas: ["0", "a whole number from 1 to 5"],
  admissionPolicies: ["maybe", "true or false"],
  stepsImage: ["No Image", "the name of a container image with bash"],
  cancelSeconds: ["1", "a whole number from 5 to 600"],
  gateSeconds: ["1", "a whole number from 5 to 600"],
  stepDeadlineSeconds: ["1", "a whole number from 10 to 3600"],
  sweepSchedule: ["now", "five fields as cron has them"],
  sweepAfterSeconds: ["60", "a whole number from 180 to 86400"],
  quietSeconds: ["601", "a whole number from 0 to 600"],
  pullRequestComments: ["perhaps", "true or false"],
  argoInstanceId: ["a b", "a label value"],
  argoServerUrl: ["argo", "an http or https URL"],
  retentionDays: ["0", "a whole number from 1 to 365"],
  deployedSeconds: ["soon", "a whole number from 10 to 3600"],
  prometheusRule: ["perhaps", "true or false"],
  prometheusRuleLabels: ['{"a b": "c"}', "an object of labels"],
  maxRounds: ["21", "a whole number from 1 to 20"],
  docsUrl: ["docs", "an http or https URL"],
  grafanaDashboard: ["perhaps", "true or false"],
  grafanaDashboardLabels: ["x", "an object"],
};

describe("pulumi preview, with a configuration that cannot be used", function () {
  this.timeout(60_000);
  let stack: StackRun;

  before(function () {
    if (!StackRun.possible()) {
      console.log("      not run: there is no pulumi; dev/cluster/build makes it");
      this.skip();
    }
    stack = new StackRun(freshName());
  });
  after(() => stack?.remove());

  /** What the preview says of each key: the key, what is expected, what it got. */
  async function refused(config: Record<string, string | undefined>) {
    const { exitCode, stderr } = await stack.run("preview", { config });
    assert.notEqual(exitCode, 0, stderr);
    assert.doesNotMatch(stderr, /kubernetes:/, "a resource was registered");
    assert.doesNotMatch(stderr, /\.ts:\d+:\d+/, "a stack trace was shown");
    return stderr;
  }

  it("names each bad key in one error, with what is expected and the command that sets it", async () => {
    assert.deepEqual(Object.keys(bad).sort(), Object.keys(project.config).sort());
    const values = Object.fromEntries(Object.entries(bad).map(([key, [value]]) => [key, value]));
    const message = await refused(values);
    for (const [key, [value, expected]] of Object.entries(bad).filter(([, [value]]) => value !== undefined)) {
      const [line, command] = message.slice(message.indexOf(`  ${key}: `)).split("\n");
      assert.ok(line?.includes(`${key}: expected `) && line.includes(expected), `${key}=${value}: ${line}`);
      assert.match(command ?? "", new RegExp(`pulumi config (set|rm)( --secret| --path)? '?${key}`), key);
    }
    assert.ok(!message.includes("no key") && !message.includes("short"), "a secret was shown");
  });

  it("names each missing key in one error", async () => {
    const message = await refused(Object.fromEntries(Object.keys(leastConfig).map((key) => [key, undefined])));
    for (const key of Object.keys(leastConfig)) {
      assert.match(message, new RegExp(`${key}: expected .*; got nothing\\.`), key);
    }
  });

  it("names the existing Secrets' keys", async () => {
    const message = await refused({ existingGithubAppSecret: "No", existingWebhookSecret: "No" });
    for (const key of ["existingGithubAppSecret", "existingWebhookSecret"]) {
      assert.match(message, new RegExp(`${key}: expected .*as in Kubernetes names; got "No"\\.`), key);
    }
  });

  it("names a misspelt key", async () => {
    assert.match(
      await refused({ repositorys: "a/b" }),
      /repositorys: expected a key of this program; did you mean repositories\?/,
    );
  });
});
