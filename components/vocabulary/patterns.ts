/**
 * The form of the values of a push: regular expressions, without anchors, that mean the same in Go, JavaScript, jq, bash and CEL.
 */

/** A task's number, without leading zeros. */
export const taskPattern = "[1-9][0-9]{0,8}";

/** The full SHA of a commit. */
export const shaPattern = "[0-9a-f]{40}";

/** owner/name. */
export const repositoryPattern = "[A-Za-z0-9._-]+/[A-Za-z0-9._-]+";

/**
 * What may follow the task's number in a branch name: nothing, or a separator and more text. It excludes characters that git forbids in
 * branch names, because a push that claims such a branch is forged. bash and CEL do not understand this pattern.
 *
 * @see https://git-scm.com/docs/git-check-ref-format
 */
export const branchRestPattern = String.raw`([-/_][^\x00-\x20\x7f~^:?*\[\\]*)?`;

/** Matches the names of a task's branches, as the EventSource's filter and the Sensor's transform do. */
export function taskBranches(branchPrefix: string, task: string): RegExp {
  return new RegExp(`^${regexText(branchPrefix)}${task}${branchRestPattern}$`);
}

/** Anchors a pattern so that it must match the whole text. */
export function whole(pattern: string): string {
  return `^${pattern}$`;
}

/** Escapes a text so that a regular expression matches it literally. */
export function regexText(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
