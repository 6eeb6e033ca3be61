import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** An answer. Undefined closes the connection. `lines` are streamed, and the connection stays open. */
export type ApiAnswer = { code: number; body: object } | { lines: object[] } | undefined;

/** Answers a request, given as `METHOD path`, query and body. */
export type ApiAnswers = (request: string, query: URLSearchParams, body: string) => ApiAnswer;

/**
 * A small stand-in for an API server, and the files that make a tool use it. Tests on the node show that a real API server gives the same
 * answers.
 */
export class ApiServerDouble {
  readonly folder = mkdtempSync(join(tmpdir(), "rex-tool-"));
  answers: ApiAnswers = () => undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const url = new URL(request.url ?? "", "http://localhost");
      const answer = this.answers(`${request.method} ${url.pathname}`, url.searchParams, await text(request));
      if (answer === undefined) return void request.socket.destroy();
      response.writeHead("code" in answer ? answer.code : 200, { "content-type": "application/json" });
      if ("code" in answer) return void response.end(JSON.stringify(answer.body));
      for (const line of answer.lines) response.write(`${JSON.stringify(line)}\n`);
    });
  }

  /** @param outputs the stack's outputs, as the tools read them */
  static async open(outputs: object): Promise<ApiServerDouble> {
    const double = new ApiServerDouble();
    const server = double.#server.listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster: { server: address, "insecure-skip-tls-verify": true } }],
      users: [{ name: "u", user: {} }],
      contexts: [{ name: "production", context: { cluster: "c", user: "u" } }],
      "current-context": "production",
    };
    writeFileSync(join(double.folder, "kubeconfig"), JSON.stringify(config));
    writeFileSync(join(double.folder, "outputs.json"), JSON.stringify(outputs));
    return double;
  }

  /** The environment that makes a tool use this server. */
  get environment(): Record<string, string> {
    return { KUBECONFIG: join(this.folder, "kubeconfig"), REX_OUTPUTS: join(this.folder, "outputs.json") };
  }

  /** Closes all open connections, as a restarting API server does. */
  cutConnections(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}
