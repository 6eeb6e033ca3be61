import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { commonLabels } from "../labels.ts";

export interface DashboardArgs {
  namespace: pulumi.Input<string>;
  eventSourceName: pulumi.Input<string>;
  sensorName: pulumi.Input<string>;
  /** Labels by which Grafana's sidecar finds the ConfigMap. */
  labels: Record<string, string>;
}

interface Variable {
  name: string;
  type: string;
  query: string;
  current: object;
}

/**
 * A ConfigMap with the Grafana dashboard of dashboard.json, for this installation. The viewer chooses the data source. It needs Grafana 10
 * or later.
 *
 * @see https://github.com/grafana/helm-charts/tree/main/charts/grafana#sidecar-for-dashboards
 */
export class Dashboard extends pulumi.ComponentResource {
  readonly configMapName: pulumi.Output<string>;

  constructor(name: string, args: DashboardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rex-remediation:index:Dashboard", name, {}, opts);
    const { namespace, eventSourceName, sensorName } = args;
    const configMap = new k8s.core.v1.ConfigMap(
      `${name}-dashboard`,
      {
        metadata: {
          name: `${name}-dashboard`,
          namespace,
          labels: { ...commonLabels(name, "dashboard"), ...args.labels },
        },
        data: {
          // Grafana's sidecar writes the dashboards of all ConfigMaps into one folder, so file names must differ.
          [`${name}.json`]: pulumi
            .all({ namespace, event_source: eventSourceName, sensor: sensorName })
            .apply((constants) => dashboard(name, constants)),
        },
      },
      { parent: this },
    );
    this.configMapName = configMap.metadata.name;
    this.registerOutputs({ configMapName: this.configMapName });
  }
}

/** The dashboard with the constants of an installation, and a title and uid of its own. */
function dashboard(name: string, constants: Record<string, string>): string {
  const json = JSON.parse(readFileSync(new URL("dashboard.json", import.meta.url), "utf8"));
  const variables: Variable[] = json.templating.list;
  return JSON.stringify({
    ...json,
    title: `Rex remediation (${constants.namespace}/${name})`,
    // Grafana accepts at most 40 characters.
    uid: `${name}-${constants.namespace}`.slice(0, 40),
    templating: { list: variables.map((variable) => filledIn(variable, constants[variable.name])) },
  });
}

function filledIn(variable: Variable, value: string | undefined): Variable {
  return value === undefined ? variable : { ...variable, query: value, current: { text: value, value } };
}
