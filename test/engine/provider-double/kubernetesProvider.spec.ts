import assert from "node:assert/strict";
import { Engine } from "../../support/pulumi/kubernetesProvider/engine.ts";
import { select } from "../../support/pulumi/kubernetesProvider/jsonPath.ts";
import { Provider } from "../../support/pulumi/kubernetesProvider/provider.ts";
import { plain, withSecrets } from "../../support/pulumi/kubernetesProvider/values.ts";
import { waitFor } from "../../support/pulumi/kubernetesProvider/waitFor.ts";

const secretMark = (value: string) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

describe("the stand-in for Pulumi's Kubernetes provider", () => {
  it("selects by JSON path in the order of RFC 9535", () => {
    const object = {
      metadata: { name: "a", owner: { name: "b" } },
      status: { conditions: [{ type: "X", status: "False" }] },
    };
    assert.deepEqual(select("$.metadata.name", object), ["a"]);
    assert.deepEqual(select("$['metadata']..['name']", object), ["a", "b"]);
    assert.deepEqual(select('$.status.conditions[?(@.type=="X")].status', object), ["False"]);
    assert.deepEqual(select("$.status.conditions[0].type", object), ["X"]);
    assert.deepEqual(select("$.status.nothing[*]", object), []);
    const failed = `$['status','metadata']..[?@.status=="False",'name']`;
    assert.deepEqual(select(failed, object), [{ type: "X", status: "False" }, "a", "b"]);
    assert.throws(() => select("$.a[?@.b > 1]", object), /cannot read the selector/);
  });

  it("waits for conditions, and reports the message of a failed one", () => {
    const annotation = JSON.stringify([
      `jsonpath={['status','metadata']..[?@.status=="False",'name']}=a`,
      "condition=Deployed",
    ]);
    const object = (conditions?: { [key: string]: string }[]) => ({
      metadata: { name: "a" },
      status: { conditions: conditions ?? null },
    });
    assert.deepEqual(waitFor(annotation, object()), { ready: false });
    assert.deepEqual(waitFor(annotation, object([{ type: "Deployed", status: "Unknown" }])), { ready: false });
    assert.deepEqual(waitFor(annotation, object([{ type: "Deployed", status: "True" }])), { ready: true });
    assert.deepEqual(waitFor(annotation, object([{ type: "Deployed", status: "False", message: "no bus" }])), {
      ready: false,
      reason: `"['status','metadata']..[?@.status=="False",'name']" has a non-primitive value (map[message:no bus status:False type:Deployed])`,
    });
    assert.deepEqual(waitFor("condition=ready=false", object([{ type: "Ready", status: "False" }])), { ready: true });
    assert.throws(() => waitFor("Ready", object()), /expected a "jsonpath=" or "condition=" prefix/);
  });

  it("does not mistake an old observation for a new one", () => {
    const condition = { type: "Ready", status: "True", observedGeneration: 1 };
    assert.equal(
      waitFor("condition=Ready", { metadata: { generation: 2 }, status: { conditions: [condition] } }).ready,
      false,
    );
    assert.equal(
      waitFor("condition=Ready", { metadata: { generation: 1 }, status: { conditions: [condition] } }).ready,
      true,
    );
  });

  it("reads secrets and returns them as secrets", () => {
    const { value, secrets } = plain({ a: [{ b: secretMark("x") }], c: "y" });
    assert.deepEqual([value, secrets], [{ a: [{ b: "x" }], c: "y" }, [["a", 0, "b"]]]);
    assert.deepEqual(withSecrets({ a: [{ b: "x" }], c: "z" }, secrets), { a: [{ b: secretMark("x") }], c: "z" });
    assert.deepEqual(withSecrets({ c: "z" }, secrets), { c: "z" });
  });

  it("replaces what Pulumi's provider replaces, and deletes the old object first if the name stays the same", () => {
    const provider = new Provider(new Engine(undefined));
    const object = (kind: string, more: object) => ({ apiVersion: "v1", kind, metadata: { name: "a" }, ...more });
    const diff = (kind: string, before: object, after: object) =>
      provider.diff(object(kind, before), object(kind, after));
    assert.deepEqual(diff("Secret", { stringData: { a: "1" } }, { stringData: { a: "2" } }), {
      changed: ["stringData.a"],
      replace: ["stringData"],
      deleteBeforeReplace: true,
    });
    assert.deepEqual(diff("Secret", { stringData: { a: "1" } }, { stringData: { a: secretMark("1") } }), {
      changed: [],
      replace: [],
      deleteBeforeReplace: false,
    });
    assert.deepEqual(diff("Role", { rules: [] }, { rules: [{}] }), {
      changed: ["rules[0]"],
      replace: [],
      deleteBeforeReplace: false,
    });
    assert.deepEqual(diff("Role", {}, { metadata: { name: "b" } }), {
      changed: ["metadata.name"],
      replace: ["metadata.name"],
      deleteBeforeReplace: false,
    });
  });
});
