import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject } from "ajv";
import { type Manifest, manifests, ofKind } from "../support/pulumi/manifests.ts";
import { moduleFile, moduleVersion } from "../support/pulumi/upstream.ts";

interface Schema {
  definitions: Record<string, { properties?: object; additionalProperties?: unknown }>;
}

const module = "github.com/argoproj/argo-events";
const group = "io.argoproj.events.v1alpha1";

/** Upstream's schema with every object closed against fields that it does not name. */
function closedSchema(path: string): Schema {
  const { definitions }: Schema = JSON.parse(readFileSync(path, "utf8"));
  for (const definition of Object.values(definitions)) {
    if (definition.properties !== undefined && definition.additionalProperties === undefined) {
      definition.additionalProperties = false;
    }
  }
  return { definitions };
}

describe("EventSource, Sensor and EventBus against Argo Events' own schema, closed", () => {
  let errors: (object: Manifest) => string[];

  before(function () {
    const version = moduleVersion("argo-events", module);
    const path = moduleFile(module, version, "api/jsonschema/schema.json");
    if (path === undefined) {
      console.log(`      not run: ${module} ${version} is not in the Go module cache; dev/cluster/build puts it there`);
      this.skip();
    }
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    ajv.addSchema({ $id: "argo-events", ...closedSchema(path) });
    errors = (object) => {
      ajv.validate(`argo-events#/definitions/${group}.${object.kind}`, object);
      return (ajv.errors ?? []).map(
        ({ instancePath, message, params }: ErrorObject) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      );
    };
  });

  it("has nothing against the EventSource", async () => {
    assert.deepEqual(errors(ofKind(await manifests(), "EventSource")), []);
  });

  it("has nothing against the Sensor", async () => {
    assert.deepEqual(errors(ofKind(await manifests(), "Sensor")), []);
  });

  it("has nothing against the Sensor of an existing EventSource", async () => {
    const objects = await manifests({ webhookSecret: "", existingEventSource: { name: "github", event: "push" } });
    assert.deepEqual(errors(ofKind(objects, "Sensor")), []);
  });

  it("has nothing against the EventBus", async () => {
    const objects = await manifests({ "eventBus.create": true, "eventBus.storageClassName": "fast" });
    assert.deepEqual(errors(ofKind(objects, "EventBus")), []);
  });

  it("would notice a misspelt field", async () => {
    const sensor = ofKind(await manifests(), "Sensor");
    sensor.spec.replica = 1;
    assert.equal(errors(sensor).length, 1);
  });
});
