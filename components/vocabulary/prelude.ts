import { clockMarginSeconds } from "./clocks.ts";
import { endingInJq } from "./ending.ts";
import { jqText } from "./jqText.ts";
import { ledgerPrefix, outcomeLabel, sweptLabel, taskLabel } from "./keys.ts";
import { branchRestPattern, repositoryPattern, shaPattern, taskPattern, whole } from "./patterns.ts";
import { isOfRepository } from "./repositoryRule.ts";
import { runFunctions } from "./run.ts";
import { runNameFunctions } from "./runName.ts";
import { isOfPushJq } from "./samePush.ts";
import { containerOf, endedByOthers, exitCodes, mainContainer, podSteps, stepOf } from "./steps.ts";

/**
 * The vocabulary for bash and jq. A step's script uses the names freely; stepScript puts the definitions that it needs in front of it.
 * Bash gets constants. jq gets functions, all of them in the constant VOCABULARY; a jq program that uses one must begin with it:
 * `jq "$VOCABULARY"'…'`.
 */

/** Bash constants. The patterns match a whole text. */
const constants: Record<string, string | number> = {
  RUN_TASK_LABEL: taskLabel,
  SWEPT_LABEL: sweptLabel,
  OUTCOME_LABEL: outcomeLabel,
  TASK_PATTERN: whole(taskPattern),
  SHA_PATTERN: whole(shaPattern),
  REPOSITORY_PATTERN: whole(repositoryPattern),
  CLOCK_MARGIN_SECONDS: clockMarginSeconds,
  EXIT_PLAN_AGAIN: exitCodes.planAgain,
  EXIT_DEPENDENCY_FAILED: exitCodes.dependencyFailed,
  EXIT_TERMINATED: exitCodes.terminated,
};

/**
 * jq functions. Each uses only functions before it.
 *
 * - `task_pattern`, `sha_pattern`, `repository_pattern`: patterns for `test` that match a whole text.
 * - `task_of_branch($prefix)`: a branch's name -> the task's number, as text; null if it is not a task's branch.
 * - `clock_margin`: how many seconds a push may be ahead of this node's clock.
 * - `ledger_key($name)`: a name such as "outcome" -> the key of its annotation.
 * - `outcome_label`: the key of a run's label that holds its outcome.
 * - `ledger_of`: an object -> the ledger on it, by names without prefix; {} if it has none.
 * - `parameters_of`: a Workflow -> its parameters, by name. `push_of`: a run -> its push, with pushedAt as a number.
 * - `is_of_push($push)`: a push from `push_of` -> whether it is the recorded `$push`; see samePush.ts.
 * - `run_digested($salt)`, `run_name_begin($prefix)`, `swept_run_name($prefix; $digest)`: a push -> see runName.ts.
 * - `unfilled_run($name; $namespace; $uid; $instance)`, `filled_run($push)`: the run of a push; see run.ts.
 * - `is_of_repository($repositories; $repository; $key)`: an object -> whether it belongs to the repository; see repositoryRule.ts.
 * - `step_containers`: names of the containers of a pod's steps. `step_of_container`: such a name -> the name of its step.
 * - `ending_in`: a message of Argo's -> the ending of a step in it, or null; see ending.ts.
 * - `ended_by_others`: Argo's message about a container -> whether it ended because another step failed, or was ended from outside.
 */
const functions: Record<string, string> = {
  task_pattern: `def task_pattern: ${jqText(whole(taskPattern))};`,
  sha_pattern: `def sha_pattern: ${jqText(whole(shaPattern))};`,
  repository_pattern: `def repository_pattern: ${jqText(whole(repositoryPattern))};`,
  task_of_branch: `def task_of_branch($prefix): if startswith($prefix)
  then [.[($prefix | length):] | capture(${jqText(whole(`(?<task>${taskPattern})${branchRestPattern}`))}).task][0] else null end;`,
  clock_margin: `def clock_margin: ${clockMarginSeconds};`,
  ledger_key: `def ledger_key($name): ${jqText(ledgerPrefix)} + $name;`,
  outcome_label: `def outcome_label: ${jqText(outcomeLabel)};`,
  ledger_of: `def ledger_of: .metadata.annotations // {} | with_entries(select(.key | startswith(${jqText(ledgerPrefix)})) | .key |= ltrimstr(${jqText(ledgerPrefix)}));`,
  ...runFunctions,
  is_of_push: isOfPushJq,
  ...runNameFunctions,
  is_of_repository: isOfRepository,
  step_containers: `def step_containers: ${JSON.stringify(podSteps.map(containerOf))};`,
  step_of_container: `def step_of_container: if . == ${jqText(mainContainer)} then ${jqText(`${stepOf(mainContainer)}`)} else . end;`,
  ending_in: endingInJq,
  ended_by_others: `def ended_by_others: test("exit code (${endedByOthers.join("|")})");`,
};

/** @returns bash that defines the parts of the vocabulary that the text uses */
export function prelude(text: string): string {
  const known: Record<string, string | number> = { ...constants, VOCABULARY: jqVocabulary(text) };
  return Object.entries(known)
    .filter(([name]) => uses(text, name))
    .map(([name, value]) => `readonly ${name}=${bashText(`${value}`)}\n`)
    .join("");
}

/** @returns the functions that a jq program uses, directly or through other functions */
export function jqVocabulary(program: string): string {
  return Object.entries(functions).reduceRight(
    (used, [name, text]) => (uses(program + used, name) ? `${text}\n${used}` : used),
    "",
  );
}

function uses(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(text);
}

/** A bash literal. */
function bashText(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
