import { request as httpRequest, type IncomingMessage } from "node:http";
import { duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { type KubeConfig, PortForward } from "@kubernetes/client-node";
import { causeOf } from "../../lib/errorCause.ts";
import { Refusal } from "./installation.ts";
import type { Delivery } from "./signedDelivery.ts";

/** Brings a delivery to a webhook's URL from where the tool runs, which need not be inside the cluster. */

/** What was answered. */
export interface Answer {
  status: number;
  body: string;
}

/** As long as GitHub waits. */
const answerMilliseconds = 10_000;

/** The Service that a URL inside the cluster names. */
const serviceHost = /^(?<service>[^.]+)\.(?<namespace>[^.]+)\.svc(\.|$)/;

/**
 * Posts a delivery. To a Service's name it goes through a port that the API server forwards to one of its pods: that works from outside
 * the cluster, and where a NetworkPolicy lets nobody else in.
 *
 * @throws Refusal if nobody answers
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
        ? "from here"
        : "through a port that the API server forwards (right: create pods/portforward)";
    throw new Refusal(
      `nobody answers at ${url}, asked ${way}: ${causeOf(error)}; are the EventSource's pods ready? --url names another way to it`,
    );
  }
}

async function postDirectly(url: string, { headers, body }: Delivery): Promise<Answer> {
  const signal = AbortSignal.timeout(answerMilliseconds);
  const answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  return { status: answer.status, body: await answer.text() };
}

/** The Service's port is the pods', as components/pushEventSource.ts makes it. */
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
