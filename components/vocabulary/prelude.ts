import { jqText } from "./jqText.ts";
import { ledgerPrefix, outcomeLabel, sweptLabel, taskLabel } from "./keys.ts";
import { branchRestPattern, repositoryPattern, shaPattern, taskPattern, whole } from "./patterns.ts";
import { isOfRepository } from "./repositoryRule.ts";
import { runFunctions } from "./run.ts";
import { runNameFunctions } from "./runName.ts";
import { isOfPushJq } from "./samePush.ts";
import { containerOf, endedByOthers, exitCodes, mainContainer, podSteps, stepOf } from "./steps.ts";

/**
 * The vocabulary as bash and jq have it. A step's text just uses a name; stepScript puts what is used in front of the text. Bash has
 * constants. jq has functions, all in the constant VOCABULARY: a program that uses one begins with it, `jq "$VOCABULARY"'…'`.
 */

/** Constants of bash. Patterns are for a whole text. */
const constants: Record<string, string | number> = {
  RUN_TASK_LABEL: taskLabel,
  SWEPT_LABEL: sweptLabel,
  OUTCOME_LABEL: outcomeLabel,
  TASK_PATTERN: whole(taskPattern),
  SHA_PATTERN: whole(shaPattern),
  REPOSITORY_PATTERN: whole(repositoryPattern),
  EXIT_PLAN_AGAIN: exitCodes.planAgain,
  EXIT_DEPENDENCY_FAILED: exitCodes.dependencyFailed,
  EXIT_TERMINATED: exitCodes.terminated,
};

/**
 * Functions of jq, in the order in which they need one another.
 *
 * - `task_pattern`, `sha_pattern`, `repository_pattern`: texts for `test`, for the whole of a text.
 * - `task_of_branch($prefix)`: a branch's name -> the task's number, as text; null where it is no task's branch.
 * - `ledger_key($name)`: "outcome" -> the annotation's key.
 * - `outcome_label`: the key of a run's label that holds its outcome.
 * - `ledger_of`: an object -> the ledger on it, by names without prefix; {} where there is none.
 * - `parameters_of`: a Workflow -> its parameters, by name. `push_of`: a Workflow -> the push that it was told of, pushedAt as a number.
 * - `is_of_push($push)`: such a push -> whether it is this one, as GitHub recorded it; see samePush.ts.
 * - `run_digested($salt)`, `run_name_begin($prefix)`, `swept_run_name($prefix; $digest)`: a push -> see runName.ts.
 * - `unfilled_run($name; $namespace; $uid; $instance)`, `filled_run($push)`: the run of a push; see run.ts.
 * - `is_of_repository($repositories; $repository; $key)`: an object -> whether it is this repository's; see repositoryRule.ts.
 * - `step_containers`: names of the containers of a pod's steps. `step_of_container`: such a name -> the step's.
 * - `ended_by_others`: whether Argo's message about a container says that it ended because another step failed, or from outside.
 */
const functions: Record<string, string> = {
  task_pattern: `def task_pattern: ${jqText(whole(taskPattern))};`,
  sha_pattern: `def sha_pattern: ${jqText(whole(shaPattern))};`,
  repository_pattern: `def repository_pattern: ${jqText(whole(repositoryPattern))};`,
  task_of_branch: `def task_of_branch($prefix): if startswith($prefix)
  then [.[($prefix | length):] | capture(${jqText(whole(`(?<task>${taskPattern})${branchRestPattern}`))}).task][0] else null end;`,
  ledger_key: `def ledger_key($name): ${jqText(ledgerPrefix)} + $name;`,
  outcome_label: `def outcome_label: ${jqText(outcomeLabel)};`,
  ledger_of: `def ledger_of: .metadata.annotations // {} | with_entries(select(.key | startswith(${jqText(ledgerPrefix)})) | .key |= ltrimstr(${jqText(ledgerPrefix)}));`,
  ...runFunctions,
  is_of_push: isOfPushJq,
  ...runNameFunctions,
  is_of_repository: isOfRepository,
  step_containers: `def step_containers: ${JSON.stringify(podSteps.map(containerOf))};`,
  step_of_container: `def step_of_container: if . == ${jqText(mainContainer)} then ${jqText(`${stepOf(mainContainer)}`)} else . end;`,
  ended_by_others: `def ended_by_others: test("exit code (${endedByOthers.join("|")})");`,
};

/** @returns bash that defines what the text uses of the vocabulary */
export function prelude(text: string): string {
  const known: Record<string, string | number> = { ...constants, VOCABULARY: jqVocabulary(text) };
  return Object.entries(known)
    .filter(([name]) => uses(text, name))
    .map(([name, value]) => `readonly ${name}=${bashText(`${value}`)}\n`)
    .join("");
}

/** @returns the functions that a program of jq uses, and those that they use */
export function jqVocabulary(program: string): string {
  return Object.entries(functions).reduceRight(
    (used, [name, text]) => (uses(program + used, name) ? `${text}\n${used}` : used),
    "",
  );
}

function uses(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(text);
}

/** A literal of bash. */
function bashText(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
