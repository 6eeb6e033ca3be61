import assert from "node:assert/strict";
import { Dashboard } from "../../../components/monitoring/dashboard.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";

const type = "kubernetes:core/v1:ConfigMap";
const component = "rex-remediation:index:Dashboard";

async function rendered() {
  const { registrations, value } = await register(() =>
    resolved(
      new Dashboard("rex", {
        namespace: "agents",
        eventSourceName: "pushes",
        sensorName: "rex-sensor",
        labels: { grafana_dashboard: "1" },
      }).configMapName,
    ),
  );
  const { metadata, data } = only(registrations, type).inputs as {
    metadata: { name: string; labels: Record<string, string> };
    data: Record<string, string>;
  };
  return { registrations, value, metadata, data, dashboard: JSON.parse(data["rex.json"] ?? "") };
}

/** Its queries are tried by test/manifests/dashboard.spec.ts. What this does not show: that Grafana draws it. */
describe("Dashboard", () => {
  it("is one ConfigMap that Grafana's sidecar finds by its label", async () => {
    const { registrations, value, metadata, data } = await rendered();
    assert.deepEqual(shape(registrations), [` > ${component} rex`, `${component} > ${type} rex-dashboard`]);
    assert.equal(value, "rex-dashboard");
    assert.deepEqual(Object.keys(data), ["rex.json"]);
    assert.equal(metadata.labels.grafana_dashboard, "1");
    assert.equal(metadata.labels["app.kubernetes.io/component"], "dashboard");
  });

  it("is of this installation, and lets its reader choose the Prometheus", async () => {
    const { dashboard } = await rendered();
    assert.deepEqual([dashboard.title, dashboard.uid], ["Rex remediation (agents/rex)", "rex-agents"]);
    assert.deepEqual(
      dashboard.templating.list.map(({ name, type, query }: Record<string, string>) => [name, type, query]),
      [
        ["datasource", "datasource", "prometheus"],
        ["namespace", "constant", "agents"],
        ["event_source", "constant", "pushes"],
        ["sensor", "constant", "rex-sensor"],
      ],
    );
  });

  it("asks that Prometheus in each panel, knows each variable, and says what each panel shows", async () => {
    const { dashboard } = await rendered();
    const known = [
      ...dashboard.templating.list.map(({ name }: { name: string }) => name),
      "__range",
      "__rate_interval",
    ];
    const chosen = { type: "prometheus", uid: `$${"{datasource}"}` };
    for (const { title, description, datasource, targets } of dashboard.panels) {
      assert.ok(description, title);
      for (const target of targets) {
        assert.deepEqual([datasource, target.datasource], [chosen, chosen]);
        const variables = [...target.expr.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name);
        assert.deepEqual(
          variables.filter((name) => !known.includes(name)),
          [],
          title,
        );
      }
    }
    const ids = dashboard.panels.map(({ id }: { id: number }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });
});
