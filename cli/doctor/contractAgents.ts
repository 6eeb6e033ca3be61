import { type Finding, fail, pass, warn } from "./check.ts";
import type { Platform } from "./context.ts";
import { escaped, names, type Text } from "./workflowText.ts";

/** The contract's rules for the agents that a main workflow starts. */

export function survival(text: Text): Finding {
  const rule = "survives a cancelled agent";
  const bad = text.agentCalls.filter(({ step }) => !(step.continueOn?.failed && step.continueOn.error));
  if (bad.length > 0)
    return fail(
      `${names(bad)} ends the workflow when its CodeRun is deleted`,
      "add to that step: continueOn: {failed: true, error: true}",
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
      `the retryStrategy of ${where} creates a cancelled CodeRun again`,
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
        `template ${name} creates CodeRuns without ${missing.join(", ")}`,
        `metadata.labels: {${missing.map((label) => `${label}: …`).join(", ")}} in the template's manifest`,
        rule,
      );
    if (!/\bgenerateName\s*:/.test(manifest))
      return fail(
        `template ${name} gives its CodeRuns a fixed name, which an earlier round has already used`,
        "use metadata.generateName instead of metadata.name in the template's manifest",
        rule,
      );
    if (!manifest.includes(`${group}/`))
      return fail(
        `template ${name} creates CodeRuns that are not of the group ${group}`,
        "pulumi config set --path codeRun.group GROUP, then pulumi up",
        rule,
      );
  }
  return text.agentTemplates.length === 0
    ? noAgents(rule)
    : pass(`labelled ${taskLabel} and ${agentLabel}, named by generateName`, rule);
}

export function noAgents(rule: string): Finding {
  return warn(
    "no resource template creates a CodeRun, so this cannot be checked",
    `check it by hand: docs/main-workflow.md`,
    rule,
  );
}
