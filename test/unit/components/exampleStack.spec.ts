import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { manifests, ofKind } from "../../support/pulumi/manifests.ts";
import { type ConfigChanges, type ConfigValue, leastConfig, secretKeys } from "../../support/pulumi/stackConfig.ts";

/** Does not check that an image, a host or an App with these names exists. */
describe("Pulumi.prod.yaml", () => {
  const text = readFileSync(new URL("../../../Pulumi.prod.yaml", import.meta.url), "utf8");

  /** Only the file's values, without the base configuration of the other specs. */
  function values(yaml: string): ConfigChanges {
    const { config } = parse(yaml) as { config: Record<string, ConfigValue> };
    const own = Object.entries(config).map(([key, value]) => [key.replace(/^rex-remediation:/, ""), value] as const);
    const others = Object.keys(leastConfig).filter((key) => !secretKeys.includes(key));
    return { ...Object.fromEntries(others.map((key) => [key, undefined])), ...Object.fromEntries(own) };
  }

  it("needs only the two secrets in addition", async () => {
    const objects = await manifests(values(text));
    deepEqual(ofKind(objects, "Ingress").spec.rules, [
      {
        host: "hooks.example.com",
        http: {
          paths: [
            {
              path: "/push",
              pathType: "Exact",
              backend: { service: { name: "rex-remediation-webhook", port: { number: 12000 } } },
            },
          ],
        },
      },
    ]);
  });

  it("is also valid with the alternatives in its comments: the other way in and existing Secrets", async () => {
    const instead = text
      .replace(/^ *rex-remediation:ingress:\n *host:.*$/m, "")
      .replace(/^( *)# ((rex-remediation:(gateway|webhook):| {2}\w+:|existingSecret:).*)$/gm, "$1$2");
    const secrets = Object.fromEntries(secretKeys.map((key) => [key, ""]));
    const objects = await manifests({ ...values(instead), ...secrets });
    deepEqual(ofKind(objects, "HTTPRoute").spec.parentRefs, [{ name: "public", namespace: "gateways" }]);
    deepEqual(
      objects.filter(({ kind }) => ["Secret", "Ingress"].includes(kind)),
      [],
    );
  });
});
