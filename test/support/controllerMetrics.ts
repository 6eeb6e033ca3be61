import { request } from "node:https";

/** What Argo Workflows' controller tells of itself and of workflows, as Prometheus reads it; from within the node's network. */
export function controllerMetrics(): Promise<string> {
  return new Promise((resolve, reject) => {
    // The controller signs its certificate itself.
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
    outgoing.on("timeout", () => outgoing.destroy(new Error("the controller's metrics did not come within 10 s")));
    outgoing.on("error", reject);
    outgoing.end();
  });
}
