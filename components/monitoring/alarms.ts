import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "../labels.ts";
import { type Alarm, alarmGroups, type Watched } from "./alarmRules.ts";

export interface AlarmsArgs {
  /** What the alarms watch. */
  watched: pulumi.Input<Watched>;
  /** Labels by which your Prometheus selects it. */
  labels: Record<string, string>;
  /** Base URL under which docs/ is published, without a trailing slash; default: alarms name the file instead of a link. */
  docsUrl?: string;
}

/**
 * A PrometheusRule with alarms on the metrics of Argo's workflow controller, the Sensor's pods and kube-state-metrics. Each alarm leads to
 * the section of docs/troubleshooting.md that says what to do.
 *
 * @see https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PrometheusRule
 */
export class Alarms extends pulumi.ComponentResource {
  readonly prometheusRuleName: pulumi.Output<string>;

  constructor(name: string, args: AlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:Alarms", name, {}, opts);
    const watched = pulumi.output(args.watched);
    const rule = new k8s.apiextensions.CustomResource(
      `${name}-alarms`,
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: {
          name,
          namespace: watched.namespace,
          labels: { ...commonLabels(name, "alarms"), ...args.labels },
        },
        spec: {
          groups: watched.apply((watched) => alarmGroups(name, watched, (alarm) => runbook(alarm, args.docsUrl))),
        },
      },
      { parent: this },
    );
    this.prometheusRuleName = rule.metadata.name;
    this.registerOutputs({ prometheusRuleName: this.prometheusRuleName });
  }
}

/** The annotation that leads to the section: a link if docsUrl is set, otherwise the path in this repository. */
function runbook({ paragraph }: Alarm, docsUrl: string | undefined): Record<string, string> {
  const path = `troubleshooting.md#${paragraph}`;
  return docsUrl === undefined ? { runbook: `docs/${path}` } : { runbook_url: `${docsUrl}/${path}` };
}
