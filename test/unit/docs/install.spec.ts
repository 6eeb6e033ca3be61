import { deepEqual, equal, match } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { satisfies } from "semver";
import { node } from "../../../cli/doctor/tools.ts";
import { documentedCommands } from "../../support/documents.ts";
import { manifests } from "../../support/pulumi/manifests.ts";
import { type ConfigValue, leastConfig, secretKeys } from "../../support/pulumi/stackConfig.ts";

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");

/** Runs a document's `pulumi config set` lines on an empty stack; secrets get values of the tests. */
function configured(file: string): Record<string, ConfigValue> {
  const values: Record<string, ConfigValue> = Object.fromEntries(
    Object.keys(leastConfig).map((key) => [key, undefined]),
  );
  for (const { command } of documentedCommands().filter((one) => one.file === file)) {
    const [, key = "", first, value] =
      /\bpulumi config set (?:--path |--secret )?'?([\w.]+)(\[0\])?'?(?: '?([^'\s]+)'?)?(?: <.*)?$/.exec(command) ?? [];
    if (key === "" || (key in values && values[key] !== undefined)) continue;
    values[key] = secretKeys.includes(key) ? leastConfig[key] : first !== undefined ? [value ?? ""] : value;
  }
  return values;
}

/** It does not show that the addresses answer, or how GitHub's form reads the link. */
describe("the installation", () => {
  for (const file of ["README.md", "docs/install.md"]) {
    it(`with the commands of ${file} sets everything that the program needs`, async () => {
      const objects = await manifests(configured(file));
      deepEqual(
        ["EventBus", "EventSource", "Sensor", "WorkflowTemplate", "Ingress"].filter(
          (kind) => !objects.some((object) => object.kind === kind),
        ),
        [],
      );
    });
  }

  it("installs the versions of Argo that the tests use [installed-argo-versions]", () => {
    const recipe = read("dev/cluster/versions.sh");
    for (const part of ["events", "workflows"]) {
      const [, version = "none"] =
        new RegExp(`^readonly ARGO_${part.toUpperCase()}_VERSION=(\\S+)$`, "m").exec(recipe) ?? [];
      match(
        read("docs/install.md"),
        new RegExp(`^ {4}kubectl apply .*/argo-${part}/\\S*/?${version}/\\S*install\\.yaml$`, "m"),
      );
    }
  });

  it("requires the same Node.js everywhere, one that all packages accept, and npm ci refuses an older one", () => {
    const [, least = "", minor = ""] = /^>=(22\.(\d+))$/.exec(JSON.parse(read("package.json")).engines.node) ?? [];
    const [, inScripts] = /^readonly NODE_MIN_MAJOR=22 NODE_MIN_MINOR=(\d+)$/m.exec(read("scripts/lib.sh")) ?? [];
    equal(inScripts, minor);
    equal(node(`${least}.0`).verdict, "pass");
    equal(node(`22.${Number(minor) - 1}.9`).verdict, "fail");
    for (const file of ["README.md", "docs/install.md"]) {
      deepEqual(
        [...read(file).matchAll(/Node\.js(?:\]\(\S+\))? ≥ ([\d.]+)/g)].map(([, version]) => version),
        [least],
      );
    }
    match(read(".npmrc"), /^engine-strict=true$/m);

    const packages: Record<string, { engines?: { node?: string } }> = JSON.parse(read("package-lock.json")).packages;
    const { "": _, ...others } = packages;
    const ranges = Object.values(others).map(({ engines }) => engines?.node ?? "*");
    const refusing = (version: string) => ranges.filter((range) => !satisfies(version, range));
    deepEqual([refusing(`${least}.0`), refusing(`22.${Number(minor) - 1}.9`)], [[], [">=22.19.0"]]);
  });

  it("asks for the same permissions in the App's link as in the table below it", () => {
    const document = read("docs/install.md");
    const [link = ""] = /https:\/\/github\.com\/\S+\/settings\/apps\/new\?[^)\s]+/.exec(document) ?? [];
    const asked = [...new URL(link).searchParams].filter(([, value]) => ["read", "write"].includes(value));
    const names: Record<string, string> = {
      Contents: "contents",
      "Pull requests": "pull_requests",
      Webhooks: "repository_hooks",
    };
    const inTable = [...document.matchAll(/^\| ([A-Z][\w ]+): read(?: and (write))? \|/gm)].map(
      ([, name = "", write]) => [names[name], write ?? "read"],
    );
    deepEqual(asked, inTable);
    deepEqual(inTable.length, 3);
  });
});
