#!/usr/bin/env node
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { faultKinds, steps } from "../support/faults/kinds.ts";
import type { Measured, Result } from "../support/faults/results.ts";
import { median } from "../support/times.ts";

const help = `usage: node test/faults/report.ts FILE...

Writes the table in docs/reliability.md from the results of scripts/test fault-matrix. FILE is the file that REX_RELIABILITY named during
that run. If some cases were run again later (REX_FAULTS), give their file last: its results replace the earlier ones, and the text above
the table lists these cases.`;

const document = fileURLToPath(new URL("../../docs/reliability.md", import.meta.url));
const [begin, end] = ["<!-- measured: begin -->", "<!-- measured: end -->"];

/** The table of docs/reliability.md, with date, commit and machine. Later results replace the same cases of earlier ones. */
export function report(first: Measured, ...later: Measured[]): string {
  const byId = new Map([first, ...later].flatMap(({ results }) => results.map((result) => [result.id, result])));
  const results = [...byId.values()];
  const groups = Map.groupBy(results, ({ fault, step, ending }) => `${ending} ${fault} ${step}`);
  const place = ({ fault, step, ending }: Result) => [
    ending === "transient" ? 0 : 1,
    Object.keys(faultKinds).indexOf(fault),
    steps.indexOf(step),
  ];
  const rows = [...groups.values()]
    .map((group) => ({ group, order: place(group[0] as Result) }))
    .sort(
      (one, other) => one.order.map((value, index) => value - (other.order[index] ?? 0)).find((by) => by !== 0) ?? 0,
    )
    .map(({ group }) => row(group));
  return [
    `Measured on ${first.date} at commit \`${first.commit}\`, ${first.machine}: ${first.results.length} cases in one go.`,
    ...later.map(
      ({ date, commit, machine, results }) =>
        `Run again on ${date} at commit \`${commit}\`, ${machine}: ${results.map(({ id }) => id).join("; ")}.`,
    ),
    "",
    "| ending | fault | step | tries | right endings | median s | worst s |",
    "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ...rows,
    ...(["transient", "final"] as const).map((ending) => sum(ending, results)),
  ].join("\n");
}

function row(group: Result[]): string {
  const [{ fault, step, ending }] = group as [Result];
  return `| ${ending} | ${faultKinds[fault]} | ${step} | ${figures(group)} |`;
}

function sum(ending: Result["ending"], results: Result[]): string {
  return `| **${ending}** | **all** | | ${figures(results.filter((result) => result.ending === ending))} |`;
}

function figures(group: Result[]): string {
  const times = group.flatMap(({ seconds }) => (seconds === undefined ? [] : [seconds]));
  const right = group.filter((result) => result.right).length;
  const seconds = (value: number) => (times.length === 0 ? "–" : value.toFixed(0));
  return [group.length, right, seconds(median(times)), seconds(Math.max(...times))].join(" | ");
}

function write(files: string[]): void {
  const [first, ...later] = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Measured);
  const text = readFileSync(document, "utf8");
  const [before, , after] = text.split(new RegExp(`(?<=${begin}\n)|(?=${end})`));
  writeFileSync(document, `${before}\n${report(first as Measured, ...later)}\n\n${after}`);
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  const { values, positionals } = parseArgs({ options: { help: { type: "boolean" } }, allowPositionals: true });
  if (values.help || positionals.length === 0) console.log(help);
  else write(positionals);
}
