import { readFileSync, writeFileSync } from "node:fs";
import { type Series, seriesOf } from "./metrics.ts";

const file = new URL("../chain/metrics/recorded.json", import.meta.url);

/** Recorded metrics of the workflow controller, and the Deployments that Argo Events had created. */
export interface RecordedMetrics {
  /** When they were recorded, and from what. */
  recorded: string;
  how: string;
  /** Snapshots of one controller, in order: the last event before it, and the value of each series. */
  snapshots: { after: string; series: Record<string, number> }[];
  /** The namespace's Deployments, with `status.availableReplicas`. */
  deployments: { namespace: string; deployment: string; available: number }[];
}

export function readRecordedMetrics(): RecordedMetrics {
  return JSON.parse(readFileSync(file, "utf8"));
}

export function writeRecordedMetrics(metrics: RecordedMetrics): void {
  writeFileSync(file, `${JSON.stringify(metrics, null, 2)}\n`);
}

/** The controller's series that alarms and the dashboard use. */
export function watchedSeries(text: string): Series[] {
  return seriesOf(text, "argo_workflows_rex_remediation_", "argo_workflows_is_leader");
}
