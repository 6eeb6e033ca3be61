import { type Finding, fail, pass, warn } from "./check.ts";
import type { Platform } from "./context.ts";
import { escaped, names, type Text } from "./workflowText.ts";

/** The rules for the agents that a main workflow starts. */

export function survival(text: Text): Finding {
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

export function noRetry(text: Text): Finding {
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

export function codeRuns(text: Text, { codeRuns: { group, taskLabel, agentLabel } }: Platform): Finding {
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

export function noAgents(rule: string): Finding {
  return warn(
    "no resource template makes a CodeRun, so that this cannot be seen",
    `look at it by hand: docs/main-workflow.md`,
    rule,
  );
}
