import { type Finding, fail, pass, warn } from "./check.ts";
import { noAgents } from "./contractAgents.ts";
import { after, isGate, names, type Step, stepsOf, type Template, type Text } from "./workflowText.ts";

/** The contract's rules for the gates of a main workflow. */

export function leadToGates(text: Text): Finding {
  const rule = "leads from each agent to a gate";
  if (!text.templates.some(isGate)) {
    return fail(
      "it has no suspend template without a duration, so it never waits at a gate",
      "add a template with suspend: {}, and a step that uses it after each agent",
      rule,
    );
  }
  const leads = text.agentCalls.map((call) => ({ call, gate: text.gateAfter(call) }));
  const none = leads.filter(({ gate }) => gate === "no").map(({ call }) => call);
  if (none.length > 0)
    return fail(`no gate follows ${names(none)}`, "add a step with the suspend template after it", rule);
  const perhaps = leads.filter(({ gate }) => gate === "perhaps").map(({ call }) => call);
  if (perhaps.length > 0)
    return warn(
      `after ${names(perhaps)} the gate depends on a condition`,
      "remove the condition (when) from the gate",
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
        `${template.name}/${many.name} reaches a gate several times at once`,
        "take the gate out of the loop",
        rule,
      );
    for (const group of template.steps ?? []) {
      const gates = group.filter((step) => text.reachesGate(step));
      if (gates.length > 1) return inParallel(template, gates, rule);
    }
    const tasks = template.dag?.tasks.filter((step) => text.reachesGate(step)) ?? [];
    const pair = tasks.flatMap((one) =>
      tasks
        .filter(
          (other) => other !== one && !after(template, one).includes(other) && !after(template, other).includes(one),
        )
        .map((other) => [one, other]),
    )[0];
    if (pair !== undefined) return inParallel(template, pair, rule);
  }
  return pass("no two parallel steps reach a gate", rule);
}

function inParallel(template: Template, gates: Step[], rule: string): Finding {
  const found = `${gates.map(({ name }) => `${template.name}/${name}`).join(" and ")} reach a gate in parallel`;
  return gates.every(({ when }) => when !== undefined)
    ? warn(`${found}, each with a condition`, "make sure that no two of the conditions can be true at once", rule)
    : fail(found, "put them one after the other", rule);
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
        `give ${open.name} a default: valueFrom: {supplied: {}, default: …}`,
        rule,
      );
    if (suspend.duration !== undefined)
      return warn(
        `${name} is a pause that ends by itself after ${suspend.duration}, not a gate, so a remediation leaves it alone`,
        "if it is meant as a gate: suspend: {}",
        rule,
      );
  }
  return pass("no gate asks for a parameter without a default", rule);
}
