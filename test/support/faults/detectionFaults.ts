import { setTimeout as sleep } from "node:timers/promises";
import { type Cluster, until } from "../cluster.ts";
import { addressOf, deliver } from "../delivery.ts";
import { pushPayload, signedDelivery } from "../github/index.ts";
import { type Platform, rex, type Task } from "../platform.ts";
import { apiServer } from "./apiServerUse.ts";
import type { FaultCase } from "./matrix.ts";
import { nodeComponent } from "./nodeComponent.ts";
import { type PushedRun, pushWithoutDelivery } from "./sensorRun.ts";

/** A push under a fault of EventSource, event bus or Sensor. */
export interface DisturbedPush extends PushedRun {
  /** The answers to the delivery and its redeliveries: a status, or the error of the connection. */
  answers: string[];
}

/** How long NATS is down, in seconds. */
const natsDownSeconds = 60;

/**
 * Pushes while EventSource, event bus or Sensor is down. If the answer is not 200, it delivers again every two seconds: the same bytes with
 * the same delivery id, as if somebody had asked GitHub to redeliver. GitHub itself never redelivers unasked.
 */
export async function pushDuringFault(cases: FaultCase[], platform: Platform, task: Task): Promise<DisturbedPush> {
  const { cluster } = platform;
  const pushed = await pushWithoutDelivery(platform, task);
  const strike = async (one: FaultCase) => {
    if (one.fault === "nats-stopped") await nodeComponent("stop", "nats");
    else
      await apiServer.whileUp(() =>
        killPod(cluster, one.fault === "sensor-killed" ? "sensor-name" : "eventsource-name"),
      );
  };
  const after = cases.filter(({ how }) => how === "right after the push");
  for (const one of cases.filter((one) => !after.includes(one))) await strike(one);
  const natsStarted = cases.some(({ fault }) => fault === "nats-stopped")
    ? sleep(natsDownSeconds * 1000).finally(() => nodeComponent("start", "nats"))
    : Promise.resolve();
  const [disturbed] = await Promise.all([deliverUntilTaken(platform, pushed), natsStarted]);
  for (const one of after) await strike(one);
  return disturbed;
}

/** Waits until the pods of EventSource and Sensor are ready, so that the next case starts from the same state. */
export async function detectionIsReady(cluster: Cluster): Promise<void> {
  for (const label of ["sensor-name", "eventsource-name"]) {
    await until(`the pod with label ${label} is ready`, 120_000, async () => {
      const pods = await podsWith(cluster, label);
      return (
        pods.length === 1 &&
        pods[0]?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True")
      );
    });
  }
}

async function killPod(cluster: Cluster, label: string): Promise<void> {
  for (const { metadata } of await podsWith(cluster, label)) {
    const name = metadata?.name ?? "";
    await cluster.core.deleteNamespacedPod({ namespace: cluster.namespace, name, gracePeriodSeconds: 0 });
  }
}

async function podsWith(cluster: Cluster, label: string) {
  const { namespace } = cluster;
  return (await cluster.core.listNamespacedPod({ namespace, labelSelector: `${label}=rex-remediation` })).items;
}

/** The webhook's URL with its Service's IP address, so that a delivery needs no lookup. */
async function addressed({ cluster, options: { webhookUrl } }: Platform): Promise<string> {
  const url = new URL(webhookUrl);
  url.hostname = await addressOf(cluster, url.hostname);
  return url.href;
}

async function deliverUntilTaken(platform: Platform, pushed: PushedRun): Promise<DisturbedPush> {
  const { webhookSecret, repository } = platform.options;
  const payload = pushPayload({ repository, sender: rex, ...pushed.push });
  const delivery = await signedDelivery(webhookSecret, payload);
  const pushedAt = new Date();
  const webhookUrl = await apiServer.whileUp(() => addressed(platform));
  const answers: string[] = [];
  for (;;) {
    const answer = await deliver(platform.cluster, webhookUrl, delivery).then(
      ({ status }) => String(status),
      (error: Error) => error.message,
    );
    answers.push(answer);
    if (answer === "200") return { ...pushed, pushedAt, answers };
    if (Date.now() - pushedAt.getTime() > 180_000)
      throw new Error(`no delivery was accepted within 180 s; answers: ${answers.join(", ")}`);
    await sleep(2000);
  }
}
