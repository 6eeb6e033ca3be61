/** The steps of a remediation's pod, in their order. */
export const podSteps = ["plan", "stop-qa", "restart-qa", "record"] as const;
export type PodStep = (typeof podSteps)[number];

/** All steps with a script in components/steps: those of the pod, the exit handler of a failed run, and the sweep. */
export const steps = [...podSteps, "failed", "sweep"] as const;
export type Step = (typeof steps)[number];

/** Argo reads a pod's outputs from the container with this name. */
export const mainContainer = "main";

/** Name of the container that runs a step of the pod. */
export function containerOf(step: PodStep): string {
  return step === "record" ? mainContainer : step;
}

/** The reverse of {@link containerOf}; undefined for a container that runs no step, such as Argo's own. */
export function stepOf(container: string): PodStep | undefined {
  return podSteps.find((step) => containerOf(step) === container);
}

/** Exit codes of containers, besides 0 and 1. */
export const exitCodes = {
  /** A step ends with it when the plan is outdated, so that Argo starts the pod again. */
  planAgain: 75,
  /** Argo ends a container with it when a step that it depends on has failed. */
  dependencyFailed: 64,
  /** The container was ended from outside, by SIGTERM. */
  terminated: 143,
} as const;

/** Exit codes of containers that did not cause the failure themselves. */
export const endedByOthers: readonly number[] = [exitCodes.dependencyFailed, exitCodes.terminated];
