import { deepEqual, equal } from "node:assert/strict";
import { promtool, replayed, testRules } from "../support/promtool.ts";
import { type Manifest, manifests, ofKind } from "../support/pulumi/manifests.ts";
import { readRecordedMetrics } from "../support/recordedMetrics.ts";

interface Dashboard {
  templating: { list: { name: string; query: string }[] };
  panels: { title: string; targets: { expr: string }[] }[];
}

/**
 * Tests each query of the rendered dashboard with Prometheus' own evaluation, on series that were recorded from a real controller
 * (test/chain/metrics). What this does not show: that Grafana draws the dashboard.
 */
describe("dashboard", function () {
  this.timeout(60_000);
  let dashboard: Dashboard;

  before(async function () {
    if (promtool() === undefined) {
      console.log("      not run: promtool is missing; dev/checks/build promtool builds it");
      this.skip();
    }
    // The others limit how many remediations work at once.
    const withDashboard = (await manifests({ "dashboard.enabled": true })).filter(
      ({ metadata }) => metadata.labels?.grafana_dashboard === "1",
    );
    const configMap = ofKind(withDashboard, "ConfigMap") as Manifest & { data: Record<string, string> };
    dashboard = JSON.parse(configMap.data["rex-remediation.json"] ?? "");
  });

  /** A query with its variables filled in, as Grafana sends it. */
  function filledIn(expr: string): string {
    const constants = Object.fromEntries(dashboard.templating.list.map(({ name, query }) => [name, query]));
    const values: Record<string, string> = { ...constants, __range: "1h", __rate_interval: "10m" };
    return expr.replaceAll(/\$(\w+)/g, (_, name) => values[name] ?? `$${name}`);
  }

  it("has data in each panel", () => {
    const recorded = readRecordedMetrics();
    const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => filledIn(expr)));
    deepEqual(
      dashboard.panels.filter(({ targets }) => targets.length === 0),
      [],
    );
    const begin = 65;
    const minute = begin + recorded.snapshots.length;
    const questions = queries.map((query) => ({
      expr: `count(${query}) > bool 0`,
      minute,
      answer: [{ labels: "{}", value: 1 }],
    }));
    const { status, output } = testRules([], replayed(recorded, begin), questions);
    equal(status, 0, output);
    deepEqual(
      queries.filter((query) => query.includes("$")),
      [],
    );
  });
});
