import { triggerName } from "../pushSensor.ts";
import { sweptLabel, taskLabel } from "../vocabulary/keys.ts";
import { whole } from "../vocabulary/patterns.ts";
import { labelsOfRun, type PushParameter, parameterPatterns, pushParameters } from "../vocabulary/run.ts";
import { digestPattern, runNameBegin, sweepSuffix } from "../vocabulary/runName.ts";
import type { Rules } from "./admissionPolicy.ts";
import { literal, mapAt, sameBut, textAt } from "./cel.ts";

/** What the rules for the accounts that make runs are made of. */
export interface RunRulesArgs {
  /** Prefix of every run's name, and name of the Sensor. */
  name: string;
  workflowTemplateName: string;
  /** Whether runs are owned by the WorkflowTemplate, and so go with it. */
  ownedRuns: boolean;
  /** See argoInstance.ts. */
  argoInstanceId?: string;
  /** See {@link foreignKey}: labels and annotations of such keys are others' to set, with whatever values. */
  foreign: string;
}

/** Who makes runs, and what tells its runs from others'. */
interface Maker {
  words: string;
  /** Ends the names of its runs. */
  suffix: string;
  /** Labels that it may set beside those that all runs have: patterns of the values. */
  labels: Record<string, string>;
}

/** What the Sensor may write: runs of the template, each exactly as a push makes it, and not one field more. */
export function sensorRules(args: RunRulesArgs): Rules {
  return runRules(args, {
    words: "the Sensor",
    suffix: "",
    // Argo Events' own, which it sets where its operation is create.
    labels: {
      "events.argoproj.io/sensor": args.name,
      "events.argoproj.io/trigger": triggerName,
      "events.argoproj.io/action-timestamp": "[0-9]{1,19}",
    },
  });
}

/** What the sweep may write: the same runs, by names of its own. */
export function sweepRules(args: RunRulesArgs): Rules {
  return runRules(args, { words: "the sweep", suffix: sweepSuffix, labels: { [sweptLabel]: "[0-9]{1,10}" } });
}

function runRules(
  { name, workflowTemplateName, ownedRuns, argoInstanceId, foreign }: RunRulesArgs,
  maker: Maker,
): Rules {
  const refusal = (what: string) =>
    literal(`${maker.words} may only create remediations as a push makes them: ${what}`);
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
        "there is a field that none of them has",
      ),
      create(
        `object.spec.?workflowTemplateRef.orValue({}) == ${literal({ name: workflowTemplateName })}`,
        `it has to refer to the WorkflowTemplate ${workflowTemplateName}`,
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
        `its parameters have to be ${pushParameters.join(", ")}, each well-formed`,
      ),
      create(
        // There is nothing here to make a digest with.
        [
          "object.metadata.name.startsWith(variables.nameBegin)",
          `object.metadata.name.substring(variables.nameBegin.size()).matches(${literal(`^${digestPattern}${maker.suffix}$`)})`,
        ].join(" && "),
        "its name has to be made of its own task and head, and a digest",
      ),
      create(
        `type(object.spec.priority) == int && object.spec.priority == int(${parameter("pushed-at")})`,
        "its priority has to be the time of the push",
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
        `its labels have to be those that ${maker.words} sets`,
      ),
      create(
        `variables.annotations.all(key, ${foreign})`,
        "it has an annotation that Argo or a remediation would take for its own",
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
            `its only owner has to be the WorkflowTemplate ${workflowTemplateName}`,
          )
        : create("variables.owners.size() == 0", "it has to have no owner"),
      {
        // A push that is delivered again writes its run once more: with the same content, so that nothing changes but what others add.
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
        refusal: `${literal(`${maker.words} may write workflow `)} + request.name + " only as it is"`,
      },
    ],
  };
}
