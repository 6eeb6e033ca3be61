import { deepEqual, equal, ok } from "node:assert/strict";
import {
  availableReplicas,
  type Course,
  checkRules,
  promtool,
  type Question,
  replayed,
  scraped,
  testRules,
} from "../support/promtool.ts";
import { manifests, ofKind } from "../support/pulumi/manifests.ts";
import { readRecordedMetrics } from "../support/recordedMetrics.ts";

/** A minute and the alarms that fire then. */
type Firing = [minute: number, ...alarms: string[]];

const rex = "argo_workflows_rex_remediation_";
const controller = "argo_workflows_is_leader";
const runs = (outcome: string) => `${rex}runs_total{outcome="${outcome}"}`;
const sweeps = (status: string) => `${rex}sweeps_total{status="${status}"}`;
const swept = `${rex}swept_pushes_total`;
const redelivered = `${rex}redeliveries_total`;
const round = (most: string) => `${rex}round_bucket{le="${most}"}`;
const rounds = `${rex}round_count`;
const duration = (most: string) => `${rex}duration_seconds_bucket{le="${most}",outcome="remediated"}`;
// The Sensor's pod serves this metric, not the controller.
const gaveUp = (pod: string) =>
  `argo_events_action_retries_failed_total{instance="${pod}:7777",namespace="agent-platform",sensor_name="rex-remediation",trigger_name="remediate"}`;
const durations = `${rex}duration_seconds_count{outcome="remediated"}`;

const steps =
  (minutes: number): Course =>
  (minute) =>
    Math.floor(minute / minutes) + 1;
const from =
  (begin: number, course: Course): Course =>
  (minute) =>
    minute < begin ? undefined : course(minute);
const until =
  (end: number, course: Course): Course =>
  (minute) =>
    minute < end ? course(minute) : undefined;
const jump =
  (at: number, before: number, after: number): Course =>
  (minute) =>
    minute < at ? before : after;

/**
 * Tests the alarms of the rendered PrometheusRule with Prometheus' own evaluation. Names and labels of the series were recorded from a real
 * controller (test/chain/metrics); most cases use made-up values. What this does not show: that your Prometheus scrapes the series, and
 * what kube-state-metrics serves. Its metric is taken from its documentation, with the recorded names of the Deployments.
 */
describe("alarms", function () {
  this.timeout(60_000);
  const recorded = readRecordedMetrics();
  const deployment = (kind: string) => {
    const found = recorded.deployments.find((one) => one.deployment.startsWith(`rex-remediation-${kind}-`));
    ok(found, `no Deployment of the ${kind} was recorded`);
    return availableReplicas(found);
  };
  let groups: object;

  before(async function () {
    if (promtool() === undefined) {
      console.log("      not run: promtool is missing; dev/checks/build promtool builds it");
      this.skip();
    }
    groups = ofKind(await manifests({ "alarms.enabled": true }), "PrometheusRule").spec.groups as object;
  });

  /** The series of a healthy installation: sweeps run, pods exist. */
  const healthy = (): Record<string, Course> => ({
    [controller]: () => 1,
    [sweeps("Succeeded")]: steps(5),
    [swept]: () => 0,
    [redelivered]: () => 0,
    [deployment("eventsource")]: () => 1,
    [deployment("sensor")]: () => 1,
  });

  /** Checks which alarms fire at which minute. */
  function checkFiring(courses: Record<string, Course>, ...expected: Firing[]): void {
    const known = new Set(recorded.snapshots.flatMap(({ series }) => Object.keys(series)));
    const named = Object.keys(courses).filter((one) => one.startsWith("argo_") && !one.includes("instance="));
    deepEqual(
      named.filter((one) => !known.has(one)),
      [],
      "no such series was recorded",
    );
    const questions = expected.map(
      ([minute, ...alarms]): Question => ({
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        minute,
        answer: alarms.sort().map((alarm) => ({ labels: `{alertname="RexRemediation${alarm}"}`, value: 1 })),
      }),
    );
    const series = Object.entries(courses).map(([one, course]) => [
      one.startsWith("argo_") && !one.includes("instance=") ? scraped(one) : one,
      course,
    ]);
    const { status, output } = testRules(groups, Object.fromEntries(series), questions);
    equal(status, 0, output);
  }

  it("are rules that Prometheus accepts", () => {
    const { status, output } = checkRules(groups);
    equal(status, 0, output);
  });

  it("do not fire while everything is well", () => {
    checkFiring(
      {
        ...healthy(),
        [runs("remediated")]: steps(20),
        [durations]: steps(20),
        [duration("15")]: steps(20),
        [duration("+Inf")]: steps(20),
      },
      [5],
      [100],
      [400],
    );
  });

  it("fire for the recorded events: a failed remediation, a lost push, a failed delivery", () => {
    // Alarms ignore what happened before Prometheus began to scrape, so it scrapes for an hour first.
    const begin = 65;
    const end = begin + recorded.snapshots.length;
    checkFiring(replayed(recorded, begin), [end, "Failed", "PushSwept", "Redelivered"]);
  });

  describe("fire for a push that the Sensor gave up on", () => {
    it("for an hour, even if the counter is 1 when it is first seen, and again for a new pod", () => {
      checkFiring(
        { ...healthy(), [gaveUp("10.0.0.7")]: from(90, () => 1) },
        [89],
        [91, "PushRefused"],
        [145, "PushRefused"],
        [155],
      );
      checkFiring(
        { ...healthy(), [gaveUp("10.0.0.7")]: until(90, () => 1), [gaveUp("10.0.0.8")]: from(90, () => 1) },
        [85],
        [91, "PushRefused"],
        [155],
      );
    });
    it("if the counter grows from 0, and not if it stays at 0", () => {
      checkFiring({ ...healthy(), [gaveUp("10.0.0.7")]: jump(90, 0, 1) }, [89], [91, "PushRefused"], [155]);
      checkFiring({ ...healthy(), [gaveUp("10.0.0.7")]: () => 0 }, [5], [100], [400]);
    });
  });

  describe("fire for a failed remediation", () => {
    it("for an hour, even if it is the first one that the controller counts", () => {
      checkFiring({ ...healthy(), [runs("failed")]: from(90, () => 1) }, [89], [91, "Failed"], [145, "Failed"], [155]);
    });
    it("if there were others before", () => {
      checkFiring({ ...healthy(), [runs("failed")]: jump(90, 3, 4) }, [89], [91, "Failed"], [155]);
    });
    it("after the controller's counter was reset", () => {
      const after = scraped(runs("failed"), "10.0.0.2:9090");
      checkFiring(
        { ...healthy(), [runs("failed")]: until(90, () => 3), [after]: from(95, () => 1) },
        [94],
        [96, "Failed"],
        [156],
      );
    });
    it("but not for one from before Prometheus began to scrape, nor after a gap in its data", () => {
      checkFiring({ ...healthy(), [runs("failed")]: () => 3 }, [1], [59]);
      const gap =
        (course: Course): Course =>
        (minute) =>
          minute >= 90 && minute < 150 ? undefined : course(minute);
      const courses = { ...healthy(), [runs("failed")]: () => 3 };
      checkFiring(Object.fromEntries(Object.entries(courses).map(([one, course]) => [one, gap(course)])), [155], [215]);
    });
  });

  for (const [kind, alarm] of [
    ["eventsource", "EventSourceDown"],
    ["sensor", "SensorDown"],
  ] as const) {
    it(`fire if the ${kind} has no pod or no Deployment, but not while a pod is replaced`, () => {
      checkFiring({ ...healthy(), [deployment(kind)]: jump(60, 1, 0) }, [59], [62], [63, alarm]);
      checkFiring({ ...healthy(), [deployment(kind)]: until(60, () => 1) }, [59], [70, alarm]);
      checkFiring(
        { ...healthy(), [deployment(kind)]: (minute) => (minute === 60 || minute === 61 ? 0 : 1) },
        [60],
        [64],
      );
    });
  }

  it("fire if their metrics are missing, and then the other alarms do not fire", () => {
    const without = (prefix: string) =>
      Object.fromEntries(
        Object.entries(healthy()).map(([one, course]) => [one, one.startsWith(prefix) ? until(60, course) : course]),
      );
    checkFiring(without("argo_"), [78], [81, "ControllerUnseen"], [200, "ControllerUnseen"]);
    checkFiring(without("kube_"), [78], [81, "DeploymentsUnseen"], [200, "DeploymentsUnseen"]);
  });

  it("fire for a push that only the sweep found, and for a redelivery", () => {
    checkFiring({ ...healthy(), [swept]: jump(90, 0, 2) }, [89], [91, "PushSwept"], [155]);
    checkFiring({ ...healthy(), [redelivered]: jump(90, 0, 1) }, [89], [91, "Redelivered"], [155]);
  });

  it("fire if every sweep fails, but not if a sweep fails now and then", () => {
    checkFiring(
      {
        ...healthy(),
        [sweeps("Succeeded")]: (minute) => steps(5)(Math.min(minute, 60)),
        [sweeps("Failed")]: from(65, steps(5)),
      },
      [64],
      [78],
      [85, "SweepFailing"],
    );
    checkFiring({ ...healthy(), [sweeps("Succeeded")]: steps(10), [sweeps("Failed")]: steps(10) }, [60], [120]);
  });

  it("fire if sweeps have stopped, or never ran", () => {
    checkFiring(
      { ...healthy(), [sweeps("Succeeded")]: (minute) => steps(5)(Math.min(minute, 60)) },
      [88],
      [92, "SweepMissing"],
    );
    const { [sweeps("Succeeded")]: none, ...others } = healthy();
    ok(none);
    checkFiring(others, [9], [11, "SweepMissing"]);
  });

  describe("fire for a task with more rounds than maxRounds", () => {
    for (const [how, five] of [
      ["of Prometheus 2", "5"],
      ["of Prometheus 3, which writes 5.0", "5.0"],
    ] as const) {
      it(`but not for one with exactly maxRounds, by the buckets ${how}`, () => {
        const bucket = scraped(round("5").replace('"5"', `"${five}"`));
        checkFiring({ ...healthy(), [rounds]: jump(90, 7, 8), [bucket]: jump(90, 7, 8) }, [91]);
        checkFiring({ ...healthy(), [rounds]: jump(90, 7, 8), [bucket]: () => 7 }, [89], [92, "ManyRounds"], [155]);
        checkFiring(
          { ...healthy(), [rounds]: from(90, () => 1), [bucket]: from(90, () => 0) },
          [89],
          [91, "ManyRounds"],
        );
      });
    }
  });

  it("fire if one in twenty restarts takes longer than two minutes, but not if there are only a few restarts", () => {
    const slow = (each: number) => ({
      ...healthy(),
      [durations]: steps(each),
      [duration("120")]: () => 0,
      [duration("300")]: steps(each),
      [duration("+Inf")]: steps(each),
    });
    checkFiring(slow(20), [90], [150, "Slow"]);
    checkFiring(slow(120), [360]);
  });
});
