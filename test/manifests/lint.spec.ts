import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Manifest, manifests, ofKind } from "../support/pulumi/manifests.ts";
import { tool } from "../support/pulumi/upstream.ts";

/** Runs a linter on objects, each in its own file. Returns undefined if the linter is missing. */
function lint(
  linter: string,
  args: string[],
  objects: Manifest[],
): { status: number | null; output: string } | undefined {
  const path = tool(linter);
  if (path === undefined) {
    console.log(`      not run: ${linter} is missing; dev/cluster/build builds it`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "rex-lint-"));
  try {
    const files = objects.map((object) => {
      const file = join(folder, `${object.kind}.yaml`);
      writeFileSync(file, stringify(object));
      return file;
    });
    const { status, stdout, stderr } = spawnSync(path, [...args, ...files], { encoding: "utf8", timeout: 30_000 });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("upstream's linters", () => {
  const eventsLint = ["lint", "--strict"];
  const workflowsLint = ["lint", "--offline", "--no-color"];

  it("argo-events lint accepts EventSource and Sensor", async function () {
    const objects = await manifests();
    const result = lint("argo-events", eventsLint, [ofKind(objects, "EventSource"), ofKind(objects, "Sensor")]);
    assert.equal((result ?? this.skip()).status, 0, result?.output);
  });

  it("argo-events lint accepts the Sensor of an existing EventSource", async function () {
    const objects = await manifests({ webhookSecret: "", existingEventSource: { name: "github", event: "push" } });
    const result = lint("argo-events", eventsLint, [ofKind(objects, "Sensor")]);
    assert.equal((result ?? this.skip()).status, 0, result?.output);
  });

  it("argo-events lint refuses a Sensor that breaks a rule", async function () {
    const sensor = ofKind(await manifests(), "Sensor");
    sensor.spec.triggers = [];
    const result = lint("argo-events", eventsLint, [sensor]);
    assert.notEqual((result ?? this.skip()).status, 0, result?.output);
  });

  it("argo lint accepts the WorkflowTemplate", async function () {
    const result = lint("argo", workflowsLint, [ofKind(await manifests(), "WorkflowTemplate")]);
    assert.equal((result ?? this.skip()).status, 0, result?.output);
  });

  it("argo lint refuses a WorkflowTemplate that refers to a missing template", async function () {
    const template = ofKind(await manifests(), "WorkflowTemplate");
    template.spec.entrypoint = "nothing";
    const result = lint("argo", workflowsLint, [template]);
    assert.notEqual((result ?? this.skip()).status, 0, result?.output);
  });
});
