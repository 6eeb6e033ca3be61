import { parentPort, workerData } from "node:worker_threads";
import { argumentsOf, children, isStep, signal } from "./processes.ts";

/** A thread that stops the bash of a step as soon as its container's first process has started it, and posts its id. */

const { emissary, step, end } = workerData as { emissary: number; step: string; end: number };
const never = new Int32Array(new SharedArrayBuffer(4));

function stopped(): number | undefined {
  while (Date.now() < end && argumentsOf(emissary)[1] === "emissary") {
    const bash = children(emissary).find((pid) => isStep(pid, step));
    if (bash !== undefined && signal(bash, "SIGSTOP")) return bash;
    Atomics.wait(never, 0, 0, 10);
  }
  return undefined;
}

parentPort?.postMessage(stopped());
