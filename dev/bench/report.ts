import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goalsTable } from "./goals.ts";
import type { Measurement, Series } from "./measurement.ts";
import type { Measured, Results } from "./results.ts";
import { summary } from "./statistics.ts";
import { svg } from "./svg.ts";

/** The report, by file name: figures.md and the plots. It depends only on the results. */
export async function report(measurements: Measurement[], results: Results): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const sections: string[] = [];
  for (const measurement of measurements) {
    const measured = results[measurement.name];
    if (measured === undefined) continue;
    const plots = measurement.plots(measured.figures);
    for (const [name, specification] of Object.entries(plots)) files[`${name}.svg`] = await svg(specification);
    sections.push(section(measurement, measured, Object.keys(plots)));
  }
  const goals = goalsTable(results);
  if (goals !== "")
    sections.unshift(`## Goals\n\nOn two cores, with default settings of Argo's controllers.\n\n${goals}\n`);
  files["figures.md"] = [head, ...sections].join("\n");
  return files;
}

const head = `# Figures

Written by \`npm run bench\` from [results.json](results.json), which has every sample. \`npm run bench -- --report\` writes it again.
p95 is the smallest sample that 95 % of all samples do not exceed.
`;

/** The results of a measurement, in Markdown. */
export function section({ name, title }: Measurement, measured: Measured, plots: string[]): string {
  const { failures, series } = measured.figures;
  return `## ${name}

${title}.

${shownConditions(measured)}

${failures.length === 0 ? "Nothing failed." : `Failed:\n\n${failures.map((failure) => `- ${failure}`).join("\n")}`}

${table(series)}
${plots.map((plot) => `\n![${plot}](${plot}.svg)\n`).join("")}`;
}

function shownConditions({
  at,
  commit,
  runs,
  seconds,
  conditions: { machine, versions, controllers },
}: Measured): string {
  const versionList = Object.entries(versions).map(([what, version]) => `${what} ${version}`);
  return `${at.slice(0, 16).replace("T", " ")} UTC, commit ${commit}, ${runs} runs of each kind, in ${seconds} s. ${machine.cpu}, ${machine.cores} cores,
${machine.memoryGiB} GiB of memory, Linux ${machine.kernel}. ${versionList.join(", ")}; Argo's controllers with their ${controllers} settings.`;
}

function table(series: Series[]): string {
  const isCurve = series.some(({ at }) => at !== undefined);
  const columns = ["what", ...(isCurve ? ["with"] : []), "unit", "n", "median", "p95", "least", "most"];
  const rows = series.map((one) => [one.name, ...(isCurve ? [`${one.at ?? ""}`] : []), one.unit, ...values(one)]);
  const left = columns.map((_, index) => (index === 0 ? "---" : "--:"));
  return [columns, left, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Meaningful decimal places of each unit. */
const places: Record<Series["unit"], number> = { s: 2, ms: 1, MiB: 1, "CPU s": 2, "1/s": 1, "": 1 };

function values({ samples, unit }: Series): string[] {
  const found = summary(samples);
  if (found === undefined) return ["0", "", "", "", ""];
  const { n, median, p95, least, most } = found;
  return [`${n}`, ...[median, p95, least, most].map((value) => value.toFixed(places[unit]))];
}

/** Writes the report's files, and removes plots that are no longer part of it. */
export function writeReport(folder: string, files: Record<string, string>): void {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) if (file.endsWith(".svg") && !(file in files)) rmSync(join(folder, file));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
}
