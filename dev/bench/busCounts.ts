import { request } from "node:http";

/** What NATS, the embedded node's event bus, counts for one event. */
export interface BusCounts {
  /** Number of the last message in the event bus. It grows by one for each event that the EventSource publishes. */
  last: number;
  /** The Sensor has acknowledged all messages up to this number. */
  taken: number;
  /** Messages that the Sensor has not received yet, or has not acknowledged. */
  waiting: number;
}

interface Consumer {
  config?: { filter_subject?: string; filter_subjects?: string[] };
  ack_floor: { stream_seq: number };
  num_pending: number;
  num_ack_pending: number;
}

interface Stream {
  name: string;
  state: { last_seq: number };
  consumer_detail?: Consumer[];
}

/**
 * Asks the node's NATS. Works only inside the node's network.
 *
 * @param subject of the event: `default.<EventSource>.<event>`
 * @see https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#jetstream-information-jsz
 */
export async function busCounts(subject: string): Promise<BusCounts> {
  const answer = await get("http://127.0.0.1:8222/jsz?accounts=true&streams=true&consumers=true&config=true");
  const { account_details = [] } = JSON.parse(answer) as { account_details?: { stream_detail?: Stream[] }[] };
  const streams = account_details.flatMap(({ stream_detail = [] }) => stream_detail);
  const stream = streams.find(({ name }) => name === "default");
  const of = ({ config = {} }: Consumer) => [config.filter_subject, ...(config.filter_subjects ?? [])];
  const [consumer, ...more] = (stream?.consumer_detail ?? []).filter((one) => of(one).includes(subject));
  if (stream === undefined || consumer === undefined || more.length > 0) {
    throw new Error(`NATS has ${consumer === undefined ? "no" : more.length + 1} consumers of ${subject}`);
  }
  return {
    last: stream.state.last_seq,
    taken: consumer.ack_floor.stream_seq,
    waiting: consumer.num_pending + consumer.num_ack_pending,
  };
}

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { timeout: 10_000 }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk) => {
        text += chunk;
      });
      incoming.on("end", () => resolve(text));
      incoming.on("error", reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer from ${url} within 10 s`)));
    outgoing.on("error", reject);
    outgoing.end();
  });
}
