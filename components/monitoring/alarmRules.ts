import { argoCommand } from "../argoInstance.ts";
import { longestPause } from "../cronPause.ts";
import { ledgerKey, outcomeLabel } from "../vocabulary/keys.ts";

/** What the alarms look at. */
export interface Watched {
  namespace: string;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  eventSourceName: string;
  sensorName: string;
  /** When the sweep runs, as cron has it; undefined: never. */
  sweepSchedule?: string;
  /** A task with more rounds than this rings. */
  maxRounds: number;
  /** Of a hundred restarts, 95 take no longer than this, in seconds. */
  slowSeconds: number;
}

export interface Alarm {
  alert: string;
  /** PromQL. */
  expr: string;
  /** How long it has to be so; default: not at all. */
  for?: string;
  /** critical: pushes restart nothing; warning: somebody should look today; info: good to know. */
  severity: "critical" | "warning" | "info";
  summary: string;
  /** What it means, and the way out. */
  description: string;
  /** Anchor of the paragraph in docs/troubleshooting.md. */
  paragraph: string;
}

/** Always there while the controller is: what says that its other metrics could be seen, too. */
const controller = "argo_workflows_is_leader";
/** Of the Sensor's pods: events of which it could make nothing, however often it tried. */
const givenUp = "argo_events_action_retries_failed_total";
/** Of kube-state-metrics, from 1.0 on; a stable metric. */
const deployments = "kube_deployment_status_replicas_available";

const metric = (name: string, labels = "") => `argo_workflows_rex_remediation_${name}${labels && `{${labels}}`}`;

/**
 * How much a counter has grown in a time. `increase` alone is blind to the first one: Argo serves a counter from its first count on, as
 * 1 and not as 0. So one that was not there before counts with all that it has; a day back, lest a gap in the record looks like that,
 * and only if the controller was seen before, lest Prometheus, when it is new, takes all that ever was for news.
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
      summary: "A remediation failed: QA may work on an old head.",
      description: `${times} failed within the last hour. Which, and why: kubectl -n ${namespace} get workflows -l ${outcomeLabel}=failed, then ${argo} get RUN. When its reason is mended: ${argo} retry RUN.`,
      paragraph: "a-run-failed",
    },
    ...down(watched),
    {
      alert: "RexRemediationPushRefused",
      expr: `sum(${grown(`${givenUp}{namespace="${namespace}",sensor_name="${watched.sensorName}"}`, "1h")}) > 0`,
      severity: "critical",
      summary: "The Sensor gave up on a push: it made no run of it.",
      description: `${times} within the last hour. For a minute the API server refused them, or was away, and the pushes behind them waited so long; the sweep starts their runs, if there is one. Why: kubectl -n ${namespace} logs -l sensor-name=${watched.sensorName} --tail 50.`,
      paragraph: "the-sensor-gave-up-on-a-push",
    },
    ...unseen(namespace),
    {
      alert: "RexRemediationPushSwept",
      expr: `sum(${grown(metric("swept_pushes_total"), "1h")}) > 0`,
      severity: "warning",
      summary: "Only the sweep found a push: it came minutes late.",
      description: `${times} within the last hour. They are remediated. Why they did not come by themselves: the webhook's recent deliveries at GitHub, then EventSource, event bus and Sensor: kubectl -n ${namespace} get eventbus,eventsource,sensor,pods.`,
      paragraph: "only-the-sweep-found-a-push",
    },
    {
      alert: "RexRemediationRedelivered",
      expr: `sum(${grown(metric("redeliveries_total"), "1h")}) > 0`,
      severity: "info",
      summary: "GitHub could not deliver a push, and was asked to try again.",
      description: `${times} within the last hour. The EventSource was away, refused them, or could not be reached: kubectl -n ${namespace} logs -l eventsource-name=${watched.eventSourceName} --tail 50.`,
      paragraph: "the-eventsource-answers-500-or-not-at-all",
    },
    ...sweep(name, watched),
    {
      alert: "RexRemediationManyRounds",
      expr: `sum(${grown(metric("round_count"), "1h")}) - sum(${grown(metric("round_bucket", `le=~"${watched.maxRounds}|${watched.maxRounds}[.]0"`), "1h")}) > 0.5`,
      severity: "warning",
      summary: `A task has had more than ${watched.maxRounds} rounds.`,
      description: `${times} restarts within the last hour were of tasks that had ${watched.maxRounds} rounds already: QA and the coding agent do not come to an end. Which task: kubectl -n ${namespace} get workflows -o custom-columns='NAME:.metadata.name,ROUND:.metadata.annotations.${ledgerKey("round")}'. To stop it, put the hold label on its pull request.`,
      paragraph: "a-task-goes-round-and-round",
    },
    {
      alert: "RexRemediationSlow",
      expr: `histogram_quantile(0.95, sum by (le) (rate(${metric("duration_seconds_bucket", 'outcome="remediated"')}[6h]))) > ${watched.slowSeconds} and on () sum(increase(${metric("duration_seconds_count", 'outcome="remediated"')}[6h])) >= 5`,
      for: "15m",
      severity: "warning",
      summary: `Restarts take longer than ${watched.slowSeconds} s.`,
      description: `Of those of the last six hours one in twenty took ${times} s or more. Which step: ${argo} get RUN, or the dashboard.`,
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

/** Argo Events names its Deployments after its object, with a word and something that it makes up behind. */
function down({ namespace, eventSourceName, sensorName }: Watched): Alarm[] {
  const available = (deployment: string) =>
    // Zero where there are others but not this one; nothing where none is seen at all.
    `(sum(${deployments}{namespace="${namespace}",deployment=~"${deployment}-[a-z0-9]+"}) or 0 * count(${deployments})) == 0`;
  const object = (kind: "EventSource" | "Sensor", name: string, meanwhile: string): Alarm => ({
    alert: `RexRemediation${kind}Down`,
    expr: available(`${name}-${kind.toLowerCase()}`),
    for: "3m",
    severity: "critical",
    summary: `The ${kind} ${name} has no pod that is ready.`,
    description: `${meanwhile} Why: kubectl -n ${namespace} describe ${kind.toLowerCase()} ${name}, and describe pods -l ${kind.toLowerCase()}-name=${name}.`,
    paragraph: "eventsource-or-sensor-is-down",
  });
  return [
    object(
      "EventSource",
      eventSourceName,
      "GitHub's pushes are refused; each is asked for again, or found by the sweep, once it is back.",
    ),
    object("Sensor", sensorName, "Pushes are kept in the event bus, and restart QA once it is back."),
  ];
}

/** What is not seen cannot ring. */
function unseen(namespace: string): Alarm[] {
  return [
    {
      alert: "RexRemediationControllerUnseen",
      expr: `absent(${controller})`,
      for: "15m",
      severity: "warning",
      summary: "Prometheus sees nothing of Argo's workflow controller.",
      description: `It is down, so that no remediation runs, or it is not scraped, so that most alarms here cannot ring: kubectl get pods -A -l app=workflow-controller. Runs that wait: kubectl -n ${namespace} get workflows.`,
      paragraph: "prometheus-does-not-see-what-it-has-to",
    },
    {
      alert: "RexRemediationDeploymentsUnseen",
      expr: `absent(${deployments})`,
      for: "15m",
      severity: "warning",
      summary: `Prometheus has no ${deployments}.`,
      description:
        "Without kube-state-metrics nobody is told when EventSource or Sensor are down. Install it, or have it scraped.",
      paragraph: "prometheus-does-not-see-what-it-has-to",
    },
  ];
}

/** Of a schedule whose longest pause nobody can tell, only that it fails. */
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
    description: `${times} sweeps failed within ${time}, and none did well. Why: ${argo} list -l app.kubernetes.io/component=sweep, then logs. At once: ${byHand}.`,
    paragraph: "it-fails",
  };
  const missing: Alarm = {
    alert: "RexRemediationSweepMissing",
    expr: `(${ended("")} or 0 * count(${controller})) == 0`,
    for: `${(pause ?? 0) + 5}m`,
    severity: "warning",
    summary: "The sweep does not run: a lost push would stay lost.",
    description: `No sweep has ended within ${time}. Whether it is suspended, and what the controller says of it: kubectl -n ${namespace} describe cronworkflow ${name}-sweep. At once: ${byHand}.`,
    paragraph: "it-does-not-run",
  };
  return pause === undefined ? [failing] : [failing, missing];
}
