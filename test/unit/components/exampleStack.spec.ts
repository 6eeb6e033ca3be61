import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { manifests, ofKind } from "../../support/pulumi/manifests.ts";
import { type ConfigChanges, type ConfigValue, leastConfig, secretKeys } from "../../support/pulumi/stackConfig.ts";

/** What it does not show: that an image, a host or an App of these names exists. */
describe("Pulumi.prod.yaml", () => {
  const text = readFileSync(new URL("../../../Pulumi.prod.yaml", import.meta.url), "utf8");

  /** The file's values alone, without those that other specs take for given. */
  function values(yaml: string): ConfigChanges {
    const { config } = parse(yaml) as { config: Record<string, ConfigValue> };
    const own = Object.entries(config).map(([key, value]) => [key.replace(/^rex-remediation:/, ""), value] as const);
    const others = Object.keys(leastConfig).filter((key) => !secretKeys.includes(key));
    return { ...Object.fromEntries(others.map((key) => [key, undefined])), ...Object.fromEntries(own) };
  }

  it("needs nothing but the two secrets", async () => {
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

  it("may have its other way in and its other secrets instead, as its comments have them", async () => {
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
