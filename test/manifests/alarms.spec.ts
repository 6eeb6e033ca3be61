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

/** Firing alarms at a minute. */
type Rings = [minute: number, ...alarms: string[]];

const rex = "argo_workflows_rex_remediation_";
const controller = "argo_workflows_is_leader";
const runs = (outcome: string) => `${rex}runs_total{outcome="${outcome}"}`;
const sweeps = (status: string) => `${rex}sweeps_total{status="${status}"}`;
const swept = `${rex}swept_pushes_total`;
const redelivered = `${rex}redeliveries_total`;
const round = (most: string) => `${rex}round_bucket{le="${most}"}`;
const rounds = `${rex}round_count`;
const duration = (most: string) => `${rex}duration_seconds_bucket{le="${most}",outcome="remediated"}`;
// Of the Sensor's pod, not of the controller.
const givenUp = (pod: string) =>
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
 * The alarms of the rendered PrometheusRule, as Prometheus evaluates them, on the series that were recorded of a real controller
 * (test/chain/metrics). In the cases the values are made up, and names and labels are the recorded ones. What this does not show: that your Prometheus scrapes them,
 * and what kube-state-metrics serves: that is its documented metric, with the names of the Deployments that were recorded.
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
      console.log("      not run: there is no promtool; dev/checks/build promtool makes it");
      this.skip();
    }
    groups = ofKind(await manifests({ "alarms.enabled": true }), "PrometheusRule").spec.groups as object;
  });

  /** All is well: sweeps come, pods are there. */
  const healthy = (): Record<string, Course> => ({
    [controller]: () => 1,
    [sweeps("Succeeded")]: steps(5),
    [swept]: () => 0,
    [redelivered]: () => 0,
    [deployment("eventsource")]: () => 1,
    [deployment("sensor")]: () => 1,
  });

  /** Asks which alarms ring when. */
  function rings(courses: Record<string, Course>, ...expected: Rings[]): void {
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

  it("are rules that Prometheus takes", () => {
    const { status, output } = checkRules(groups);
    equal(status, 0, output);
  });

  it("are silent while all is well", () => {
    rings(
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

  it("ring for what was recorded: a failed remediation, a lost push, a failed delivery", () => {
    // What happened before Prometheus looked is not told: it looks for an hour first.
    const begin = 65;
    const end = begin + recorded.snapshots.length;
    rings(replayed(recorded, begin), [end, "Failed", "PushSwept", "Redelivered"]);
  });

  describe("ring for a push that the Sensor gave up", () => {
    it("also where the counter is first seen as 1, for an hour, and for one more of a new pod", () => {
      rings(
        { ...healthy(), [givenUp("10.0.0.7")]: from(90, () => 1) },
        [89],
        [91, "PushRefused"],
        [145, "PushRefused"],
        [155],
      );
      rings(
        { ...healthy(), [givenUp("10.0.0.7")]: until(90, () => 1), [givenUp("10.0.0.8")]: from(90, () => 1) },
        [85],
        [91, "PushRefused"],
        [155],
      );
    });
    it("where the counter grows from 0, and not where it stays there", () => {
      rings({ ...healthy(), [givenUp("10.0.0.7")]: jump(90, 0, 1) }, [89], [91, "PushRefused"], [155]);
      rings({ ...healthy(), [givenUp("10.0.0.7")]: () => 0 }, [5], [100], [400]);
    });
  });

  describe("ring for a failed remediation", () => {
    it("also for the first one that the controller counts, for an hour", () => {
      rings({ ...healthy(), [runs("failed")]: from(90, () => 1) }, [89], [91, "Failed"], [145, "Failed"], [155]);
    });
    it("for one more", () => {
      rings({ ...healthy(), [runs("failed")]: jump(90, 3, 4) }, [89], [91, "Failed"], [155]);
    });
    it("after the controller began to count anew", () => {
      const after = scraped(runs("failed"), "10.0.0.2:9090");
      rings(
        { ...healthy(), [runs("failed")]: until(90, () => 3), [after]: from(95, () => 1) },
        [94],
        [96, "Failed"],
        [156],
      );
    });
    it("not for those from before Prometheus looked, nor after a gap in its record", () => {
      rings({ ...healthy(), [runs("failed")]: () => 3 }, [1], [59]);
      const gap =
        (course: Course): Course =>
        (minute) =>
          minute >= 90 && minute < 150 ? undefined : course(minute);
      const courses = { ...healthy(), [runs("failed")]: () => 3 };
      rings(Object.fromEntries(Object.entries(courses).map(([one, course]) => [one, gap(course)])), [155], [215]);
    });
  });

  for (const [kind, alarm] of [
    ["eventsource", "EventSourceDown"],
    ["sensor", "SensorDown"],
  ] as const) {
    it(`ring where the ${kind} has no pod or no Deployment, and not for a pod that is replaced`, () => {
      rings({ ...healthy(), [deployment(kind)]: jump(60, 1, 0) }, [59], [62], [63, alarm]);
      rings({ ...healthy(), [deployment(kind)]: until(60, () => 1) }, [59], [70, alarm]);
      rings({ ...healthy(), [deployment(kind)]: (minute) => (minute === 60 || minute === 61 ? 0 : 1) }, [60], [64]);
    });
  }

  it("ring where what they look at is not seen, and then none of the others", () => {
    const without = (prefix: string) =>
      Object.fromEntries(
        Object.entries(healthy()).map(([one, course]) => [one, one.startsWith(prefix) ? until(60, course) : course]),
      );
    rings(without("argo_"), [78], [81, "ControllerUnseen"], [200, "ControllerUnseen"]);
    rings(without("kube_"), [78], [81, "DeploymentsUnseen"], [200, "DeploymentsUnseen"]);
  });

  it("ring for a push that only the sweep found, and for a delivery that was asked for again", () => {
    rings({ ...healthy(), [swept]: jump(90, 0, 2) }, [89], [91, "PushSwept"], [155]);
    rings({ ...healthy(), [redelivered]: jump(90, 0, 1) }, [89], [91, "Redelivered"], [155]);
  });

  it("ring where every sweep fails, and not for one that fails now and then", () => {
    rings(
      {
        ...healthy(),
        [sweeps("Succeeded")]: (minute) => steps(5)(Math.min(minute, 60)),
        [sweeps("Failed")]: from(65, steps(5)),
      },
      [64],
      [78],
      [85, "SweepFailing"],
    );
    rings({ ...healthy(), [sweeps("Succeeded")]: steps(10), [sweeps("Failed")]: steps(10) }, [60], [120]);
  });

  it("ring where no sweep runs any more, or none ever did", () => {
    rings(
      { ...healthy(), [sweeps("Succeeded")]: (minute) => steps(5)(Math.min(minute, 60)) },
      [88],
      [92, "SweepMissing"],
    );
    const { [sweeps("Succeeded")]: none, ...others } = healthy();
    ok(none);
    rings(others, [9], [11, "SweepMissing"]);
  });

  describe("ring for a task with more rounds than maxRounds", () => {
    for (const [how, five] of [
      ["of Prometheus 2", "5"],
      ["of Prometheus 3, which writes 5.0", "5.0"],
    ] as const) {
      it(`and not for one with just as many, by the buckets ${how}`, () => {
        const bucket = scraped(round("5").replace('"5"', `"${five}"`));
        rings({ ...healthy(), [rounds]: jump(90, 7, 8), [bucket]: jump(90, 7, 8) }, [91]);
        rings({ ...healthy(), [rounds]: jump(90, 7, 8), [bucket]: () => 7 }, [89], [92, "ManyRounds"], [155]);
        rings({ ...healthy(), [rounds]: from(90, () => 1), [bucket]: from(90, () => 0) }, [89], [91, "ManyRounds"]);
      });
    }
  });

  it("ring where one in twenty restarts takes longer than two minutes, and not for a few restarts", () => {
    const slow = (each: number) => ({
      ...healthy(),
      [durations]: steps(each),
      [duration("120")]: () => 0,
      [duration("300")]: steps(each),
      [duration("+Inf")]: steps(each),
    });
    rings(slow(20), [90], [150, "Slow"]);
    rings(slow(120), [360]);
  });
});
