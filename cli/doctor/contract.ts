import { type Finding, fail, pass, warn } from "./check.ts";
import type { Platform } from "./mainWorkflows.ts";

/**
 * Whether a main workflow keeps the contract of docs/main-workflow.md, as far as its text shows it. How it runs, its text does not
 * show: that an agent works on the branch's present head, and that the workflow stays below the size at which Argo packs its status.
 */

/** A Workflow or WorkflowTemplate, as far as the contract reads it. */
export interface MainWorkflow {
  kind: string;
  metadata?: { name?: string; generateName?: string; labels?: Record<string, string> };
  spec?: {
    entrypoint?: string;
    templates?: Template[];
    templateDefaults?: Template;
    workflowMetadata?: { labels?: Record<string, string> };
  };
}

interface Template {
  name: string;
  steps?: Step[][];
  dag?: { tasks: Step[] };
  suspend?: { duration?: string };
  resource?: { action?: string; manifest?: string };
  retryStrategy?: object;
  inputs?: { parameters?: Parameter[] };
  outputs?: { parameters?: Parameter[] };
}

interface Step {
  name: string;
  template?: string;
  templateRef?: { name: string };
  inline?: Template;
  when?: string;
  continueOn?: { failed?: boolean; error?: boolean };
  withItems?: unknown[];
  withParam?: string;
  withSequence?: object;
  depends?: string;
  dependencies?: string[];
  arguments?: { parameters?: Parameter[] };
}

interface Parameter {
  name: string;
  value?: unknown;
  valueFrom?: { supplied?: object; default?: unknown };
}

/** A call of a template, and what surrounds it. */
interface Call {
  caller: Template;
  step: Step;
}

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

/** What the rules look up in the text. */
class Text {
  readonly templates: Template[];
  readonly defaults: Template | undefined;
  readonly calls: Call[];
  readonly #platform: Platform;

  constructor({ spec }: MainWorkflow, platform: Platform) {
    this.templates = spec?.templates ?? [];
    this.defaults = spec?.templateDefaults;
    this.#platform = platform;
    this.calls = this.templates.flatMap((caller) => stepsOf(caller).map((step) => ({ caller, step })));
  }

  template(name: string | undefined): Template | undefined {
    return this.templates.find((template) => template.name === name);
  }

  /** What makes CodeRuns. */
  get agentTemplates(): Template[] {
    return this.templates.filter(({ resource }) => /kind:\s*["']?CodeRun\b/.test(resource?.manifest ?? ""));
  }

  /** Steps that start an agent that a push may cancel; with a name that is only known at work it may be any. */
  get agentCalls(): Call[] {
    const making = this.agentTemplates.map(({ name }) => name);
    return this.calls.filter(({ step }) => making.includes(step.template ?? "") && this.#mayBeCancelled(step));
  }

  #mayBeCancelled({ template, arguments: given }: Step): boolean {
    const { agents, codeRuns } = this.#platform;
    const manifest = this.template(template)?.resource?.manifest ?? "";
    const named =
      new RegExp(`${escaped(codeRuns.agentLabel)}["']?:\\s*["']?([^"'\\n]+)`).exec(manifest)?.[1]?.trim() ?? "";
    const parameter = /^{{\s*inputs\.parameters\.([\w-]+)\s*}}$/.exec(named)?.[1];
    const agent =
      parameter === undefined ? named : `${given?.parameters?.find(({ name }) => name === parameter)?.value ?? ""}`;
    return agent === "" || agent.includes("{{") || agents.includes(agent);
  }

  /** Whether a step is a gate, or comes to one. */
  reachesGate(step: Step, seen: string[] = []): boolean {
    return this.reaches(step, isGate, seen);
  }

  reaches(step: Step, wanted: (template: Template) => boolean, seen: string[] = []): boolean {
    const template = step.inline ?? this.template(step.template);
    if (template === undefined || seen.includes(template.name)) return false;
    return wanted(template) || stepsOf(template).some((next) => this.reaches(next, wanted, [...seen, template.name]));
  }

  /** Whether a gate comes after a step, in its own template or in one that calls that; `perhaps` where only on a condition. */
  gateAfter({ caller, step }: Call, seen: string[] = []): "yes" | "perhaps" | "no" {
    if (seen.includes(caller.name)) return "no";
    const gates = after(caller, step).filter((next) => this.reachesGate(next));
    if (gates.some(({ when }) => when === undefined)) return "yes";
    const above = this.calls
      .filter(({ step: calling }) => calling.template === caller.name)
      .map((call) => this.gateAfter(call, [...seen, caller.name]));
    if (above.includes("yes")) return "yes";
    return gates.length > 0 || above.includes("perhaps") ? "perhaps" : "no";
  }
}

/** One with a duration is a pause, which ends by itself and which no remediation opens. */
function isGate({ suspend }: Template): boolean {
  return suspend !== undefined && !suspend.duration;
}

function stepsOf({ steps, dag }: Template): Step[] {
  return [...(steps ?? []).flat(), ...(dag?.tasks ?? [])];
}

/** The steps that begin when one has ended. */
function after({ steps, dag }: Template, step: Step): Step[] {
  if (steps !== undefined) {
    const group = steps.findIndex((one) => one.includes(step));
    return steps.slice(group + 1).flat();
  }
  const found = new Set<string>([step.name]);
  const tasks = dag?.tasks ?? [];
  for (const _ of tasks)
    for (const task of tasks) if (needs(task).some((name) => found.has(name))) found.add(task.name);
  return tasks.filter(({ name }) => found.has(name) && name !== step.name);
}

function needs({ depends, dependencies }: Step): string[] {
  return [...(dependencies ?? []), ...(depends?.match(/[A-Za-z0-9_-]+(?=\.|\b)/g) ?? [])];
}

const names = (calls: Call[]) => calls.map(({ caller, step }) => `${caller.name}/${step.name}`).join(", ");

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

function survival(text: Text): Finding {
  const rule = "survives a cancelled agent";
  const bad = text.agentCalls.filter(({ step }) => !(step.continueOn?.failed && step.continueOn.error));
  if (bad.length > 0)
    return fail(
      `${names(bad)} ends the workflow when its CodeRun is deleted`,
      "continueOn: {failed: true, error: true} on that step",
      rule,
    );
  return text.agentCalls.length === 0 ? noAgents(rule) : pass(names(text.agentCalls), rule);
}

function noAgents(rule: string): Finding {
  return warn("no resource template makes a CodeRun, so that this cannot be seen", `look at it by hand: ${page}`, rule);
}

function noRetry(text: Text): Finding {
  const rule = "does not bring the agent back";
  const all = text.agentTemplates;
  const bad = all.filter(({ retryStrategy }) => (retryStrategy ?? text.defaults?.retryStrategy) !== undefined);
  if (bad.length > 0) {
    const where = bad.some(({ retryStrategy }) => retryStrategy === undefined)
      ? "templateDefaults"
      : bad.map(({ name }) => name).join(", ");
    return fail(
      `the retryStrategy of ${where} makes a cancelled CodeRun again`,
      `remove retryStrategy from ${where}`,
      rule,
    );
  }
  return all.length === 0 ? noAgents(rule) : pass(all.map(({ name }) => name).join(", "), rule);
}

function leadToGates(text: Text): Finding {
  const rule = "leads from each agent to a gate";
  if (!text.templates.some(isGate)) {
    return fail(
      "it has no suspend template without a duration, so that it never stands at a gate",
      "a template with suspend: {}, and a step with it after each agent",
      rule,
    );
  }
  const leads = text.agentCalls.map((call) => ({ call, gate: text.gateAfter(call) }));
  const none = leads.filter(({ gate }) => gate === "no").map(({ call }) => call);
  if (none.length > 0) return fail(`no gate follows ${names(none)}`, "a step with the suspend template after it", rule);
  const perhaps = leads.filter(({ gate }) => gate === "perhaps").map(({ call }) => call);
  if (perhaps.length > 0)
    return warn(
      `after ${names(perhaps)} the gate depends on a condition`,
      "take the condition (when) off the gate",
      rule,
    );
  return leads.length === 0 ? noAgents(rule) : pass(names(text.agentCalls), rule);
}

function oneGate(text: Text): Finding {
  const rule = "one gate at a time";
  for (const template of text.templates) {
    const many = stepsOf(template).find(
      (step) => (step.withItems ?? step.withParam ?? step.withSequence) !== undefined && text.reachesGate(step),
    );
    if (many !== undefined)
      return fail(
        `${template.name}/${many.name} comes to a gate several times at once`,
        "a loop without a gate in it",
        rule,
      );
    for (const group of template.steps ?? []) {
      const gates = group.filter((step) => text.reachesGate(step));
      if (gates.length > 1) return besides(template, gates, rule);
    }
    const tasks = template.dag?.tasks.filter((step) => text.reachesGate(step)) ?? [];
    const pair = tasks.flatMap((one) =>
      tasks
        .filter(
          (other) => other !== one && !after(template, one).includes(other) && !after(template, other).includes(one),
        )
        .map((other) => [one, other]),
    )[0];
    if (pair !== undefined) return besides(template, pair, rule);
  }
  return pass("no two steps side by side come to one", rule);
}

function besides(template: Template, gates: Step[], rule: string): Finding {
  const found = `${gates.map(({ name }) => `${template.name}/${name}`).join(" and ")} come to a gate side by side`;
  return gates.every(({ when }) => when !== undefined)
    ? warn(`${found}, each on a condition`, "conditions of which never two hold", rule)
    : fail(found, "one after the other", rule);
}

function codeRuns(text: Text, { codeRuns: { group, taskLabel, agentLabel } }: Platform): Finding {
  const rule = "its CodeRuns";
  for (const { name, resource } of text.agentTemplates) {
    const manifest = resource?.manifest ?? "";
    const missing = [taskLabel, agentLabel].filter(
      (label) => !new RegExp(`(^|[\\s{,"'])${escaped(label)}["']?\\s*:`).test(manifest),
    );
    if (missing.length > 0)
      return fail(
        `template ${name} makes them without ${missing.join(", ")}`,
        `metadata.labels: {${missing.map((label) => `${label}: …`).join(", ")}} in its manifest`,
        rule,
      );
    if (!/\bgenerateName\s*:/.test(manifest))
      return fail(
        `template ${name} gives them a name that an earlier round has taken`,
        "metadata.generateName in place of metadata.name in its manifest",
        rule,
      );
    if (!manifest.includes(`${group}/`))
      return fail(
        `template ${name} makes none of ${group}`,
        "pulumi config set --path codeRun.group GROUP, then pulumi up",
        rule,
      );
  }
  return text.agentTemplates.length === 0
    ? noAgents(rule)
    : pass(`labelled ${taskLabel} and ${agentLabel}, by generateName`, rule);
}

function questions(text: Text): Finding {
  const rule = "gates without questions";
  for (const { name, suspend, outputs } of text.templates) {
    if (suspend === undefined) continue;
    const open = outputs?.parameters?.find(
      ({ valueFrom }) => valueFrom?.supplied !== undefined && valueFrom.default === undefined,
    );
    if (open !== undefined)
      return fail(
        `gate ${name} asks for ${open.name}, which has no default`,
        `valueFrom: {supplied: {}, default: …} for ${open.name}`,
        rule,
      );
    if (suspend.duration !== undefined)
      return warn(
        `${name} is a pause, which ends by itself after ${suspend.duration}, and no gate: a remediation leaves it alone`,
        "suspend: {}",
        rule,
      );
  }
  return pass("none asks for what has no default", rule);
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

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
