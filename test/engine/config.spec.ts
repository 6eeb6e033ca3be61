import assert from "node:assert/strict";
import { leastConfig } from "../support/pulumi/stackConfig.ts";
import { freshName, StackRun } from "../support/pulumi/stackRun.ts";

/**
 * The configuration with the real engine, which has its own way of passing values to the program. test/unit/components/config.spec.ts tests
 * what each key accepts.
 */
describe("pulumi preview", function () {
  this.timeout(120_000);
  let stack: StackRun;

  before(function () {
    if (!StackRun.possible()) {
      console.log("      not run: pulumi is missing; dev/cluster/build builds it");
      this.skip();
    }
    stack = new StackRun(freshName());
  });
  after(() => stack?.remove());

  /** The error output of a preview with an invalid configuration. */
  async function refused(config: Record<string, string | undefined>): Promise<string> {
    const { exitCode, stderr } = await stack.run("preview", { config });
    assert.notEqual(exitCode, 0, stderr);
    assert.doesNotMatch(stderr, /kubernetes:/, "a resource was registered");
    assert.doesNotMatch(stderr, /\.ts:\d+:\d+/, "a stack trace was shown");
    return stderr;
  }

  it("lists in one error all bad texts, lists, objects, secrets and misspelt keys, each with the command that fixes it", async () => {
    const message = await refused({
      namespace: "No",
      repositories: "platform",
      admissionPolicies: "maybe",
      webhookSecret: "short",
      "steps.gateTimeoutSeconds": "1",
      "steps.quietSeconds": "1",
      "eventBus.replicas": "2",
      repositorys: "a/b",
    });
    const problems = [...message.matchAll(/^ +(\S+): expected .*\n +(.*)$/gm)].map(([, key, fix]) => [key, fix]);
    assert.deepEqual(Object.fromEntries(problems), {
      namespace: "Set it with: pulumi config set namespace no",
      repositories: "Set it with: pulumi config set repositories 5dlabs/platform",
      admissionPolicies: "Set it with: pulumi config set admissionPolicies true",
      webhookSecret: "Set it with: openssl rand -hex 32 | pulumi config set --secret webhookSecret",
      "steps.gateTimeoutSeconds": "Set it with: pulumi config set --path steps.gateTimeoutSeconds 5",
      "steps.quietSeconds": "Remove it with: pulumi config rm --path steps.quietSeconds",
      "eventBus.replicas": "Set it with: pulumi config set --path eventBus.replicas 3",
      repositorys: "Did you mean repositories? Remove it with: pulumi config rm repositorys",
    });
    assert.ok(!message.includes("short"), "a secret was shown");
  });

  it("lists all missing keys in one error", async () => {
    const message = await refused(Object.fromEntries(Object.keys(leastConfig).map((key) => [key, undefined])));
    // The engine prints the error twice.
    const missing = [...message.matchAll(/^ +(\S+): expected .*; got nothing\.$/gm)].map(([, key]) => key);
    assert.deepEqual([...new Set(missing)].sort(), Object.keys(leastConfig).sort());
  });

  it("fills in missing fields of objects, accepts values in the CLI's form, and hides only the two secrets", async () => {
    const { exitCode, stderr } = await stack.run("preview", {
      config: { steps: `{"image":"example.com/steps:1","debounceSeconds":7}`, "githubApp.id": "1234" },
      args: ["--diff"],
    });
    assert.equal(exitCode, 0, stderr);
    // An object that contains a secret is hidden as a whole.
    const hidden = stderr.split("\n").filter((line) => line.includes("[secret]"));
    assert.deepEqual(
      hidden.map((line) => line.trim().split(/\s*:/)[0]),
      ["stringData", "stringData"],
    );
  });
});
