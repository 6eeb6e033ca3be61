import type { Platform } from "./context.ts";

/** The text of a main workflow, and what the contract's rules need to know about it. */

/** A Workflow or WorkflowTemplate, with the fields that the contract is about. */
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

export interface Template {
  name: string;
  steps?: Step[][];
  dag?: { tasks: Step[] };
  suspend?: { duration?: string };
  resource?: { action?: string; manifest?: string };
  retryStrategy?: object;
  inputs?: { parameters?: Parameter[] };
  outputs?: { parameters?: Parameter[] };
}

export interface Step {
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

export interface Parameter {
  name: string;
  value?: unknown;
  valueFrom?: { supplied?: object; default?: unknown };
}

/** A step that calls a template, and the template that contains the step. */
export interface Call {
  caller: Template;
  step: Step;
}

/** The templates and steps of a main workflow. */
export class Text {
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

  /** Templates that create CodeRuns. */
  get agentTemplates(): Template[] {
    return this.templates.filter(({ resource }) => /kind:\s*["']?CodeRun\b/.test(resource?.manifest ?? ""));
  }

  /** Steps that start an agent that a push may cancel. An agent whose name is known only at run time counts. */
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

  /** Whether a step is a gate or leads to one. */
  reachesGate(step: Step, seen: string[] = []): boolean {
    return this.reaches(step, isGate, seen);
  }

  reaches(step: Step, wanted: (template: Template) => boolean, seen: string[] = []): boolean {
    const template = step.inline ?? this.template(step.template);
    if (template === undefined || seen.includes(template.name)) return false;
    return wanted(template) || stepsOf(template).some((next) => this.reaches(next, wanted, [...seen, template.name]));
  }

  /** Whether a gate follows a step, in its own template or in a calling one; `perhaps` if the gate has a condition. */
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

/** A suspend template with a duration is not a gate but a pause: it ends by itself, and no remediation opens it. */
export function isGate({ suspend }: Template): boolean {
  return suspend !== undefined && !suspend.duration;
}

export function stepsOf({ steps, dag }: Template): Step[] {
  return [...(steps ?? []).flat(), ...(dag?.tasks ?? [])];
}

/** The steps that run after a step. */
export function after({ steps, dag }: Template, step: Step): Step[] {
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

/** The calls as "template/step", separated by commas. */
export const names = (calls: Call[]) => calls.map(({ caller, step }) => `${caller.name}/${step.name}`).join(", ");

/** Escapes a text for use in a regular expression. */
export function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
