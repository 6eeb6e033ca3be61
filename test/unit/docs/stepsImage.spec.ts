import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");
const text = (file: string) => readFileSync(resolve(root, file), "utf8");

/** The value of `readonly NAME=VALUE` in the embedded node's versions. */
function pinned(name: string): string {
  const [, value] = new RegExp(`^readonly (?:.* )?${name}=(\\S+)$`, "m").exec(text("dev/cluster/versions.sh")) ?? [];
  ok(value !== undefined, `dev/cluster/versions.sh has no ${name}`);
  return value;
}

/**
 * The image that users build is like the image that the tests run: the same Debian release with the same packages. It does not show that
 * the registries have these tags, because there is no image builder here.
 */
describe("examples/steps-image/Dockerfile", () => {
  const dockerfile = text("examples/steps-image/Dockerfile").replaceAll(/\s*\\\n\s*/g, " ");

  it("uses the Debian release of the embedded node's image, at a fixed date", () => {
    const [, suite] = /^FROM debian:([a-z]+)-\d{8}-slim$/m.exec(dockerfile) ?? [];
    equal(suite, pinned("DEBIAN_SUITE"));
  });

  it("installs the same packages", () => {
    const [, packages = ""] = /apt-get install(?: --\S+)* ([a-z -]+) &&/.exec(dockerfile) ?? [];
    deepEqual(packages.split(" ").sort(), pinned("STEPS_PACKAGES").split(",").sort());
  });

  it("runs as the user that the pods set", () => {
    const [, user] = /^USER (\d+):\d+$/m.exec(dockerfile) ?? [];
    equal(Number(user), Number(/runAsUser: (\d+)/.exec(text("components/podSecurity.ts"))?.[1]));
  });
});
