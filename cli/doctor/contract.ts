import { type Finding, fail, pass, warn } from "./check.ts";
import type { Platform } from "./context.ts";
import { codeRuns, noRetry, survival } from "./contractAgents.ts";
import { leadToGates, oneGate, questions } from "./contractGates.ts";
import { escaped, type MainWorkflow, names, Text } from "./workflowText.ts";

/**
 * Whether a main workflow keeps the contract of docs/main-workflow.md, as far as its text shows it. How it runs, its text does not
 * show: that an agent works on the branch's present head, and that the workflow stays below the size at which Argo packs its status.
 */

const page = "docs/main-workflow.md";

/** @returns a finding for each rule */
export function contract(workflow: MainWorkflow, platform: Platform): Finding[] {
  const text = new Text(workflow, platform);
  return [
    labels(workflow, platform),
    routing(text, platform),
    survival(text),
    noRetry(text),
    leadToGates(text),
    oneGate(text),
    codeRuns(text, platform),
    questions(text),
    stages(text, platform),
    ...unseen(text),
  ];
}

function labels({ kind, metadata, spec }: MainWorkflow, { mainWorkflows }: Platform): Finding {
  const { typeLabel, type, taskLabel, stageLabel } = mainWorkflows;
  const wanted = [typeLabel, taskLabel, stageLabel];
  const rule = "its labels";
  if (kind === "Workflow") {
    const missing = wanted.filter((label) => metadata?.labels?.[label] === undefined);
    if (missing.length > 0)
      return fail(
        `the Workflow has no ${missing.join(", ")}`,
        `metadata.labels: {${missing.map((label) => `${label}: …`).join(", ")}}`,
        rule,
      );
    return metadata?.labels?.[typeLabel] === type
      ? pass(`${wanted.join(", ")}`, rule)
      : fail(
          `${typeLabel} is ${metadata?.labels?.[typeLabel]}, not ${type}`,
          `metadata.labels: {${typeLabel}: ${type}}`,
          rule,
        );
  }
  const late = wanted.filter((label) => spec?.workflowMetadata?.labels?.[label] !== undefined);
  return late.length > 0
    ? warn(
        `workflowMetadata sets ${late.join(", ")} only after the Workflow is there, perhaps after the first push`,
        "let who makes the Workflow set them in its metadata.labels",
        rule,
      )
    : pass(`not in a template: who makes the Workflow has to set ${wanted.join(", ")} in its metadata`, rule);
}

function routing(text: Text, { mainWorkflows, resetStage, agents }: Platform): Finding {
  const rule = "routes by the stage label";
  const variable = `workflow.labels.${mainWorkflows.stageLabel}`;
  const right = `when: "'{{${variable}}}' == '${resetStage}'"`;
  const routed = text.calls.filter(({ step }) => step.when?.includes(variable));
  const toReset = routed.filter(({ step }) => new RegExp(`==\\s*'?"?${escaped(resetStage)}\\b`).test(step.when ?? ""));
  if (toReset.length === 0) {
    return fail(
      `no step is taken when ${variable} is ${resetStage}, so that nothing begins again`,
      `on the step that begins a round: ${right}`,
      rule,
    );
  }
  const bare = routed.filter(
    ({ step }) => !new RegExp(`(['"]){{\\s*${escaped(variable)}\\s*}}\\1`).test(step.when ?? ""),
  );
  if (bare.length > 0) return fail(`${names(bare)} compares it without quotes`, right, rule);
  const agentNames = text.agentTemplates;
  const restarts = toReset.some(({ step }) => text.reaches(step, (template) => agentNames.includes(template)));
  return restarts || agentNames.length === 0
    ? pass(`${names(toReset)} at ${resetStage}`, rule)
    : fail(
        `${names(toReset)} starts no agent at ${resetStage}`,
        `let it lead to the first agent of a round (${agents[0]})`,
        rule,
      );
}

function stages(text: Text, { mainWorkflows: { stageLabel }, stages: known }: Platform): Finding {
  const rule = "its stages";
  const setter = new RegExp(`(^|[\\s{,"'])${escaped(stageLabel)}["']?\\s*:\\s*["']?([^"'}\\n]+)`);
  const set: string[] = [];
  for (const template of text.templates) {
    const value = setter.exec(template.resource?.manifest ?? "")?.[2]?.trim();
    if (value === undefined) continue;
    const parameter = /^{{\s*inputs\.parameters\.([\w-]+)\s*$/.exec(value.replace(/}}$/, ""))?.[1];
    const given = text.calls.filter(({ step }) => step.template === template.name);
    set.push(
      ...(parameter === undefined
        ? [value]
        : given.map(
            ({ step }) => `${step.arguments?.parameters?.find(({ name }) => name === parameter)?.value ?? ""}`,
          )),
    );
  }
  const plain = set.filter((stage) => stage !== "" && !stage.includes("{{"));
  if (plain.length === 0)
    return warn(
      `no resource template sets ${stageLabel}, so that its stages cannot be seen`,
      `look at them by hand: ${page}`,
      rule,
    );
  const odd = plain.filter((stage) => !known.includes(stage));
  return odd.length > 0
    ? fail(
        `it sets ${stageLabel} to ${odd.join(", ")}; stages has ${known.join(", ")}`,
        "pulumi config set --path mainWorkflow.stages '[…]' with it where it belongs in the order, then pulumi up",
        rule,
      )
    : pass([...new Set(plain)].join(", "), rule);
}

function unseen(text: Text): Finding[] {
  const others = text.calls.filter(({ step }) => step.templateRef !== undefined);
  return others.length === 0
    ? []
    : [
        warn(
          `${names(others)} runs a template of another WorkflowTemplate, which is not looked at`,
          "look at that as well: npm run doctor -- --main-workflow NAME",
          "templates of others",
        ),
      ];
}
