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
  /** One entry for each sample. */
  #samples: Usages[] = [];
  /** Processor seconds per second, one entry for each call of `during`. */
  #shares: { eventSource: number; sensor: number }[] = [];

  private constructor(now: () => Usages) {
    this.#now = now;
  }

  static async open({ cluster }: Platform): Promise<Meter> {
    const [eventSource, sensor] = [await usageOf(cluster, "event-source"), await usageOf(cluster, "sensor")];
    return new Meter(() => ({ eventSource: eventSource(), sensor: sensor() }));
  }

  /** Call this about once a second while something is measured. */
  takeSample(): void {
    this.#samples.push(this.#now());
  }

  /** Measures for this many seconds, while nothing is pushed. */
  async rest(seconds: number): Promise<void> {
    await this.during(async () => {
      for (let second = 0; second < seconds; second += 1) {
        await sleep(1000);
        this.takeSample();
      }
    });
  }

  /** Measures the processor time used while `work` runs. */
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

  /** Returns everything measured since the last call. */
  read(tasks: number): Series[] {
    const [samples, shares] = [this.#samples, this.#shares];
    this.#samples = [];
    this.#shares = [];
    const memory = (name: string, of: (sample: Usages) => number): Series => ({
      name: `memory of ${name}`,
      unit: "MiB",
      samples: samples.map(of),
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
