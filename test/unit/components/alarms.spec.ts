import assert from "node:assert/strict";
import { longestPause } from "../../../components/cronPause.ts";
import { Alarms, type AlarmsArgs } from "../../../components/monitoring/alarms.ts";
import { only, register, resolved, shape } from "../../support/pulumi/mockEngine.ts";

const type = "kubernetes:monitoring.coreos.com/v1:PrometheusRule";
const component = "rex-remediation:index:Alarms";

interface Rule {
  alert: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

async function rendered(changes: Partial<AlarmsArgs> = {}, sweepSchedule: string | undefined = "*/5 * * * *") {
  const watched = {
    namespace: "agents",
    eventSourceName: "pushes",
    sensorName: "rex",
    ...(sweepSchedule !== "" && { sweepSchedule }),
    maxRounds: 5,
    slowSeconds: 120,
  };
  const { registrations, value } = await register(() =>
    resolved(new Alarms("rex", { watched, labels: {}, ...changes }).prometheusRuleName),
  );
  const { metadata, spec } = only(registrations, type).inputs as {
    metadata: object;
    spec: { groups: { name: string; rules: Rule[] }[] };
  };
  return { registrations, value, metadata, rules: spec.groups.flatMap(({ rules }) => rules) };
}

/** When they ring is shown by test/manifests/alarms.spec.ts, where they lead by test/unit/docs/alarms.spec.ts. */
describe("Alarms", () => {
  it("are one PrometheusRule, which Prometheus finds by the labels that it looks for", async () => {
    const { registrations, value, metadata } = await rendered({ labels: { release: "prometheus" } });
    assert.deepEqual(shape(registrations), [` > ${component} rex`, `${component} > ${type} rex-alarms`]);
    assert.equal(value, "rex");
    assert.deepEqual(metadata, {
      name: "rex",
      namespace: "agents",
      labels: {
        "app.kubernetes.io/name": "rex-remediation",
        "app.kubernetes.io/instance": "rex",
        "app.kubernetes.io/component": "alarms",
        "app.kubernetes.io/managed-by": "pulumi",
        release: "prometheus",
      },
    });
  });

  it("each say how bad it is, of which installation, what it means, and where the way out stands", async () => {
    const { rules } = await rendered();
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels.severity ?? "", /^(critical|warning|info)$/, alert);
      assert.deepEqual({ ...labels, severity: "" }, { severity: "", namespace: "agents", installation: "rex" });
      assert.deepEqual(Object.keys(annotations).sort(), ["description", "runbook", "summary"]);
      assert.ok(annotations.description, alert);
    }
    const failed = rules.find(({ alert }) => alert === "RexRemediationFailed");
    assert.equal(failed?.annotations.runbook, "docs/troubleshooting.md#a-run-failed");
  });

  it("link the paragraph where it is known where docs/ is read", async () => {
    const { rules } = await rendered({ docsUrl: "https://example.com/docs" });
    assert.equal(rules[0]?.annotations.runbook_url, "https://example.com/docs/troubleshooting.md#a-run-failed");
  });

  it("know no sweep where there is none, and of one without a regular pause only that it fails", async () => {
    const sweeps = async (schedule: string) =>
      (await rendered({}, schedule)).rules
        .map(({ alert }) => alert)
        .filter((alert) => /Sweep(Failing|Missing)/.test(alert));
    assert.deepEqual(await sweeps(""), []);
    assert.deepEqual(await sweeps("0 8 * * 1-5"), ["RexRemediationSweepFailing"]);
    assert.deepEqual(await sweeps("@hourly"), ["RexRemediationSweepFailing", "RexRemediationSweepMissing"]);
  });

  it("know a schedule's longest pause in minutes", () => {
    const pauses = {
      "* * * * *": 1,
      "*/5 * * * *": 5,
      "*/45 * * * *": 45,
      "7 * * * *": 60,
      "@hourly": 60,
      "30 */2 * * *": 120,
      "30 4 * * *": 1440,
      "@daily": 1440,
      "@every 90s": 2,
      "@every 2h": 120,
      "0,30 * * * *": undefined,
      "*/5 8-18 * * *": undefined,
      "0 4 * * 1": undefined,
    };
    assert.deepEqual(
      Object.fromEntries(Object.keys(pauses).map((schedule) => [schedule, longestPause(schedule)])),
      pauses,
    );
  });
});
