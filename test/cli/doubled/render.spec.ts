import { deepEqual, equal, match } from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { type Manifest, manifests } from "../../support/pulumi/manifests.ts";
import { callTool, runTool, type ToolResult } from "../../support/tool.ts";

const installedAt = "2026-01-31T12:00:00Z";

/** A stack's file, with encrypted secrets that nobody can decrypt. */
const stack: Record<string, unknown> = {
  "rex-remediation:repositories": ["5dlabs/platform"],
  "rex-remediation:githubApp": { id: "1234" },
  "rex-remediation:steps": { image: "registry.example.com/steps:1" },
  "rex-remediation:ingress": { host: "hooks.example.com" },
  "rex-remediation:eventBus": { create: true },
  "rex-remediation:githubAppPrivateKey": { secure: "v1:AAAA:BBBB" },
  "rex-remediation:webhookSecret": { secure: "v1:CCCC:DDDD" },
  "kubernetes:context": "production",
};

/** The same configuration for the program under mocks, with existing Secrets as for `render`. */
const sameConfig = {
  "ingress.host": "hooks.example.com",
  "eventBus.create": true,
  githubAppPrivateKey: undefined,
  webhookSecret: undefined,
  "githubApp.existingSecret": "app",
  "webhook.existingSecret": "hook",
};

const named = ["--config", "githubApp.existingSecret=app", "--config", "webhook.existingSecret=hook"];
const good = [...named, "--installed-at", installedAt];

/**
 * Calls scripts/rex render as a person would. test/cli/by-hand/render.spec.ts shows that a real API server accepts the manifests.
 */
describe("scripts/rex render", function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rex-render-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function fileOf(changes: Record<string, unknown> = {}): string {
    const path = join(folder, "stack.yaml");
    writeFileSync(path, stringify({ config: { ...stack, ...changes } }));
    return path;
  }

  /** An environment without the pulumi command and without a cluster. */
  const nothing = { PATH: "/nowhere", KUBECONFIG: "/nowhere", PULUMI_CONFIG_PASSPHRASE: undefined };

  function render(args: string[], changes: Record<string, unknown> = {}): Promise<ToolResult> {
    return runTool("render", ["--config-file", fileOf(changes), ...args], nothing);
  }

  async function rendered(...args: string[]): Promise<Manifest[]> {
    const { exitCode, stdout, stderr } = await render([...good, ...args]);
    equal(exitCode, 0, stderr);
    return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  }

  const idOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;

  it("writes what pulumi up creates, except for the differences in --help", async () => {
    const byPulumi = new Map((await manifests(sameConfig)).map((object) => [idOf(object), object]));
    const written = await rendered();
    deepEqual(written.map(idOf).sort(), [...byPulumi.keys()].sort());
    const known = /^metadata\.labels\.app\.kubernetes\.io\/managed-by$|^metadata\.annotations\.pulumi\.com\//;
    const differences = written.flatMap((object) => {
      const id = idOf(object);
      return differing(byPulumi.get(id), object).map((path) => `${id}: ${path}`);
    });
    deepEqual(differences.filter((line) => !known.test(line.split(": ")[1] ?? "")).sort(), [
      "CronWorkflow rex-remediation-sweep: spec.workflowSpec.templates.0.container.env.INSTALLED_AT.value",
      "CronWorkflow rex-remediation-sweep: spec.workflowSpec.templates.0.container.env.RUN_SALT.value",
      "CronWorkflow rex-remediation-sweep: spec.workflowSpec.templates.0.container.env.WORKFLOW_TEMPLATE_UID.value",
      // Runs have no owner, which also goes into the names of runs.
      "Sensor rex-remediation: metadata.annotations.rex-remediation/run-salt",
      "Sensor rex-remediation: spec.triggers.0.template.k8s.parameters.0.src.dataTemplate",
      "Sensor rex-remediation: spec.triggers.0.template.k8s.source.resource.metadata.ownerReferences",
      ...["runs", "swept"].flatMap((subject) =>
        ["expression", "messageExpression"].map(
          (field) => `ValidatingAdmissionPolicy rex-remediation-${subject}.agent-platform: spec.validations.8.${field}`,
        ),
      ),
    ]);
    equal(differences.filter((line) => line.includes("managed-by")).length, written.length);
    deepEqual(
      differences
        .filter((line) => line.includes("pulumi.com/"))
        .map((line) => line.replace("metadata.annotations.", "")),
      [
        "EventBus default: pulumi.com/timeoutSeconds",
        "EventBus default: pulumi.com/waitFor",
        "EventSource rex-remediation: pulumi.com/timeoutSeconds",
        "EventSource rex-remediation: pulumi.com/waitFor",
        "Service rex-remediation-webhook: pulumi.com/timeoutSeconds",
        "Ingress rex-remediation-webhook: pulumi.com/skipAwait",
        "Sensor rex-remediation: pulumi.com/timeoutSeconds",
        "Sensor rex-remediation: pulumi.com/waitFor",
      ],
    );
  });

  it("always writes the same text, in the order in which to apply it, without Secrets", async () => {
    const [one, other] = [await render(good), await render(good)];
    equal(one.stdout, other.stdout);
    const kinds = [...one.stdout.matchAll(/^kind: (\S+)$/gm)].map(([, kind]) => kind);
    deepEqual(
      kinds.filter((kind, index) => kind !== kinds[index - 1]),
      [
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "WorkflowTemplate",
        "EventBus",
        "EventSource",
        "Service",
        "Ingress",
        "Sensor",
        "CronWorkflow",
      ],
    );
  });

  it("lists the Secrets that have to exist", async () => {
    const { stderr } = await render(good);
    equal(
      stderr,
      `30 manifests; they also need these objects in namespace agent-platform:
  Secret app with githubAppPrivateKey under the key private-key.pem
  Secret hook with webhookSecret under the key secret
`,
    );
  });

  it("needs no webhook secret with an existing EventSource, and no time without a sweep", async () => {
    const source = ["--config", 'existingEventSource={"name":"github","event":"push"}', "--config", "ingress.host="];
    const { exitCode, stdout, stderr } = await render([...named.slice(0, 2), ...source, "--config", "sweep.schedule="]);
    equal(exitCode, 0, stderr);
    deepEqual(/^kind: (EventSource|CronWorkflow)$/m.exec(stdout), null);
  });

  it("writes one file per object, deletes those of an earlier render, and keeps all other files", async () => {
    const output = join(folder, "manifests");
    equal((await render([...good, "--output", output])).exitCode, 0);
    const first = readdirSync(output);
    deepEqual(
      [first.length, first[0], first.at(-1)],
      [
        30,
        "01-validatingadmissionpolicy-rex-remediation-coderuns.agent-platform.yaml",
        "30-cronworkflow-rex-remediation-sweep.yaml",
      ],
    );
    for (const own of ["kustomization.yaml", "99-mine.yaml"]) writeFileSync(join(output, own), "mine: true\n");
    equal((await render([...good, "--config", "admissionPolicies=false", "--output", output])).exitCode, 0);
    const second = readdirSync(output);
    deepEqual([second.length, second[0]], [20, "01-serviceaccount-rex-remediation.yaml"]);
    deepEqual(second.slice(-2), ["99-mine.yaml", "kustomization.yaml"]);
  });

  it("writes the outputs that the other tools read", async () => {
    const file = join(folder, "outputs.json");
    equal((await render([...good, "--outputs-to", file])).exitCode, 0);
    deepEqual(JSON.parse(readFileSync(file, "utf8")), {
      webhookUrl: "https://hooks.example.com/push",
      inClusterWebhookUrl: "http://rex-remediation-webhook.agent-platform.svc:12000/push",
      namespace: "agent-platform",
      eventSource: "rex-remediation",
      sensor: "rex-remediation",
      workflowTemplate: "rex-remediation",
      serviceAccounts: {
        eventSource: "rex-remediation-event-source",
        sensor: "rex-remediation-sensor",
        remediation: "rex-remediation",
        sweep: "rex-remediation-sweep",
      },
    });
  });

  const bad: [string, string[], Record<string, unknown>, RegExp][] = [
    ["an unknown option", ["--nonsense"], {}, /^render: Unknown argument: nonsense; see scripts\/rex render --help$/],
    ["a value without a key", ["--config", "sweep.schedule"], {}, /^render: --config: expected KEY=VALUE; got "sweep/],
    ["two files", ["--stack", "dev"], {}, /^render: --stack and --config-file both choose the file/],
    [
      "two places for the manifests",
      [...good, "--json", "--output", "x"],
      {},
      /^render: --json and --output both choose where/,
    ],
    [
      "a secret as an argument",
      ["--config", "webhookSecret=x"],
      {},
      /^render: --config webhookSecret: render neither reads nor writes secrets/,
    ],
    [
      "Secrets without a name",
      ["--installed-at", installedAt],
      {},
      /^render: render writes no Secrets, so name the ones that you create yourself: --config githubApp.existingSecret=NAME, which holds githubAppPrivateKey under the key private-key\.pem; --config webhook.existingSecret=NAME, /,
    ],
    [
      "a sweep without a time",
      named,
      {},
      /^render: --installed-at is missing: .*; or render without a sweep, .*sweep\.schedule=$/,
    ],
    [
      "a bad time",
      [...named, "--installed-at", "2026-01-31"],
      {},
      /^render: --installed-at: expected a time such as 2026-01-31T12/,
    ],
    [
      "an encrypted value",
      good,
      { "rex-remediation:pullRequest": { readyLabel: { secure: "v1:E:F" }, comments: false } },
      /^render: pullRequest\.readyLabel: expected plain text; got an encrypted value, which only Pulumi can read; give it with --config pullRequest.readyLabel=VALUE$/,
    ],
  ];
  for (const [what, args, changes, message] of bad) {
    it(`refuses ${what} in one line`, async () => {
      const call = ["--config-file", fileOf(changes), ...args];
      const { exitCode, stdout, stderr } = await callTool("render", call, nothing);
      equal(exitCode, 2, stderr);
      equal(stdout, "");
      equal(stderr.trimEnd().split("\n").length, 1, stderr);
      match(stderr.trimEnd(), message);
    });
  }

  it("refuses a stack without a file, and a bad value with the program's message", async () => {
    const missing = await callTool("render", ["--stack", "nowhere"]);
    match(missing.stderr, /^render: --stack: cannot read \S+Pulumi\.nowhere\.yaml \(ENOENT\); expected a stack's file/);
    const { exitCode, stdout, stderr } = await render([...good, "--config", "mainWorkflow.stages=one"]);
    deepEqual([exitCode, stdout], [2, ""]);
    match(
      stderr,
      /^render: One value of the stack's configuration cannot be used.*\n {2}mainWorkflow\.stages: expected a list of at least 2/,
    );
  });
});

/** The paths at which two values differ. Items of a list of named objects have their names in the path. */
function differing(one: unknown, other: unknown, path: string[] = []): string[] {
  if (!isObject(one) || !isObject(other)) return one === other ? [] : [path.join(".")];
  const [left, right] = [byKey(one), byKey(other)];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
    // A missing object is one difference, except for the maps of metadata.
    (key in left && key in right) || ["labels", "annotations"].includes(key)
      ? differing(left[key] ?? {}, right[key] ?? {}, [...path, key])
      : [[...path, key].join(".")],
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function byKey(value: Record<string, unknown>): Record<string, unknown> {
  const named =
    Array.isArray(value) &&
    value.every((item) => isObject(item) && "name" in item && ("value" in item || "valueFrom" in item));
  return named ? Object.fromEntries(value.map((item) => [item.name, item])) : value;
}
