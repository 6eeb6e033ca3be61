import assert from "node:assert/strict";
import { nodeEnvironment } from "../../support/node.ts";
import { freshName, StackRun } from "../../support/pulumi/stackRun.ts";

describe("pulumi up, killed before its end", function () {
  this.timeout(180_000);

  before(() => {
    nodeEnvironment();
  });

  for (const moment of [/Secret .* creating/, /EventSource .* creating/]) {
    it(`continues where it stopped, killed at ${moment.source}`, async () => {
      const stack = new StackRun(freshName());
      try {
        const kill = new AbortController();
        const onProgress = (stderr: string) => moment.test(stderr) && kill.abort();
        const killed = await stack.run("up", { signal: kill.signal, onProgress });
        assert.equal(killed.exitCode, null, killed.stderr);
        const again = await stack.run("up");
        assert.equal(again.exitCode, 0, again.stderr);
        const gone = await stack.run("destroy");
        assert.equal(gone.exitCode, 0, gone.stderr);
      } finally {
        stack.remove();
      }
    });
  }
});
