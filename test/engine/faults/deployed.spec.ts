import assert from "node:assert/strict";
import { nodeEnvironment } from "../../support/node.ts";
import { freshName, StackRun } from "../../support/pulumi/stackRun.ts";

describe("pulumi up, where Argo Events cannot deploy", function () {
  this.timeout(90_000);
  const stack = new StackRun(freshName());

  before(() => {
    nodeEnvironment();
  });
  after(async () => {
    await stack.run("destroy");
    stack.remove();
  });

  // What was made with it has as long for its deletion, too.
  const noBus = { "eventBus.name": "no-such-bus", "argo.deployTimeoutSeconds": 15 };

  it("fails with the EventSource's own message", async () => {
    const { exitCode, stderr } = await stack.run("up", { config: noBus });
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /EventSource\) failed to fully initialize or become live: .*message:EventBus not found\./);
    assert.doesNotMatch(stderr, /v1alpha1:Sensor .*created/);
  });

  it("fails with the Sensor's own message, where the EventSource is another's", async () => {
    const existingEventSource = { name: "someone-elses", event: "push" };
    const { exitCode, stderr } = await stack.run("up", {
      config: { ...noBus, webhookSecret: undefined, existingEventSource },
    });
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /Sensor\) failed to fully initialize or become live: .*message:EventBus not found\./);
  });

  it("succeeds once the configuration is mended", async () => {
    const { exitCode, stderr } = await stack.run("up");
    assert.equal(exitCode, 0, stderr);
  });

  it("fails with the message, too, where what is deployed is moved to a bus that is not there", async () => {
    const { exitCode, stderr } = await stack.run("up", { config: noBus });
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /EventSource\) failed to fully initialize or become live: .*message:EventBus not found\./);
  });
});
