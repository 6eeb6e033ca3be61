import { writeFileSync } from "node:fs";
import Mocha from "mocha";

/** Mocha's spec reporter. Also writes counts, titles and failure messages to a file for scripts/test: `--reporter-option file=PATH`. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const file = (options.reporterOptions as { file?: string } | undefined)?.file;
    const passed: string[] = [];
    const failed: string[] = [];
    runner.on("pass", (test) => passed.push(test.fullTitle()));
    const reasons: string[] = [];
    runner.on("fail", (test, error) => {
      failed.push(test.fullTitle());
      reasons.push(`${test.fullTitle()}: ${String(error?.message ?? error).split("\n", 1)[0]}`);
    });
    runner.once("end", () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      if (file !== undefined)
        writeFileSync(file, JSON.stringify({ passes, failures, pending, passed, failed, reasons }));
    });
  }
}
