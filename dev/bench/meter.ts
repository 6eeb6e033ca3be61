import { setTimeout as sleep } from "node:timers/promises";
import type { Platform } from "../../test/support/platform.ts";
import type { Series } from "./measurement.ts";
import { type Usage, usageOf } from "./podUsage.ts";

interface Usages {
  eventSource: Usage;
  sensor: Usage;
}

/** Memory and processor time of EventSource and Sensor. */
export class Meter {
  readonly #now: () => Usages;
  /** Each time that it was looked. */
  #looks: Usages[] = [];
  /** Processor seconds for each second, of each time that was taken. */
  #shares: { eventSource: number; sensor: number }[] = [];

  private constructor(now: () => Usages) {
    this.#now = now;
  }

  static async open({ cluster }: Platform): Promise<Meter> {
    const [eventSource, sensor] = [await usageOf(cluster, "event-source"), await usageOf(cluster, "sensor")];
    return new Meter(() => ({ eventSource: eventSource(), sensor: sensor() }));
  }

  /** To be called about once a second, while something is measured. */
  look(): void {
    this.#looks.push(this.#now());
  }

  /** Looks while nothing is done. */
  async rest(seconds: number): Promise<void> {
    await this.during(async () => {
      for (let second = 0; second < seconds; second += 1) {
        await sleep(1000);
        this.look();
      }
    });
  }

  /** Takes the processor time that passes meanwhile. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const [from, before] = [Date.now(), this.#now()];
    const result = await work();
    const [seconds, after] = [(Date.now() - from) / 1000, this.#now()];
    this.#shares.push({
      eventSource: (after.eventSource.cpuSeconds - before.eventSource.cpuSeconds) / seconds,
      sensor: (after.sensor.cpuSeconds - before.sensor.cpuSeconds) / seconds,
    });
    return result;
  }

  /** What was seen since this was called last. */
  read(tasks: number): Series[] {
    const [looks, shares] = [this.#looks, this.#shares];
    this.#looks = [];
    this.#shares = [];
    const memory = (name: string, of: (look: Usages) => number): Series => ({
      name: `memory of ${name}`,
      unit: "MiB",
      samples: looks.map(of),
      at: tasks,
    });
    const processor = (name: string, samples: number[]): Series => ({
      name: `processor of ${name}, % of a core`,
      unit: "",
      samples: samples.map((share) => share * 100),
      at: tasks,
    });
    return [
      memory("the EventSource", ({ eventSource }) => eventSource.mebibytes),
      memory("the Sensor", ({ sensor }) => sensor.mebibytes),
      memory("both together", ({ eventSource, sensor }) => eventSource.mebibytes + sensor.mebibytes),
      processor(
        "the EventSource",
        shares.map(({ eventSource }) => eventSource),
      ),
      processor(
        "the Sensor",
        shares.map(({ sensor }) => sensor),
      ),
    ];
  }
}
