import { bursts } from "./bursts.ts";
import { engine } from "./engine.ts";
import { eventSource } from "./eventSource.ts";
import { latency } from "./latency.ts";
import type { Measurement } from "./measurement.ts";
import { shapes } from "./shapes.ts";
import { sizes } from "./sizes.ts";
import { tuning } from "./tuning.ts";

/** All measurements, in the order in which the bench takes them. */
export const measurements: Measurement[] = [latency, shapes, bursts, eventSource, sizes, engine, tuning];
