import assert from "node:assert/strict";
import { leastConfig } from "../support/pulumi/stackConfig.ts";
import { freshName, StackRun } from "../support/pulumi/stackRun.ts";

/** With the real engine, which hands values over in its own way. What each key takes, test/unit/components/config.spec.ts tries. */
describe("pulumi preview", function () {
  this.timeout(120_000);
  let stack: StackRun;

  before(function () {
    if (!StackRun.possible()) {
      console.log("      not run: there is no pulumi; dev/cluster/build makes it");
      this.skip();
    }
    stack = new StackRun(freshName());
  });
  after(() => stack?.remove());

  /** What the preview says where the configuration cannot be used. */
  async function refused(config: Record<string, string | undefined>): Promise<string> {
    const { exitCode, stderr } = await stack.run("preview", { config });
    assert.notEqual(exitCode, 0, stderr);
    assert.doesNotMatch(stderr, /kubernetes:/, "a resource was registered");
    assert.doesNotMatch(stderr, /\.ts:\d+:\d+/, "a stack trace was shown");
    return stderr;
  }

  it("names all that is bad in one error: texts, lists, objects, secrets, misspelt keys, each with the command that mends it", async () => {
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

  it("names each missing key in one error", async () => {
    const message = await refused(Object.fromEntries(Object.keys(leastConfig).map((key) => [key, undefined])));
    // The engine says it twice.
    const missing = [...message.matchAll(/^ +(\S+): expected .*; got nothing\.$/gm)].map(([, key]) => key);
    assert.deepEqual([...new Set(missing)].sort(), Object.keys(leastConfig).sort());
  });

  it("fills in what an object leaves out, takes what the CLI makes of a value, and hides nothing but the two secrets", async () => {
    const { exitCode, stderr } = await stack.run("preview", {
      config: { steps: `{"image":"example.com/steps:1","debounceSeconds":7}`, "githubApp.id": "1234" },
      args: ["--diff"],
    });
    assert.equal(exitCode, 0, stderr);
    // The whole of an object that holds a secret is hidden.
    const hidden = stderr.split("\n").filter((line) => line.includes("[secret]"));
    assert.deepEqual(
      hidden.map((line) => line.trim().split(/\s*:/)[0]),
      ["stringData", "stringData"],
    );
  });
});
