import { equal, match } from "node:assert/strict";
import { codeRun } from "../support/codeRuns.ts";
import { Guarded } from "../support/guarded.ts";

/** Two stacks in one cluster. It does not show two stacks that watch the same CodeRuns. */
describe("two stacks in one cluster", function () {
  this.timeout(120_000);

  let bounded: Guarded;
  let free: Guarded;

  before(async () => {
    bounded = await Guarded.open();
    free = await Guarded.open({ policies: false });
    for (const stack of [bounded, free]) {
      await stack.startPod(`${stack.runName("3")}-remediate-1`, "remediation");
      await stack.cluster.create(codeRun("rex-3", "5DLabs-Rex", 3, { repository: "acme-shop" }));
    }
  });
  after(async () => {
    await bounded?.close();
    await free?.close();
  });

  async function deleteRex(stack: Guarded) {
    const caller = await stack.as("remediation", `${stack.runName("3")}-remediate-1`);
    const uid = (await stack.cluster.codeRun("rex-3"))?.metadata.uid;
    return caller.send({
      method: "DELETE",
      path: `/apis/agents.platform/v1/namespaces/${stack.cluster.namespace}/coderuns/rex-3`,
      body: { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } },
    });
  }

  it("are each bound by their own policies, which bind no account of another namespace", async () => {
    const refused = await deleteRex(bounded);
    equal(refused.code, 403);
    match(refused.message, /belongs to agent '5DLabs-Rex'/);
    // This also shows that the policies refuse, not the Role: without them, the same account with the same Role deletes Rex's run.
    equal((await deleteRex(free)).code, 200);
    equal(await free.cluster.codeRun("rex-3"), undefined);
  });
});
