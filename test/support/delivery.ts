import { request } from "node:http";
import type { Cluster } from "./cluster.ts";

export interface Answer {
  status: number;
  body: string;
  /** When the last part of the answer arrived. */
  at: Date;
}

/**
 * Posts a delivery to a webhook URL, as GitHub does. The node has no DNS, so the name of a Service is looked up in the API. This process
 * must then be in the node's network (`dev/on-node --netns`).
 */
export async function deliver(
  cluster: Cluster,
  webhookUrl: string,
  delivery: { headers: Record<string, string | string[]>; body: string | Buffer },
): Promise<Answer> {
  const url = new URL(webhookUrl);
  const address = await addressOf(cluster, url.hostname);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: address,
        port: url.port,
        path: url.pathname,
        method: "POST",
        headers: { ...delivery.headers, host: url.host, "content-length": Buffer.byteLength(delivery.body) },
        timeout: 10_000,
      },
      (incoming) => {
        let body = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk) => {
          body += chunk;
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body, at: new Date() }));
        incoming.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer from ${webhookUrl} within 10 s`)));
    outgoing.on("error", reject);
    outgoing.end(delivery.body);
  });
}

/** The IP address of a host, which can be the name of a Service. */
export async function addressOf(cluster: Cluster, host: string): Promise<string> {
  const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc$/.exec(host) ?? [];
  if (name === undefined || namespace === undefined) return host;
  const service = await cluster.core.readNamespacedService({ name, namespace });
  const address = service.spec?.clusterIP;
  if (!address) throw new Error(`Service ${namespace}/${name} has no cluster IP`);
  return address;
}
