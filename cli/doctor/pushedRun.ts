import { isDeepStrictEqual } from "node:util";
import { filledRun, triggerParameters } from "../../components/vocabulary/run.ts";
import { type RunValues, runName, runNameTemplate, runSaltAnnotation } from "../../components/vocabulary/runName.ts";
import { Refusal } from "../lib/installation.ts";
import type { ClusterObject } from "./context.ts";

/** Computes the run that the Sensor in the cluster creates for a push. */

/** The Workflow of a run, with the fields that are filled in here. */
export interface PushedRun {
  metadata: { name: string; labels: Record<string, string> };
  [field: string]: unknown;
}

/**
 * @throws Refusal if the Sensor fills in its runs differently from this version of the program
 * @see https://argoproj.github.io/argo-events/sensors/triggers/k8s-object-trigger/
 */
export function runOfPush(sensor: ClusterObject, push: RunValues): PushedRun {
  const { name, annotations } = sensor.metadata;
  const template = sensor.spec.triggers?.[0]?.template;
  const resource: PushedRun | undefined = template?.k8s?.source?.resource;
  if (resource === undefined)
    throw new Refusal(`Sensor ${name} has no trigger that creates an object`, "pulumi up --refresh");
  const salt = annotations?.[runSaltAnnotation] ?? "";
  const dependency = sensor.spec.dependencies?.[0]?.name;
  if (!isDeepStrictEqual(template.k8s.parameters, triggerParameters(dependency, runNameTemplate(name, salt)))) {
    throw new Refusal(
      `Sensor ${name} fills in its runs differently from this version of the program`,
      "pulumi up --refresh",
    );
  }
  const run = filledRun(resource, push);
  run.metadata.name = runName(name, salt, push);
  if (template.k8s.operation === "create") {
    Object.assign(run.metadata.labels, {
      "events.argoproj.io/sensor": name,
      "events.argoproj.io/trigger": template.name,
      "events.argoproj.io/action-timestamp": `${Date.now()}`,
    });
  }
  return run;
}
