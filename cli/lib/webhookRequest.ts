import { request as httpRequest, type IncomingMessage } from "node:http";
import { duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { type KubeConfig, PortForward } from "@kubernetes/client-node";
import { causeOf } from "../../lib/errorCause.ts";
import { Refusal } from "./installation.ts";
import type { Delivery } from "./signedDelivery.ts";

/** Sends a delivery to a webhook's URL, also from outside the cluster. */

/** The answer to a delivery. */
export interface Answer {
  status: number;
  body: string;
}

/** The same time limit as GitHub's. */
const answerMilliseconds = 10_000;

/** The Service in the host name of a URL inside the cluster. */
const serviceHost = /^(?<service>[^.]+)\.(?<namespace>[^.]+)\.svc(\.|$)/;

/**
 * Posts a delivery. If the URL is that of a Service, the delivery goes through a port that the API server forwards to one of its pods. This
 * works from outside the cluster, and despite a NetworkPolicy.
 *
 * @throws Refusal if there is no answer
 */
export async function post(cluster: KubeConfig, url: string, delivery: Delivery): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const { service, namespace } = serviceHost.exec(hostname)?.groups ?? {};
  try {
    return service === undefined || namespace === undefined
      ? await postDirectly(url, delivery)
      : await postForwarded(cluster, { service, namespace, port: Number(port || 80) }, url, delivery);
  } catch (error) {
    const way =
      service === undefined
        ? "directly"
        : "through a port forwarded by the API server (required permission: create pods/portforward)";
    throw new Refusal(
      `no answer from ${url}, called ${way}: ${causeOf(error)}; are the EventSource's pods ready? --url URL sends to another address`,
    );
  }
}

async function postDirectly(url: string, { headers, body }: Delivery): Promise<Answer> {
  const signal = AbortSignal.timeout(answerMilliseconds);
  const answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  return { status: answer.status, body: await answer.text() };
}

/** The Service and its pods have the same port; see components/pushEventSource.ts. */
async function postForwarded(
  cluster: KubeConfig,
  { service, namespace, port }: { service: string; namespace: string; port: number },
  url: string,
  { headers, body }: Delivery,
): Promise<Answer> {
  const [here, there] = duplexPair();
  const socket = await new PortForward(cluster).portForwardService(namespace, service, [port], there, null, there);
  try {
    const { host, pathname } = new URL(url);
    const incoming = await new Promise<IncomingMessage>((answered, failed) => {
      httpRequest({
        createConnection: () => here as never,
        method: "POST",
        path: pathname,
        headers: { ...headers, host, connection: "close", "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(answerMilliseconds),
      })
        .on("response", answered)
        .on("error", failed)
        .end(body);
    });
    return { status: incoming.statusCode ?? 0, body: await text(incoming) };
  } finally {
    here.destroy();
    if (socket !== null && "close" in socket) socket.close();
  }
}
