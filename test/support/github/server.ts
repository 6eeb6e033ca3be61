import { parseArgs } from "node:util";
import { startGitHubDouble } from "./double.ts";

const help = `A double of GitHub's REST API, for tests.

Usage: node server.ts [--listen ADDRESS:PORT] [--state FILE] [--check]

  --listen ADDRESS:PORT  where to listen; port 0 is a free one (default: 127.0.0.1:0)
  --state FILE           keep the state in FILE, so that the double can be ended and started again
  --check                check every answer against GitHub's OpenAPI description; a deviation is
                         reported on standard error
  --help                 show this

Prints {"url": "http://ADDRESS:PORT"} on one line when it is ready, and ends on SIGTERM or SIGINT.
Tests steer it under /_double/: see client.ts.
`;

const { values } = parseArgs({
  options: {
    listen: { type: "string", default: "127.0.0.1:0" },
    state: { type: "string" },
    check: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  process.stdout.write(help);
} else {
  const [, host, port] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(values.listen) ?? [];
  if (!host || !port) throw new Error(`--listen: expected ADDRESS:PORT, got ${values.listen}`);
  // Loaded on demand: the description is large.
  const checker = values.check ? new (await import("./openapi.ts")).OpenApiCheck() : undefined;
  const double = await startGitHubDouble({
    host,
    port: Number(port),
    stateFile: values.state,
    onAnswer: (routed) => {
      for (const problem of checker?.check(routed) ?? []) process.stderr.write(`${problem}\n`);
    },
  });
  const end = () => double.close().then(() => process.exit(0));
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  process.stdout.write(`${JSON.stringify({ url: double.url })}\n`);
}
