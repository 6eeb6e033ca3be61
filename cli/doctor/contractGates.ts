import { type Finding, fail, pass, warn } from "./check.ts";
import { noAgents } from "./contractAgents.ts";
import { after, isGate, names, type Step, stepsOf, type Template, type Text } from "./workflowText.ts";

/** The rules for the gates of a main workflow. */

export function leadToGates(text: Text): Finding {
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

export function oneGate(text: Text): Finding {
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

export function questions(text: Text): Finding {
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
