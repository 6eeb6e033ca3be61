import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "../labels.ts";
import { type Alarm, alarmGroups, type Watched } from "./alarmRules.ts";

export interface AlarmsArgs {
  /** What the alarms watch. */
  watched: pulumi.Input<Watched>;
  /** Labels by which your Prometheus finds it. */
  labels: Record<string, string>;
  /** Base URL under which docs/ is read, without a slash at its end; default: an alarm names the file. */
  docsUrl?: string;
}

/**
 * A PrometheusRule: alarms on the metrics of Argo's workflow controller and of kube-state-metrics, each with the paragraph of
 * docs/troubleshooting.md that says the way out.
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

/** The annotation that leads to the paragraph: a link where one is known, else the path in this repository. */
function runbook({ paragraph }: Alarm, docsUrl: string | undefined): Record<string, string> {
  const path = `troubleshooting.md#${paragraph}`;
  return docsUrl === undefined ? { runbook: `docs/${path}` } : { runbook_url: `${docsUrl}/${path}` };
}
