import { deepEqual } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { anchors, documents } from "../../support/documents.ts";

const root = resolve(import.meta.dirname, "../../..");

interface Link {
  from: string;
  to: string;
}

/** Links within the project, which have no scheme. */
const links: Link[] = documents().flatMap(({ file, text }) =>
  [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, to = ""]) => ({ from: file, to }))
    .filter(({ to }) => !/^[a-z]+:/.test(to)),
);

function isBroken({ from, to }: Link): boolean {
  const [path = "", anchor] = to.split("#");
  const target = path === "" ? join(root, from) : join(root, dirname(from), path);
  if (relative(root, target).startsWith("../..") || !existsSync(target)) return true;
  return anchor !== undefined && !anchors(readFileSync(target, "utf8")).includes(anchor);
}

/** It does not show whether links to other sites work. */
describe("links in README and docs/", () => {
  it("lead to files and headings that exist [links-lead-somewhere]", () => {
    deepEqual(links.filter(isBroken), []);
  });

  it("lead from the README to every document", () => {
    const linked = links.filter(({ from }) => from === "README.md").map(({ to }) => to.split("#")[0]);
    deepEqual(
      documents()
        .map(({ file }) => file)
        .filter((file) => file !== "README.md" && !linked.includes(file)),
      [],
    );
  });

  it("count as broken if the file or the heading does not exist", () => {
    const broken = ["docs/nothing.md", "docs/operate.md#nothing", "#nothing", "../elsewhere.md"];
    deepEqual(
      broken.filter((to) => !isBroken({ from: "README.md", to })),
      [],
    );
  });
});
