import { deepEqual } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { anchors, documents } from "../../support/documents.ts";

const root = resolve(import.meta.dirname, "../../..");

interface Link {
  from: string;
  to: string;
}

/** Links from one part of the project to another: without a scheme. */
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

/** What this does not show: whether links to other sites still lead somewhere. */
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

  it("would be found broken, were a file or a heading missing", () => {
    const broken = ["docs/nothing.md", "docs/operate.md#nothing", "#nothing", "../elsewhere.md"];
    deepEqual(
      broken.filter((to) => !isBroken({ from: "README.md", to })),
      [],
    );
  });
});
