import { readFileSync, writeFileSync } from "node:fs";
import { type Series, seriesOf } from "./metrics.ts";

const file = new URL("../chain/metrics/recorded.json", import.meta.url);

/** What the workflow controller told when, and the Deployments that Argo Events had made. */
export interface RecordedMetrics {
  /** When and of what it was recorded. */
  recorded: string;
  how: string;
  /** One after the other, of one controller: what had happened last, and each series with its value. */
  snapshots: { after: string; series: Record<string, number> }[];
  /** Of the namespace, with `status.availableReplicas`. */
  deployments: { namespace: string; deployment: string; available: number }[];
}

export function readRecordedMetrics(): RecordedMetrics {
  return JSON.parse(readFileSync(file, "utf8"));
}

export function writeRecordedMetrics(metrics: RecordedMetrics): void {
  writeFileSync(file, `${JSON.stringify(metrics, null, 2)}\n`);
}

/** The controller's series that alarms and dashboard look at. */
export function watchedSeries(text: string): Series[] {
  return seriesOf(text, "argo_workflows_rex_remediation_", "argo_workflows_is_leader");
}
