import type { Rules } from "./admissionPolicy.ts";
import { literal, mapAt, sameBut, textAt } from "./cel.ts";
import { runLabels, taskLabel } from "./labels.ts";
import { pushParameters, triggerName } from "./pushSensor.ts";
import { taskNumber } from "./taskPush.ts";

/** What the rules for the Sensor's account are made of. */
export interface SensorRulesArgs {
  /** Prefix of every run's name, and name of the Sensor. */
  name: string;
  workflowTemplateName: string;
}

/** A pattern for each value that a push fills in; see pushTransform, which lets nothing else through. */
const patterns: Record<(typeof pushParameters)[number], string> = {
  task: taskNumber,
  before: "[0-9a-f]{40}",
  after: "[0-9a-f]{40}",
  repository: "[A-Za-z0-9._-]+/[A-Za-z0-9._-]+",
  "pushed-at": "[1-9][0-9]{0,9}",
};

/** What the Sensor may write: runs of the template, each exactly as a push makes it, and not one field more. */
export function runRules({ name, workflowTemplateName }: SensorRulesArgs): Rules {
  const refusal = (what: string) => literal(`the Sensor may only create remediations as a push makes them: ${what}`);
  const create = (expression: string, what: string) => ({
    expression: `request.operation != "CREATE" || (${expression})`,
    refusal: refusal(what),
  });
  const parameter = (key: (typeof pushParameters)[number]) =>
    textAt(`variables.parameters[${pushParameters.indexOf(key)}]`, "value");
  const keys = (map: string, allowed: string[]) => `${map}.all(key, key in ${literal(allowed)})`;
  const labels = runLabels(name, "remediation");
  // Argo Events' own, which it sets where its operation is create.
  const eventLabels = {
    "events.argoproj.io/sensor": name,
    "events.argoproj.io/trigger": triggerName,
    "events.argoproj.io/action-timestamp": "[0-9]{1,19}",
  };
  return {
    apiGroup: "argoproj.io",
    resources: ["workflows", "workflows/*"],
    operations: ["CREATE", "UPDATE", "DELETE"],
    variables: {
      labels: mapAt("object.metadata", "labels"),
      owners: "object.metadata.?ownerReferences.orValue([])",
      parameters: "object.spec.?arguments.?parameters.orValue([])",
    },
    checks: [
      {
        expression: 'request.operation != "DELETE"',
        refusal: literal("the Sensor may not delete Workflows"),
      },
      create(
        [
          keys("object", ["apiVersion", "kind", "metadata", "spec"]),
          keys("object.metadata", [
            "name",
            "namespace",
            "labels",
            "ownerReferences",
            // Set by the API server.
            "uid",
            "creationTimestamp",
            "generation",
            "managedFields",
          ]),
          keys("object.spec", ["workflowTemplateRef", "priority", "arguments"]),
          keys("object.spec.arguments", ["parameters"]),
        ].join(" && "),
        "there is a field that none of them has",
      ),
      create(
        `object.spec.workflowTemplateRef == ${literal({ name: workflowTemplateName })}`,
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
              `${parameter(key)}.matches(${literal(`^${patterns[key]}$`)})`,
            ].join(" && "),
          ),
        ].join(" && "),
        `its parameters have to be ${pushParameters.join(", ")}, each well-formed`,
      ),
      create(
        `object.metadata.name == ${literal(`${name}-`)} + ${parameter("task")} + "-" + ${parameter("after")}.substring(0, 12) + "-" + ${parameter("before")}.substring(0, 8)`,
        "its name has to be made of its own task and commits",
      ),
      create(
        `type(object.spec.priority) == int && object.spec.priority == int(${parameter("pushed-at")})`,
        "its priority has to be the time of the push",
      ),
      create(
        [
          keys("variables.labels", [...Object.keys(labels), taskLabel, ...Object.keys(eventLabels)]),
          ...Object.entries(labels).map(([key, value]) => `${textAt("variables.labels", key)} == ${literal(value)}`),
          `${textAt("variables.labels", taskLabel)} == ${parameter("task")}`,
          ...Object.entries(eventLabels).map(
            ([key, pattern]) =>
              `(!(${literal(key)} in variables.labels) || variables.labels[${literal(key)}].matches(${literal(`^${pattern}$`)}))`,
          ),
        ].join(" && "),
        "its labels have to be those that the Sensor sets",
      ),
      create(
        [
          "variables.owners.size() == 1",
          keys("variables.owners[0]", ["apiVersion", "kind", "name", "uid"]),
          'variables.owners[0].apiVersion == "argoproj.io/v1alpha1"',
          'variables.owners[0].kind == "WorkflowTemplate"',
          `variables.owners[0].name == ${literal(workflowTemplateName)}`,
        ].join(" && "),
        `its only owner has to be the WorkflowTemplate ${workflowTemplateName}`,
      ),
      {
        // A push that is delivered again writes its run once more: with the same content, so that nothing changes.
        expression: [
          'request.operation != "UPDATE"',
          `(${[
            sameBut("object", "oldObject", 'key == "metadata"'),
            sameBut(
              "object.metadata",
              "oldObject.metadata",
              'key in ["managedFields", "resourceVersion", "generation"]',
            ),
          ].join(" && ")})`,
        ].join(" || "),
        refusal: `"the Sensor may write workflow " + request.name + " only as it is"`,
      },
    ],
  };
}
