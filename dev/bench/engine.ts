import { addressOf } from "../../test/support/delivery.ts";
import { nodeEnvironment } from "../../test/support/node.ts";
import type { Platform } from "../../test/support/platform.ts";
import { freshName, StackRun } from "../../test/support/pulumi/stackRun.ts";
import type { Measurement } from "./measurement.ts";

/** A command of the engine, and what the figures call it. */
type Command = [name: string, command: "preview" | "up" | "destroy", args?: string[]];

const unchanged = ["--expect-no-changes"];

/**
 * The life of a stack. The engine runs each command as a separate process. `up` waits until EventSource and Sensor are deployed and the
 * webhook has endpoints.
 */
const life: Command[] = [
  ["preview of a new stack", "preview"],
  ["up of a new stack", "up"],
  ["preview without changes", "preview", unchanged],
  ["up without changes", "up", unchanged],
  ["destroy", "destroy"],
];

/** Previews are cheap, so there are more of them, for more samples. */
const previews: Command[] = [life[0] as Command, life[0] as Command];

/**
 * Measures the real engine on a separate stack with a separate state, in seconds from the call of dev/stack.ts to its end. Where Pulumi's
 * Kubernetes provider is not available, as on the embedded node, the tests' stand-in replaces it.
 */
export const engine: Measurement = {
  name: "engine",
  title: "preview, up and destroy of a stack",

  async measure({ platform, say }, { smoke }) {
    const lives = smoke ? [life] : [life, [...previews, ...life], life];
    const samples = new Map<string, number[]>(life.map(([name]) => [name, []]));
    const failures: string[] = [];
    for (const commands of lives) {
      const stack = new OwnState();
      try {
        for (const [name, command, args] of commands) {
          const seconds = await stack.run(command, args);
          samples.get(name)?.push(seconds);
          say(`${name}: ${seconds.toFixed(1)} s`);
          if (command === "up") await stack.answers(platform);
        }
      } catch (error) {
        failures.push((error as Error).message);
      } finally {
        await stack.remove();
      }
    }
    return { series: [...samples].map(([name, values]) => ({ name, unit: "s", samples: values })), failures };
  },

  plots({ series }) {
    const values = series.flatMap(({ name, samples }) => samples.map((seconds) => ({ name, seconds })));
    return {
      engine: plotOf(
        values,
        life.map(([name]) => name),
      ),
    };
  },
};

/** A stack beside the dev stack, with a fresh state. */
class OwnState {
  readonly #name = freshName();
  readonly #stack = new StackRun(this.#name);
  #isGone = true;

  /** @throws Error with the engine's output if it fails */
  async run(command: Command[1], args: string[] = []): Promise<number> {
    const began = performance.now();
    if (command === "up") this.#isGone = false;
    const ended = await this.#stack.run(command, { config: { "steps.image": nodeEnvironment().stepsImage }, args });
    if (ended.exitCode !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${ended.stderr}`);
    if (command === "destroy") this.#isGone = true;
    return (performance.now() - began) / 1000;
  }

  /** @throws Error if the EventSource does not answer at the address of its Service */
  async answers({ cluster }: Platform): Promise<void> {
    const address = await addressOf(cluster, `${this.#name}-webhook.${cluster.namespace}.svc`);
    const { ok, status } = await fetch(`http://${address}:12000/health`, { signal: AbortSignal.timeout(5000) });
    if (!ok) throw new Error(`up has ended, but the EventSource answers ${status}`);
  }

  async remove(): Promise<void> {
    if (!this.#isGone) await this.#stack.run("destroy");
    this.#stack.remove();
  }
}

function plotOf(values: object[], order: string[]): object {
  return {
    title: "The engine, a process for each command",
    width: 480,
    data: { values },
    mark: { type: "tick", thickness: 2 },
    encoding: {
      x: { field: "seconds", type: "quantitative", title: "seconds", scale: { zero: true } },
      y: { field: "name", type: "nominal", title: null, sort: order, axis: { labelLimit: 300 } },
    },
  };
}
