import { type RequestOptions, request } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";

/** The API server's answer to a request. */
export interface ApiAnswer {
  code: number;
  /** The API server's reason if it refused. */
  message: string;
  body: unknown;
}

const contentTypes = {
  json: "application/json",
  merge: "application/merge-patch+json",
  jsonPatch: "application/json-patch+json",
};

/** A request to the API server. */
export interface ApiRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** The path, starting with /api or /apis. */
  path: string;
  body?: unknown;
  /** Format of the body. Default: json. */
  form?: keyof typeof contentTypes;
}

/** A client of the API server with one token and no other credentials. */
export class Caller {
  readonly #config = new KubeConfig();
  readonly #server: string;

  constructor(admin: KubeConfig, token: string) {
    const cluster = admin.getCurrentCluster();
    if (cluster === null) throw new Error("the kubeconfig names no cluster");
    this.#config.loadFromClusterAndUser(cluster, { name: "caller", token });
    this.#server = cluster.server;
  }

  /** Sends a request as it is. Also returns a refusal as an answer. */
  async send({ method, path, body, form = "json" }: ApiRequest): Promise<ApiAnswer> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const options: RequestOptions = {
      method,
      timeout: 30_000,
      headers: { "content-type": contentTypes[form], "content-length": Buffer.byteLength(text) },
    };
    await this.#config.applyToHTTPSOptions(options);
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#server}${path}`, options, (incoming) => {
        let answer = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk) => {
          answer += chunk;
        });
        incoming.on("end", () => {
          const parsed = answer.startsWith("{") ? JSON.parse(answer) : { message: answer };
          resolve({ code: incoming.statusCode ?? 0, message: parsed.message ?? "", body: parsed });
        });
        incoming.on("error", reject);
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer to ${method} ${path} within 30 s`)));
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }
}
