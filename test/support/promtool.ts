import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { tool } from "./pulumi/upstream.ts";
import type { RecordedMetrics } from "./recordedMetrics.ts";

/** The value of a series at a minute; undefined if the series does not exist then. */
export type Course = (minute: number) => number | undefined;

/** A PromQL query at a minute, and its expected result. */
export interface Question {
  expr: string;
  minute: number;
  answer: { labels: string; value: number }[];
}

export interface Answered {
  status: number | null;
  output: string;
}

/** Path of promtool; undefined if it is not built (dev/checks/build promtool). */
export const promtool = (): string | undefined => tool("promtool");

/** Runs `promtool check rules` on the groups of a PrometheusRule. */
export function checkRules(groups: object): Answered {
  return run(["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"], { "rules.yaml": { groups } });
}

/** Runs `promtool test rules`: queries the series and the resulting alarms (`ALERTS`). There is one sample per minute. */
export function testRules(groups: object, courses: Record<string, Course>, questions: Question[]): Answered {
  const minutes = Math.max(...questions.map(({ minute }) => minute)) + 1;
  const test = {
    interval: "1m",
    input_series: Object.entries(courses).map(([series, course]) => ({
      series,
      values: Array.from({ length: minutes }, (_, minute) => course(minute) ?? "_").join(" "),
    })),
    promql_expr_test: questions.map(({ expr, minute, answer }) => ({
      expr,
      eval_time: `${minute}m`,
      exp_samples: answer,
    })),
  };
  return run(["test", "rules", "test.yaml"], {
    "rules.yaml": { groups },
    "test.yaml": { rule_files: ["rules.yaml"], evaluation_interval: "1m", tests: [test] },
  });
}

function run(args: string[], files: Record<string, object>): Answered {
  const folder = mkdtempSync(join(tmpdir(), "rex-promtool-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), stringify(content));
    const { status, stdout, stderr } = spawnSync(promtool() ?? "", args, {
      cwd: folder,
      encoding: "utf8",
      timeout: 60_000,
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A series with the labels that Prometheus adds when it scrapes. */
export const scraped = (series: string, instance = "10.0.0.1:9090"): string =>
  series.includes("{") ? series.replace("{", `{instance="${instance}",`) : `${series}{instance="${instance}"}`;

/** kube-state-metrics' series of a Deployment. */
export const availableReplicas = ({ namespace, deployment }: { namespace: string; deployment: string }): string =>
  `kube_deployment_status_replicas_available{namespace="${namespace}",deployment="${deployment}"}`;

/** The recorded series: the first snapshot, and from minute `begin` on the next snapshot each minute. */
export function replayed({ snapshots, deployments }: RecordedMetrics, begin: number): Record<string, Course> {
  const series = new Set(snapshots.flatMap(({ series }) => Object.keys(series)));
  return Object.fromEntries([
    ...[...series].map((one): [string, Course] => [
      scraped(one),
      (minute) => snapshots[Math.min(Math.max(0, minute - begin + 1), snapshots.length - 1)]?.series[one],
    ]),
    ...deployments.map((one): [string, Course] => [availableReplicas(one), () => one.available]),
  ]);
}
