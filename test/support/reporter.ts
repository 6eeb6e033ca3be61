import { writeFileSync } from "node:fs";
import Mocha from "mocha";

/** Mocha's own spec report, and the counts as a file for scripts/test: `--reporter-option file=PATH`. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const file = (options.reporterOptions as { file?: string } | undefined)?.file;
    runner.once("end", () => {
      const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
      if (file !== undefined) writeFileSync(file, JSON.stringify({ passes, failures, pending }));
    });
  }
}
