import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { values } from "../../../config/schema.ts";
import { aboutOf } from "../../../config/values.ts";

const root = resolve(import.meta.dirname, "../../..");
const text = (file: string) => readFileSync(join(root, file), "utf8");

interface Step {
  name: string;
  template: string;
  when?: string;
  continueOn?: { failed?: boolean; error?: boolean };
}

interface Template {
  name: string;
  steps?: Step[][];
  suspend?: object;
  resource?: { action: string; manifest: string };
  retryStrategy?: object;
  podSpecPatch?: string;
}

/**
 * Compares the contract of the main workflow in docs/main-workflow.md with the configuration's defaults and with the example, which has to
 * keep it. test/chain/remediation shows that the example works.
 */
describe("docs/main-workflow.md", () => {
  const document = text("docs/main-workflow.md");
  const preset = (key: string) => {
    const value = values.get(key);
    return value && aboutOf(value).default;
  };
  const example: { templates: Template[] } = parseAllDocuments(text("examples/play-workflow.yaml"))
    .map((part) => part.toJS())
    .find(({ kind }) => kind === "WorkflowTemplate").spec;
  const template = (name: string) => example.templates.find((one) => one.name === name);
  const steps = example.templates.flatMap((one) => (one.steps ?? []).map((group) => ({ of: one.name, group })));
  const codeRunTemplates = example.templates.filter(({ resource }) => resource?.manifest.includes("kind: CodeRun"));

  it("names the labels that are the configuration's defaults", () => {
    const rows = [...document.matchAll(/^\| [^|\n]+ \| `([^`\n]+)` \| (.+) \|$/gm)].map(
      ([, label = "", keys = ""]) => ({
        label: label.split("="),
        keys: [...keys.matchAll(/`([\w.]+)`/g)].map(([, key = ""]) => preset(key)),
      }),
    );
    deepEqual(
      rows.map(({ label, keys }) => label.slice(0, keys.length)),
      rows.map(({ keys }) => keys),
    );
    equal(rows.length, 4);
  });

  it("has an example that uses only stages known by default", () => {
    const stages = [...text("examples/play-workflow.yaml").matchAll(/\b(waiting-[a-z-]+|[a-z]+-in-progress)\b/g)].map(
      ([stage]) => stage,
    );
    const known = preset("mainWorkflow.stages");
    ok(stages.length > 0 && Array.isArray(known));
    deepEqual(
      stages.filter((stage) => !known.includes(stage)),
      [],
    );
  });

  it("has an example that survives the deletion of a QA agent's CodeRun and does not start the agent again", () => {
    ok(codeRunTemplates.length > 0);
    deepEqual(
      codeRunTemplates.filter(({ retryStrategy }) => retryStrategy !== undefined),
      [],
    );
    for (const agent of ["cleo", "tess"]) {
      const step = steps.flatMap(({ group }) => group).find(({ name }) => name === agent);
      deepEqual(step?.continueOn, { failed: true, error: true }, agent);
    }
  });

  it("has an example in which each QA agent leads straight to a gate, so that nothing runs after a cancelled one", () => {
    for (const agent of ["cleo", "tess"]) {
      const part = example.templates.find((one) => one.steps?.[0]?.[0]?.name === agent);
      const [, ...following] = part?.steps?.flat() ?? [];
      const unconditional = following.filter(({ when }) => when !== `{{steps.${agent}.status}} == Succeeded`);
      deepEqual(
        unconditional.map((step) => [step.when, template(step.template)?.suspend]),
        [[undefined, {}]],
        agent,
      );
    }
  });

  it("has an example that starts a new round at the reset stage, which it reads from its label", () => {
    const round = template("round");
    const again = round?.steps?.flat().find(({ template: name }) => name === "round");
    equal(again?.when, `'{{workflow.labels.current-stage}}' == '${preset("mainWorkflow.resetStage")}'`);
    equal(round?.steps?.[0]?.[0]?.name, "quality");
  });

  it("has an example whose containers are unprivileged, with a read-only root file system, requests and limits", () => {
    const withPods = example.templates.filter(({ steps, suspend }) => !steps && !suspend);
    ok(withPods.length > 0);
    for (const { name, podSpecPatch } of withPods) {
      const { initContainers, containers } = parse(podSpecPatch ?? "");
      deepEqual(
        [...initContainers, ...containers].map(({ name, securityContext, resources }) => [
          name,
          securityContext,
          Object.keys(resources.requests),
          Object.keys(resources.limits),
        ]),
        ["init", "main"].map((container) => [
          container,
          { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
          ["cpu", "memory"],
          ["cpu", "memory"],
        ]),
        name,
      );
    }
  });

  it("has an example that gives each CodeRun a new name, and the labels that the configuration expects", () => {
    for (const { resource } of codeRunTemplates) {
      const manifest = parse(resource?.manifest.replaceAll(/\{\{[^}]+\}\}/g, "x") ?? "");
      ok(manifest.metadata.generateName);
      deepEqual(
        Object.keys(manifest.metadata.labels).sort(),
        [preset("codeRun.agentLabel"), preset("codeRun.repositoryLabel"), preset("codeRun.taskLabel")].sort(),
      );
    }
  });

  it("has a trial workflow that is found, waits at a gate, and has a stage that a push makes stale", () => {
    const { metadata, spec } = parse(text("examples/trial-workflow.yaml"));
    const value = (key: string) => `${preset(`mainWorkflow.${key}`)}`;
    equal(metadata.labels[value("typeLabel")], value("type"));
    equal(metadata.labels[value("taskLabel")], "3");
    const stages = preset("mainWorkflow.stages") as string[];
    const stage = metadata.labels[value("stageLabel")];
    ok(stages.indexOf(stage) > stages.indexOf(value("resetStage")), stage);
    const [gates, gate]: Template[] = spec.templates;
    equal(spec.entrypoint, gates?.name);
    deepEqual(gate?.suspend, {});
    deepEqual(
      new Set(gates?.steps?.map(([one, ...more]) => (more.length === 0 ? one?.template : "two at once"))),
      new Set([gate?.name]),
    );
  });
});
