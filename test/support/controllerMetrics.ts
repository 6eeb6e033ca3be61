import { request } from "node:https";

/** Argo Workflows' controller's metrics in Prometheus's format. Works only in the node's network. */
export function controllerMetrics(): Promise<string> {
  return new Promise((resolve, reject) => {
    // The controller's certificate is self-signed.
    const outgoing = request(
      "https://127.0.0.1:9090/metrics",
      { rejectUnauthorized: false, timeout: 10_000 },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => {
          text += chunk;
        });
        answer.on("end", () => resolve(text));
        answer.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no metrics from the controller within 10 s")));
    outgoing.on("error", reject);
    outgoing.end();
  });
}
