import { triggerName } from "../pushSensor.ts";
import { sweptLabel, taskLabel } from "../vocabulary/keys.ts";
import { whole } from "../vocabulary/patterns.ts";
import { labelsOfRun, type PushParameter, parameterPatterns, pushParameters } from "../vocabulary/run.ts";
import { digestPattern, runNameBegin, sweepSuffix } from "../vocabulary/runName.ts";
import type { Rules } from "./admissionPolicy.ts";
import { literal, mapAt, sameBut, textAt } from "./cel.ts";

/** What the rules for the accounts that create runs depend on. */
export interface RunRulesArgs {
  /** Prefix of every run's name. It is also the name of the Sensor. */
  name: string;
  workflowTemplateName: string;
  /** Whether the WorkflowTemplate owns the runs, so that Kubernetes deletes them with it. */
  ownedRuns: boolean;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  /** See {@link foreignKey}. Other webhooks may set labels and annotations with such keys, to any value. */
  foreign: string;
}

/** An account that creates runs, and what distinguishes its runs. */
interface Maker {
  /** How a refusal names it. */
  words: string;
  /** The end of its runs' names. */
  suffix: string;
  /** Labels that it may set in addition to those of all runs: key to a pattern for the value. */
  labels: Record<string, string>;
}

/** What the Sensor may write: a run for a push, in exactly the form of vocabulary/run.ts. */
export function sensorRules(args: RunRulesArgs): Rules {
  return runRules(args, {
    words: "the Sensor",
    suffix: "",
    // Argo Events itself sets these if the trigger's operation is create.
    labels: {
      "events.argoproj.io/sensor": args.name,
      "events.argoproj.io/trigger": triggerName,
      "events.argoproj.io/action-timestamp": "[0-9]{1,19}",
    },
  });
}

/** What the sweep may write: the same runs, but with a suffix to the name. */
export function sweepRules(args: RunRulesArgs): Rules {
  return runRules(args, { words: "the sweep", suffix: sweepSuffix, labels: { [sweptLabel]: "[0-9]{1,10}" } });
}

function runRules(
  { name, workflowTemplateName, ownedRuns, argoInstanceId, foreign }: RunRulesArgs,
  maker: Maker,
): Rules {
  const refusal = (what: string) =>
    literal(`${maker.words} may only create Workflows in the exact form of a push's remediation: ${what}`);
  const create = (expression: string, what: string) => ({
    expression: `request.operation != "CREATE" || (${expression})`,
    refusal: refusal(what),
  });
  const parameter = (key: PushParameter) => textAt(`variables.parameters[${pushParameters.indexOf(key)}]`, "value");
  const keys = (map: string, allowed: string[]) => `${map}.all(key, key in ${literal(allowed)})`;
  const labels = labelsOfRun(name, argoInstanceId);
  const othersOnRun = `(variables.ofRun && ${foreign})`;
  return {
    apiGroup: "argoproj.io",
    resources: ["workflows", "workflows/*"],
    operations: ["CREATE", "UPDATE", "DELETE"],
    variables: {
      labels: mapAt("object.metadata", "labels"),
      oldLabels: mapAt("oldObject.metadata", "labels"),
      annotations: mapAt("object.metadata", "annotations"),
      oldAnnotations: mapAt("oldObject.metadata", "annotations"),
      ofRun: Object.entries(labels)
        .map(([key, value]) => `${textAt("variables.oldLabels", key)} == ${literal(value)}`)
        .join(" && "),
      owners: "object.metadata.?ownerReferences.orValue([])",
      parameters: "object.spec.?arguments.?parameters.orValue([])",
      nameBegin: runNameBegin(name, parameter("task"), parameter("after")),
    },
    checks: [
      {
        expression: 'request.operation != "DELETE"',
        refusal: literal(`${maker.words} may not delete Workflows`),
      },
      create(
        [
          keys("object", ["apiVersion", "kind", "metadata", "spec"]),
          keys("object.metadata", [
            "name",
            "namespace",
            "labels",
            "annotations",
            "ownerReferences",
            // Set by the API server.
            "uid",
            "creationTimestamp",
            "generation",
            "managedFields",
          ]),
          keys("object.spec", ["workflowTemplateRef", "priority", "arguments"]),
          keys(mapAt("object.spec", "arguments"), ["parameters"]),
        ].join(" && "),
        "it has an unexpected field",
      ),
      create(
        `object.spec.?workflowTemplateRef.orValue({}) == ${literal({ name: workflowTemplateName })}`,
        `it must refer to the WorkflowTemplate ${workflowTemplateName}`,
      ),
      create(
        [
          `variables.parameters.size() == ${pushParameters.length}`,
          ...pushParameters.map((key, index) =>
            [
              `variables.parameters[${index}].size() == 2`,
              `variables.parameters[${index}].name == ${literal(key)}`,
              `type(${parameter(key)}) == string`,
              `${parameter(key)}.matches(${literal(whole(parameterPatterns[key]))})`,
            ].join(" && "),
          ),
        ].join(" && "),
        `its parameters must be ${pushParameters.join(", ")}, each well-formed`,
      ),
      create(
        // CEL cannot compute a digest, so only its shape is checked.
        [
          "object.metadata.name.startsWith(variables.nameBegin)",
          `object.metadata.name.substring(variables.nameBegin.size()).matches(${literal(`^${digestPattern}${maker.suffix}$`)})`,
        ].join(" && "),
        "its name must consist of the prefix, its own task and head, and a digest",
      ),
      create(
        `type(object.spec.priority) == int && object.spec.priority == int(${parameter("pushed-at")})`,
        "its priority must be the time of the push",
      ),
      create(
        [
          `variables.labels.all(key, ${foreign} || key in ${literal([...Object.keys(labels), taskLabel, ...Object.keys(maker.labels)])})`,
          ...Object.entries(labels).map(([key, value]) => `${textAt("variables.labels", key)} == ${literal(value)}`),
          `${textAt("variables.labels", taskLabel)} == ${parameter("task")}`,
          ...Object.entries(maker.labels).map(
            ([key, pattern]) =>
              `(!(${literal(key)} in variables.labels) || variables.labels[${literal(key)}].matches(${literal(`^${pattern}$`)}))`,
          ),
        ].join(" && "),
        `its labels must be the ones that ${maker.words} sets`,
      ),
      create(
        `variables.annotations.all(key, ${foreign})`,
        "it has an annotation that Argo or a remediation would act on",
      ),
      ownedRuns
        ? create(
            [
              "variables.owners.size() == 1",
              keys("variables.owners[0]", ["apiVersion", "kind", "name", "uid"]),
              'variables.owners[0].apiVersion == "argoproj.io/v1alpha1"',
              'variables.owners[0].kind == "WorkflowTemplate"',
              `variables.owners[0].name == ${literal(workflowTemplateName)}`,
            ].join(" && "),
            `its only owner must be the WorkflowTemplate ${workflowTemplateName}`,
          )
        : create("variables.owners.size() == 0", "it must not have an owner"),
      {
        // A redelivered push writes the same run again. Only labels and annotations that other webhooks add may differ.
        expression: [
          'request.operation != "UPDATE"',
          `(${[
            sameBut("object", "oldObject", 'key == "metadata"'),
            sameBut(
              "object.metadata",
              "oldObject.metadata",
              'key in ["labels", "annotations", "managedFields", "resourceVersion", "generation"]',
            ),
            sameBut("variables.labels", "variables.oldLabels", "false", othersOnRun),
            sameBut("variables.annotations", "variables.oldAnnotations", "false", othersOnRun),
          ].join(" && ")})`,
        ].join(" || "),
        refusal: `${literal(`${maker.words} may write workflow `)} + request.name + " again, but must not change it"`,
      },
    ],
  };
}
