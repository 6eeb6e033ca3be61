import { realpathSync } from "node:fs";
import { parseArgs } from "node:util";
import { startGitHubDouble } from "./double.ts";

export { startGitHubDouble };

const help = `A double of GitHub's REST API, for tests.

Usage: node server.ts [--listen ADDRESS:PORT] [--state FILE] [--check]

  --listen ADDRESS:PORT  where to listen; port 0 is a free one (default: 127.0.0.1:0)
  --state FILE           keep the state in FILE, so that the double can be stopped and started again
  --check                check every answer against GitHub's OpenAPI description, and report
                         deviations on standard error
  --help                 show this

Prints {"url": "http://ADDRESS:PORT"} on one line when it is ready, and stops on SIGTERM or SIGINT.
Tests control it under /_double/: see client.ts.
`;

interface Options {
  host: string;
  port: number;
  stateFile?: string;
  check: boolean;
}

/** The options on the command line; undefined for --help. Throws if they are invalid. */
function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      listen: { type: "string", default: "127.0.0.1:0" },
      state: { type: "string" },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const [, host, port] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(values.listen) ?? [];
  if (!host || !port) throw new Error(`--listen: expected ADDRESS:PORT, got "${values.listen}"`);
  return { host, port: Number(port), stateFile: values.state, check: values.check };
}

async function run({ check, ...options }: Options): Promise<void> {
  // The description is large, so it is loaded only when needed.
  const checker = check ? new (await import("./openapi.ts")).OpenApiCheck() : undefined;
  const double = await startGitHubDouble({
    ...options,
    onAnswer: (routed) => {
      for (const problem of checker?.check(routed) ?? []) process.stderr.write(`${problem}\n`);
    },
  });
  const end = () => double.close().then(() => process.exit(0));
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  process.stdout.write(`${JSON.stringify({ url: double.url })}\n`);
}

async function main(): Promise<void> {
  try {
    const options = readOptions();
    if (options) await run(options);
    else process.stdout.write(help);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nTry --help.\n`);
    process.exitCode = 2;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) await main();
