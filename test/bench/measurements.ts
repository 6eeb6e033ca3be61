import { bursts } from "./bursts.ts";
import { latency } from "./latency.ts";
import type { Measurement } from "./measurement.ts";
import { tuning } from "./tuning.ts";

/** All measurements, in the order in which they are taken. */
export const measurements: Measurement[] = [latency, bursts, tuning];
