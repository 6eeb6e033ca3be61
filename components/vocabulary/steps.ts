/** The steps of a remediation's pod, in their order. */
export const podSteps = ["plan", "stop-qa", "restart-qa", "record"] as const;
export type PodStep = (typeof podSteps)[number];

/** All that has a text in components/steps: those, the exit handler of a run that failed, and the sweep for lost pushes. */
export const steps = [...podSteps, "failed", "sweep"] as const;
export type Step = (typeof steps)[number];

/** Argo takes a pod's outputs from the container of this name. */
export const mainContainer = "main";

/** Name of the container that runs a step of the pod. */
export function containerOf(step: PodStep): string {
  return step === "record" ? mainContainer : step;
}

/** The reverse of {@link containerOf}; undefined for a container that is no step of the pod, such as Argo's own. */
export function stepOf(container: string): PodStep | undefined {
  return podSteps.find((step) => containerOf(step) === container);
}

/** With which exit codes a container ends, beside 0 and 1. */
export const exitCodes = {
  /** A step's: something changed under the plan, and the pod is started again. */
  planAgain: 75,
  /** Argo's: a step that this one depends on has failed. */
  dependencyFailed: 64,
  /** It was ended from outside, by SIGTERM. */
  terminated: 143,
} as const;

/** A container that ends with one of these is not the cause of a failure. */
export const endedByOthers: readonly number[] = [exitCodes.dependencyFailed, exitCodes.terminated];
