import assert from "node:assert/strict";
import { runName, runNameTemplate, runSalt } from "../../../components/vocabulary/runName.ts";
import { objectPrefix } from "../../../config/kinds.ts";

const values = {
  task: "3",
  before: "a".repeat(40),
  after: "b".repeat(40),
  repository: "acme/shop",
  pushedAt: 1_767_225_600,
};

/** That Argo Events, the sweep's bash and this make the same of a push, test/chain/order and test/steps/sweep.spec.ts show. */
describe("a run's name", () => {
  it("is the prefix, the task, the head's first digits and a digest", () => {
    // printf 's4lt 3 aaa… bbb… acme/shop 1767225600' | sha256sum
    assert.equal(runName("rex-remediation", "s4lt", values), "rex-remediation-3-bbbbbbb-a9ae0758f58b");
  });

  it("is the same for the same values, and another where any of them is another [run-name-by-values]", () => {
    const others = [
      { ...values, task: "4" },
      { ...values, before: "c".repeat(40) },
      { ...values, after: `${"b".repeat(39)}c` },
      { ...values, repository: "acme/other" },
      { ...values, pushedAt: values.pushedAt + 1 },
    ].map((push) => runName("rex", "s4lt", push));
    assert.equal(runName("rex", "s4lt", values), runName("rex", "s4lt", { ...values }));
    const names = [runName("rex", "s4lt", values), runName("rex", "other", values), ...others];
    assert.equal(new Set(names).size, 7);
  });

  it("fits into a label's 63 characters, with what is put behind it", () => {
    const prefix = "a".repeat(24);
    assert.ok(objectPrefix.accepts(prefix) && !objectPrefix.accepts(`${prefix}a`));
    const name = runName(prefix, "s4lt", { ...values, task: "9".repeat(9), pushedAt: 2_147_483_647 });
    for (const suffix of ["-sweep", "-again-3", "-x7k2p"]) assert.ok(`${name}${suffix}`.length <= 63, suffix);
  });

  it("is a template of Argo Events, which gets numbers as floating-point ones", () => {
    assert.equal(
      runNameTemplate("rex", "s4lt"),
      'rex-{{ .Input.task }}-{{ trunc 7 .Input.after }}-{{ printf "s4lt %s %s %s %s %d" .Input.task .Input.before .Input.after .Input.repository (int64 .Input.pushedAt) | sha256sum | trunc 12 }}',
    );
  });

  it("is made with a salt that is of all that runs have in common", () => {
    const run = { metadata: { labels: { a: "1" } }, spec: { priority: 0 } };
    assert.equal(runSalt(run), runSalt(structuredClone(run)));
    assert.notEqual(runSalt(run), runSalt({ ...run, metadata: { labels: { a: "2" } } }));
  });
});
