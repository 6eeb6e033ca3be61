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

/** test/manifests/alarms.spec.ts tests when they fire, test/unit/docs/alarms.spec.ts which documentation they link to. */
describe("Alarms", () => {
  it("are one PrometheusRule with the labels by which Prometheus selects it", async () => {
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

  it("each state the severity, the installation, what it means, and where to read what to do", async () => {
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

  it("link to the section if docsUrl is set", async () => {
    const { rules } = await rendered({ docsUrl: "https://example.com/docs" });
    assert.equal(rules[0]?.annotations.runbook_url, "https://example.com/docs/troubleshooting.md#a-run-failed");
  });

  it("do not watch a missing sweep, and only alarm on failures if its schedule has no regular pause", async () => {
    const sweeps = async (schedule: string) =>
      (await rendered({}, schedule)).rules
        .map(({ alert }) => alert)
        .filter((alert) => /Sweep(Failing|Missing)/.test(alert));
    assert.deepEqual(await sweeps(""), []);
    assert.deepEqual(await sweeps("0 8 * * 1-5"), ["RexRemediationSweepFailing"]);
    assert.deepEqual(await sweeps("@hourly"), ["RexRemediationSweepFailing", "RexRemediationSweepMissing"]);
  });

  it("compute a schedule's longest pause in minutes", () => {
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
