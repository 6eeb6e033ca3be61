import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Measurement } from "../../../dev/bench/measurement.ts";
import { measurements } from "../../../dev/bench/measurements.ts";
import { report, writeReport } from "../../../dev/bench/report.ts";
import { type Measured, readResults, resultsText, rounded, writeResults } from "../../../dev/bench/results.ts";
import { svg } from "../../../dev/bench/svg.ts";

const root = resolve(import.meta.dirname, "../../..");

const measured: Measured = {
  at: "2026-01-31T12:00:00.000Z",
  commit: "abc1234",
  runs: 2,
  seconds: 61,
  conditions: {
    machine: { cpu: "Some CPU", cores: 2, memoryGiB: 24, kernel: "6.1.0" },
    versions: {
      Kubernetes: "1.34.3",
      "Argo Events": "1.9.11",
      "Argo Workflows": "3.7.4",
      Pulumi: "3.1.0",
      "Node.js": "24.0.0",
    },
    controllers: "default",
  },
  figures: {
    series: [
      { name: "pushed → resumed", unit: "s", samples: [8.1239, 7] },
      { name: "EventSource", unit: "MiB", samples: [30], at: 10 },
      { name: "nothing", unit: "", samples: [] },
    ],
    failures: [],
  },
};

const waiting: Measurement = {
  name: "waiting",
  title: "How long one waits",
  measure: async () => measured.figures,
  plots: ({ series }) => ({
    wait: {
      data: { values: series.map(({ name, samples }) => ({ name, seconds: samples[0] })) },
      mark: { type: "bar", clip: true },
      encoding: { x: { field: "seconds", type: "quantitative" }, y: { field: "name", type: "nominal" } },
    },
  }),
};

describe("the bench's report", () => {
  it("has a table with a row for each series, the circumstances, and the plots", async () => {
    const files = await report([waiting], { waiting: { ...measured, figures: rounded(measured.figures) } });
    deepEqual(Object.keys(files), ["wait.svg", "figures.md"]);
    equal(
      files["figures.md"]?.slice(files["figures.md"].indexOf("## ")),
      `## waiting

How long one waits.

2026-01-31 12:00 UTC, commit abc1234, 2 runs of each kind, in 61 s. Some CPU, 2 cores,
24 GiB of memory, Linux 6.1.0. Kubernetes 1.34.3, Argo Events 1.9.11, Argo Workflows 3.7.4, Pulumi 3.1.0, Node.js 24.0.0; Argo's controllers with their default settings.

Nothing failed.

| what | with | unit | n | median | p95 | least | most |
| --- | --: | --: | --: | --: | --: | --: | --: |
| pushed → resumed |  | s | 2 | 7.56 | 8.12 | 7.00 | 8.12 |
| EventSource | 10 | MiB | 1 | 30.0 | 30.0 | 30.0 | 30.0 |
| nothing |  |  | 0 |  |  |  |  |

![wait](wait.svg)
`,
    );
  });

  it("names the failures", async () => {
    const failures = ["task 7 was not resumed", "one push was lost"];
    const files = await report([waiting], { waiting: { ...measured, figures: { series: [], failures } } });
    match(files["figures.md"] ?? "", /^Failed:\n\n- task 7 was not resumed\n- one push was lost$/m);
  });

  it("leaves out what was not measured", async () => {
    deepEqual(Object.keys(await report([waiting], {})), ["figures.md"]);
  });

  it("is the same each time, and its plots load nothing from elsewhere", async () => {
    const [one, other] = [waiting.plots(measured.figures).wait ?? {}, waiting.plots(measured.figures).wait ?? {}];
    const drawn = await svg(one);
    equal(await svg(other), drawn);
    match(drawn, /^<svg /);
    deepEqual(drawn.match(/(?:url\((?!#)|@import|<image|<script|xlink:href)[^>]*/g), null);
  });

  it("removes outdated plots, and nothing else", () => {
    const folder = mkdtempSync(join(tmpdir(), "rex-bench-"));
    for (const file of ["old.svg", "results.json"]) writeFileSync(join(folder, file), "{}");
    writeReport(folder, { "figures.md": "figures", "new.svg": "plot" });
    deepEqual(readdirSync(folder).sort(), ["figures.md", "new.svg", "results.json"]);
    rmSync(folder, { recursive: true });
  });

  it("keeps every sample, with one line per series", () => {
    const folder = mkdtempSync(join(tmpdir(), "rex-bench-"));
    const results = { waiting: { ...measured, figures: rounded(measured.figures) } };
    match(resultsText(results), /^ +"samples": \[8\.124, 7\]$/m);
    deepEqual(readResults(join(folder, "results.json")), {});
    writeResults(join(folder, "results.json"), results);
    deepEqual(readResults(join(folder, "results.json")), results);
    rmSync(folder, { recursive: true });
  });
});

describe("docs/performance", () => {
  const folder = resolve(root, "docs/performance");
  const written = readdirSync(folder).filter((file) => file.endsWith(".svg") || file === "figures.md");

  it("is the report of its results", async () => {
    const files = await report(measurements, readResults(join(folder, "results.json")));
    deepEqual(written.sort(), Object.keys(files).sort());
    for (const file of written) {
      equal(
        readFileSync(join(folder, file), "utf8"),
        files[file],
        `${file}: write it again: npm run bench -- --report`,
      );
    }
  });

  it("has only results of known measurements", () => {
    const known = measurements.map(({ name }) => name);
    for (const name of Object.keys(readResults(join(folder, "results.json")))) ok(known.includes(name), name);
  });
});

describe("dev/bench/run", () => {
  it("explains every measurement in its help", () => {
    const help = readFileSync(resolve(root, "dev/bench/run"), "utf8");
    const explained = [...help.matchAll(/^# {3}([a-z]+(?:-[a-z]+)*) {2,}\S/gm)].map(([, name]) => name);
    deepEqual(
      measurements.map(({ name }) => name),
      explained,
    );
  });
});
