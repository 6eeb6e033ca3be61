import { argoCommand } from "../argoInstance.ts";
import { longestPause } from "../cronPause.ts";
import { ledgerKey, outcomeLabel } from "../vocabulary/keys.ts";

/** What the alarms watch. */
export interface Watched {
  namespace: string;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  eventSourceName: string;
  sensorName: string;
  /** When the sweep runs, in cron syntax; undefined: never. */
  sweepSchedule?: string;
  /** If a task has more rounds than this, an alarm rings. */
  maxRounds: number;
  /** If the slowest 5 % of restarts take longer than this, an alarm rings. In seconds. */
  slowSeconds: number;
}

export interface Alarm {
  alert: string;
  /** PromQL. */
  expr: string;
  /** How long the expression must hold before the alarm rings; default: it rings at once. */
  for?: string;
  /** critical: pushes do not restart QA; warning: somebody should look today; info: good to know. */
  severity: "critical" | "warning" | "info";
  summary: string;
  /** What it means, and what to do. */
  description: string;
  /** Anchor of its section in docs/troubleshooting.md. */
  paragraph: string;
}

/** A metric that exists whenever the controller runs. If Prometheus has it, it would also see the controller's other metrics. */
const controller = "argo_workflows_is_leader";
/** A metric of the Sensor's pods: events that it gave up on after all retries. */
const givenUp = "argo_events_action_retries_failed_total";
/** A stable metric of kube-state-metrics, since 1.0. */
const deployments = "kube_deployment_status_replicas_available";

const metric = (name: string, labels = "") => `argo_workflows_rex_remediation_${name}${labels && `{${labels}}`}`;

/**
 * By how much a counter grew within a time. `increase` alone misses the first count: Argo exposes a counter only from its first count on,
 * so it starts at 1 instead of 0. A series that did not exist before therefore counts with its whole value. Two conditions avoid false
 * alarms: the series must be missing for a day, because a shorter gap may be a gap in the data; and Prometheus must have seen the
 * controller before, because to a new Prometheus every series is new.
 */
function grown(series: string, time: string): string {
  const before = (one: string) => `last_over_time(${one}[1d] offset ${time})`;
  return `((${series} unless ${before(series)} and on () ${before(controller)}) or increase(${series}[${time}]))`;
}

const times = '{{ printf "%.0f" $value }}';

/** The alarms of an installation. */
export function alarms(name: string, watched: Watched): Alarm[] {
  const { namespace } = watched;
  const argo = argoCommand(namespace, watched.argoInstanceId);
  return [
    {
      alert: "RexRemediationFailed",
      expr: `sum(${grown(metric("runs_total", 'outcome="failed"'), "1h")}) > 0`,
      severity: "critical",
      summary: "A remediation failed: QA may be working on an old head.",
      description: `${times} failed within the last hour. To see which and why: kubectl -n ${namespace} get workflows -l ${outcomeLabel}=failed, then ${argo} get RUN. After you fix the cause: ${argo} retry RUN.`,
      paragraph: "a-run-failed",
    },
    ...down(watched),
    {
      alert: "RexRemediationPushRefused",
      expr: `sum(${grown(`${givenUp}{namespace="${namespace}",sensor_name="${watched.sensorName}"}`, "1h")}) > 0`,
      severity: "critical",
      summary: "The Sensor gave up on a push: it created no run for it.",
      description: `${times} within the last hour. For a minute, the API server refused the run or did not answer, and later pushes had to wait. If there is a sweep, it starts the missing runs. To see why: kubectl -n ${namespace} logs -l sensor-name=${watched.sensorName} --tail 50.`,
      paragraph: "the-sensor-gave-up-on-a-push",
    },
    ...unseen(namespace),
    {
      alert: "RexRemediationPushSwept",
      expr: `sum(${grown(metric("swept_pushes_total"), "1h")}) > 0`,
      severity: "warning",
      summary: "Only the sweep found a push: its remediation came minutes late.",
      description: `${times} within the last hour. They are remediated. To see why they did not arrive directly, look at the webhook's recent deliveries on GitHub, then at EventSource, event bus and Sensor: kubectl -n ${namespace} get eventbus,eventsource,sensor,pods.`,
      paragraph: "only-the-sweep-found-a-push",
    },
    {
      alert: "RexRemediationRedelivered",
      expr: `sum(${grown(metric("redeliveries_total"), "1h")}) > 0`,
      severity: "info",
      summary: "GitHub could not deliver a push, and was asked to try again.",
      description: `${times} within the last hour. The EventSource was down, refused them, or could not be reached: kubectl -n ${namespace} logs -l eventsource-name=${watched.eventSourceName} --tail 50.`,
      paragraph: "the-eventsource-answers-500-or-not-at-all",
    },
    ...sweep(name, watched),
    {
      alert: "RexRemediationManyRounds",
      expr: `sum(${grown(metric("round_count"), "1h")}) - sum(${grown(metric("round_bucket", `le=~"${watched.maxRounds}|${watched.maxRounds}[.]0"`), "1h")}) > 0.5`,
      severity: "warning",
      summary: `A task has had more than ${watched.maxRounds} rounds.`,
      description: `${times} restarts within the last hour were for tasks that already had ${watched.maxRounds} rounds: QA and the coding agent keep going in circles. To see which task: kubectl -n ${namespace} get workflows -o custom-columns='NAME:.metadata.name,ROUND:.metadata.annotations.${ledgerKey("round")}'. To stop it, put the hold label on its pull request.`,
      paragraph: "a-task-goes-round-and-round",
    },
    {
      alert: "RexRemediationSlow",
      expr: `histogram_quantile(0.95, sum by (le) (rate(${metric("duration_seconds_bucket", 'outcome="remediated"')}[6h]))) > ${watched.slowSeconds} and on () sum(increase(${metric("duration_seconds_count", 'outcome="remediated"')}[6h])) >= 5`,
      for: "15m",
      severity: "warning",
      summary: `Restarts take longer than ${watched.slowSeconds} s.`,
      description: `In the last six hours, one in twenty took ${times} s or more. To see which step is slow: ${argo} get RUN, or the dashboard.`,
      paragraph: "restarts-are-slow",
    },
  ];
}

/** The alarms as Prometheus reads them. */
export function alarmGroups(name: string, watched: Watched, annotations: (alarm: Alarm) => Record<string, string>) {
  return [
    {
      name,
      rules: alarms(name, watched).map((alarm) => ({
        alert: alarm.alert,
        expr: alarm.expr,
        ...(alarm.for && { for: alarm.for }),
        labels: { severity: alarm.severity, namespace: watched.namespace, installation: name },
        annotations: { summary: alarm.summary, description: alarm.description, ...annotations(alarm) },
      })),
    },
  ];
}

/** Argo Events names a Deployment after its object, plus the kind and a random suffix. */
function down({ namespace, eventSourceName, sensorName }: Watched): Alarm[] {
  const available = (deployment: string) =>
    // Counts a missing Deployment as 0 if Prometheus sees any others. If it sees none, RexRemediationDeploymentsUnseen rings.
    `(sum(${deployments}{namespace="${namespace}",deployment=~"${deployment}-[a-z0-9]+"}) or 0 * count(${deployments})) == 0`;
  const object = (kind: "EventSource" | "Sensor", name: string, meanwhile: string): Alarm => ({
    alert: `RexRemediation${kind}Down`,
    expr: available(`${name}-${kind.toLowerCase()}`),
    for: "3m",
    severity: "critical",
    summary: `The ${kind} ${name} has no ready pod.`,
    description: `${meanwhile} To see why: kubectl -n ${namespace} describe ${kind.toLowerCase()} ${name}, and describe pods -l ${kind.toLowerCase()}-name=${name}.`,
    paragraph: "eventsource-or-sensor-is-down",
  });
  return [
    object(
      "EventSource",
      eventSourceName,
      "GitHub's deliveries fail. When it is back, the sweep asks GitHub to redeliver them, or starts the remediations itself.",
    ),
    object("Sensor", sensorName, "The event bus keeps the pushes, and they restart QA when it is back."),
  ];
}

/** Alarms for missing metrics: without them, the other alarms cannot ring. */
function unseen(namespace: string): Alarm[] {
  return [
    {
      alert: "RexRemediationControllerUnseen",
      expr: `absent(${controller})`,
      for: "15m",
      severity: "warning",
      summary: "Prometheus has no metrics of Argo's workflow controller.",
      description: `Either it is down, and no remediation runs, or it is not scraped, and most of these alarms cannot ring: kubectl get pods -A -l app=workflow-controller. To see waiting runs: kubectl -n ${namespace} get workflows.`,
      paragraph: "prometheus-does-not-see-what-it-has-to",
    },
    {
      alert: "RexRemediationDeploymentsUnseen",
      expr: `absent(${deployments})`,
      for: "15m",
      severity: "warning",
      summary: `Prometheus has no ${deployments}.`,
      description:
        "Without kube-state-metrics, no alarm rings when the EventSource or the Sensor is down. Install it, or let Prometheus scrape it.",
      paragraph: "prometheus-does-not-see-what-it-has-to",
    },
  ];
}

/** If the longest pause of the schedule is unknown, there is no alarm for a missing sweep. */
function sweep(name: string, { namespace, argoInstanceId, sweepSchedule }: Watched): Alarm[] {
  if (sweepSchedule === undefined) return [];
  const pause = longestPause(sweepSchedule);
  const time = `${2 * (pause ?? 24 * 60) + 10}m`;
  const ended = (labels: string) => `sum(${grown(metric("sweeps_total", labels), time)})`;
  const argo = argoCommand(namespace, argoInstanceId);
  const byHand = `${argo} submit --from cronworkflow/${name}-sweep`;
  const failing: Alarm = {
    alert: "RexRemediationSweepFailing",
    expr: `${ended('status!="Succeeded"')} > 0 unless on () ${ended('status="Succeeded"')} > 0`,
    severity: "warning",
    summary: "The sweep fails: a lost push would stay lost.",
    description: `${times} sweeps failed within ${time}, and none succeeded. To see why: ${argo} list -l app.kubernetes.io/component=sweep, then logs. To start one now: ${byHand}.`,
    paragraph: "it-fails",
  };
  const missing: Alarm = {
    alert: "RexRemediationSweepMissing",
    expr: `(${ended("")} or 0 * count(${controller})) == 0`,
    for: `${(pause ?? 0) + 5}m`,
    severity: "warning",
    summary: "The sweep does not run: a lost push would stay lost.",
    description: `No sweep has ended within ${time}. To see whether it is suspended, and what the controller says about it: kubectl -n ${namespace} describe cronworkflow ${name}-sweep. To start one now: ${byHand}.`,
    paragraph: "it-does-not-run",
  };
  return pause === undefined ? [failing] : [failing, missing];
}
