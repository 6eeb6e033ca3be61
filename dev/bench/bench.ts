#!/usr/bin/env node
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type ExitCode, exitCodes, must, Refusal } from "../../cli/lib/call.ts";
import { openDevPlatform } from "../../test/support/devStack.ts";
import type { Platform } from "../../test/support/platform.ts";
import { commit, conditions } from "./conditions.ts";
import type { Extent, Figures, Measurement } from "./measurement.ts";
import { measurements } from "./measurements.ts";
import { report, section, writeReport } from "./report.ts";
import { type Measured, readResults, rounded, writeResults } from "./results.ts";

/** The bench itself. dev/bench/run starts it on the node, and has the help text. */

const folder = resolve(import.meta.dirname, "../../docs/performance");
const file = resolve(folder, "results.json");

interface Call {
  chosen: Measurement[];
  extent: Extent;
  only?: "check" | "report";
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = exitCodes.refused;
}

async function main(args: string[]): Promise<ExitCode> {
  const { chosen, extent, only } = read(args);
  if (only === "report") await rewriteReport();
  return only === undefined ? await measureAll(chosen, extent) : exitCodes.well;
}

/** @throws Refusal for an unknown name; it lists the valid ones */
function read(args: string[]): Call {
  const { values, positionals } = parsed(args);
  const { smoke } = values;
  const runs = values.runs ?? (smoke ? "2" : "20");
  must("--runs", runs, "^[1-9][0-9]{0,2}$", "a number from 1 to 999");
  const known = measurements.map(({ name }) => name);
  for (const name of positionals) {
    if (!known.includes(name)) throw new Refusal(`unknown measurement ${name}; expected some of: ${known.join(" ")}`);
  }
  if (values.report && positionals.length > 0) throw new Refusal("--report covers all measurements; give no names");
  return {
    chosen: measurements.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
    extent: { runs: Number(runs), smoke },
    only: values.check ? "check" : values.report ? "report" : undefined,
  };
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        runs: { type: "string" },
        smoke: { type: "boolean", default: false },
        report: { type: "boolean" },
        // dev/bench/run uses this to check the command line before it starts the node.
        check: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new Refusal(`${(error as Error).message}; see --help`);
  }
}

async function rewriteReport(): Promise<void> {
  writeReport(folder, await report(measurements, readResults(file)));
}

/** Saves each measurement at once, so that it is not lost if a later one fails. */
async function measureAll(chosen: Measurement[], extent: Extent): Promise<ExitCode> {
  const platform = await openDevPlatform();
  closeWhenInterrupted(platform);
  let failed = false;
  try {
    for (const measurement of chosen) {
      const measured = await measure(measurement, platform, extent);
      failed ||= measured.figures.failures.length > 0;
      console.log(section(measurement, measured, []));
      if (!extent.smoke) {
        writeResults(file, { ...readResults(file), [measurement.name]: measured });
        await rewriteReport();
      }
    }
  } finally {
    await platform.close();
  }
  return failed ? exitCodes.failed : exitCodes.well;
}

async function measure(measurement: Measurement, platform: Platform, extent: Extent): Promise<Measured> {
  say(`${measurement.name}: ${measurement.title}`);
  const from = Date.now();
  const figures = await measurement.measure({ platform, say: (line) => say(`  ${line}`) }, extent).catch(asFailure);
  return {
    at: new Date().toISOString(),
    commit: commit(),
    runs: extent.runs,
    seconds: Math.round((Date.now() - from) / 1000),
    conditions: conditions(),
    figures: rounded(figures),
  };
}

/** Turns an error into a failure of the measurement, so that the bench continues with the other measurements. */
function asFailure(error: Error): Figures {
  console.error(error);
  return { series: [], failures: [`aborted: ${error.message}`] };
}

/** On interruption, removes main workflows and agents. Otherwise they would still work during the next bench. */
function closeWhenInterrupted(platform: Platform): void {
  const close = async (): Promise<void> => {
    say("interrupted: removing the tasks");
    await platform.close();
    // The pod of a main workflow may create one more agent a moment later.
    await sleep(5000);
    await platform.close();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void close().finally(() => process.exit(130)));
  }
}

function say(line: string): void {
  const seconds = Math.round(Date.now() / 1000 - Number(process.env.REX_STARTED ?? Date.now() / 1000));
  console.error(`[${String(seconds).padStart(4)}s] ${line}`);
}
