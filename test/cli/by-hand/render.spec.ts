import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Manifest } from "../../../cli/lib/manifests.ts";
import { afterwards } from "../../support/afterwards.ts";
import { until } from "../../support/cluster.ts";
import { readDevStack } from "../../support/devStack.ts";
import { GitHubDoubleClient } from "../../support/github/index.ts";
import { nodeEnvironment } from "../../support/node.ts";
import { Platform } from "../../support/platform.ts";
import { privateKey } from "../../support/pulumi/stackConfig.ts";
import { freshName } from "../../support/pulumi/stackRun.ts";
import { runTool } from "../../support/tool.ts";

const webhookSecret = "a secret of no other stack";

/**
 * What cli/render.ts writes, on a real API server, where kubectl alone applies it. What this does not show: a GitOps controller, and
 * a sweep of such an installation; test/steps/sweep.spec.ts has the run that it makes.
 */
describe("npm run render, on a cluster", function () {
  this.timeout(240_000);
  const name = freshName();
  const appId = 3_000_000 + Math.floor(Math.random() * 1_000_000);
  let folder: string;
  let platform: Platform;

  /** Of an installation beside the dev stack. */
  async function rendered(...args: string[]): Promise<void> {
    const { githubUrl, repository } = readDevStack();
    const config = {
      name,
      repositories: JSON.stringify([repository]),
      "githubApp.id": appId,
      "githubApp.apiUrl": githubUrl,
      "steps.image": nodeEnvironment().stepsImage,
      "githubApp.existingSecret": `${name}-app`,
      "webhook.existingSecret": `${name}-hook`,
    };
    const given = Object.entries(config).flatMap(([key, value]) => ["--config", `${key}=${value}`]);
    const { exitCode, stderr } = await runTool("render.ts", [
      ...given,
      "--installed-at",
      "2026-01-31T12:00:00Z",
      ...args,
    ]);
    equal(exitCode, 0, stderr);
  }

  const kubectl = async (...args: string[]): Promise<string> =>
    (
      await promisify(execFile)("kubectl", ["-n", nodeEnvironment().namespace, ...args], {
        timeout: 120_000,
        maxBuffer: 1e8,
      })
    ).stdout;
  const manifests = () => join(folder, "manifests");

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "rex-render-"));
    await rendered("--output", manifests());
  });
  after(() =>
    afterwards(
      () => platform?.close(),
      () => kubectl("delete", "--ignore-not-found", "-f", manifests()),
      () => kubectl("delete", "--ignore-not-found", "secret", `${name}-app`, `${name}-hook`),
      () => rmSync(folder, { recursive: true, force: true }),
    ),
  );

  it("is what pulumi up made of the dev stack, but for the owner of runs and the sweep's beginning", async () => {
    const { githubUrl } = readDevStack();
    const config = {
      "githubApp.apiUrl": githubUrl,
      "steps.image": nodeEnvironment().stepsImage,
      "githubApp.existingSecret": "rex-remediation-github-app",
      "webhook.existingSecret": JSON.parse(await kubectl("get", "eventsource", "rex-remediation", "-o", "json")).spec
        .github.push.webhookSecret.name,
    };
    const given = Object.entries(config).flatMap(([key, value]) => ["--config", `${key}=${value}`]);
    const time = ["--installed-at", "2026-01-31T12:00:00Z"];
    const { stdout } = await runTool("render.ts", ["--stack", "dev", ...given, ...time, "--json"]);
    const written: Manifest[] = JSON.parse(stdout).manifests;
    const file = join(folder, "dev.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: written }));
    const live: Manifest[] = JSON.parse(await kubectl("get", "-f", file, "-o", "json")).items;
    equal(live.length, written.length);
    const different = written.flatMap((manifest, index) =>
      missing(manifest, live[index]).map((path) => `${manifest.kind} ${manifest.metadata.name}: ${path}`),
    );
    const policy = (subject: string) =>
      `ValidatingAdmissionPolicy rex-remediation-${subject}.agent-platform: spec.validations.8`;
    const sweep = (variable: string) =>
      `CronWorkflow rex-remediation-sweep: spec.workflowSpec.templates.0.container.env.${variable}.value`;
    // The owner is part of what all runs have in common, and so of the salt of their names.
    deepEqual(different.sort(), [
      sweep("INSTALLED_AT"),
      sweep("RUN_SALT"),
      sweep("WORKFLOW_TEMPLATE_UID"),
      "Sensor rex-remediation: metadata.annotations.rex-remediation/run-salt",
      "Sensor rex-remediation: spec.triggers.0.template.k8s.parameters.0.src.dataTemplate",
      policy("runs"),
      policy("swept"),
    ]);
  });

  it("is taken by the API server as it is", async () => {
    const said = await kubectl("apply", "--dry-run=server", "-f", manifests());
    const lines = said.trimEnd().split("\n");
    equal(lines.length, readdirSync(manifests()).length);
    for (const line of lines) match(line, / created \(server dry run\)$/);
  });

  it("restarts QA at a push once kubectl has applied it; its runs have no owner [rendered-and-applied]", async () => {
    const { githubUrl, repository } = readDevStack();
    writeFileSync(join(folder, "key"), privateKey);
    writeFileSync(join(folder, "hook"), webhookSecret);
    await kubectl("create", "secret", "generic", `${name}-app`, `--from-file=private-key.pem=${join(folder, "key")}`);
    await kubectl("create", "secret", "generic", `${name}-hook`, `--from-file=secret=${join(folder, "hook")}`);
    await new GitHubDoubleClient(githubUrl).putApp({
      appId,
      slug: name,
      publicKeyPem: createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString(),
      installationId: appId,
      permissions: { contents: "read", pull_requests: "write", metadata: "read" },
      repositories: [repository],
    });
    await kubectl("apply", "-f", manifests());
    for (const what of ["eventsource", "sensor"]) {
      await kubectl("wait", what, name, "--for=condition=Deployed", "--timeout=60s");
      await until(`a pod of the ${what} is ready`, 60_000, async () =>
        (
          await kubectl(
            "get",
            "pod",
            "-l",
            `${what}-name=${name}`,
            "-o",
            "jsonpath={..status.conditions[?(@.type=='Ready')].status}",
          )
        ).includes("True"),
      );
    }
    platform = await Platform.open({
      name,
      webhookUrl: `http://${name}-webhook.${nodeEnvironment().namespace}.svc:12000/push`,
      webhookSecret,
      githubUrl,
      repository,
    });
    const task = await platform.startTask("at-bare-gate", { pullLabels: ["ready-for-qa"] });
    // The EventSource answers once its event is on the bus; before the Sensor listens none is lost.
    const { run } = await platform.push(task);
    const workflow = await platform.ended(run);
    equal(workflow.metadata.labels?.["rex-remediation/outcome"], "remediated");
    equal((workflow.metadata as { ownerReferences?: object }).ownerReferences, undefined);
  });
});

/** Paths of what the first has and the second has not so; of a check in a policy that of the whole check. */
function missing(wanted: unknown, got: unknown, path: string[] = []): string[] {
  if (typeof wanted !== "object" || wanted === null) return wanted === got ? [] : [path.join(".")];
  const found = (got ?? {}) as Record<string, unknown>;
  return [
    ...new Set(
      Object.entries(wanted).flatMap(([key, value]) =>
        missing(
          value,
          found[key],
          path[1] === "validations" && path.length > 2 ? path : [...path, stepOf(path, key, value)],
        ),
      ),
    ),
  ];
}

/** Variables are called by their name, because their place tells nobody anything. */
function stepOf(path: string[], key: string, value: unknown): string {
  return path.at(-1) === "env" ? (value as { name: string }).name : key;
}
