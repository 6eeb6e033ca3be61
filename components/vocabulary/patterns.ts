/** What the values of a push look like, as regular expressions that Go, JavaScript, jq, bash and CEL read alike; without anchors. */

/** A task's number: no zeros in front. */
export const taskPattern = "[1-9][0-9]{0,8}";

/** A commit. */
export const shaPattern = "[0-9a-f]{40}";

/** owner/name. */
export const repositoryPattern = "[A-Za-z0-9._-]+/[A-Za-z0-9._-]+";

/**
 * What may follow the task's number in the name of its branch: nothing, or a separator and more. Characters that git refuses in every
 * name are excluded: a push that claims such a branch does not say what is there. bash and CEL do not read this one.
 *
 * @see https://git-scm.com/docs/git-check-ref-format
 */
export const branchRestPattern = String.raw`([-/_][^\x00-\x20\x7f~^:?*\[\\]*)?`;

/** The names of a task's branches, as the EventSource's filter and the Sensor's transform know them. */
export function taskBranches(branchPrefix: string, task: string): RegExp {
  return new RegExp(`^${regexText(branchPrefix)}${task}${branchRestPattern}$`);
}

/** The pattern for a whole text. */
export function whole(pattern: string): string {
  return `^${pattern}$`;
}

/** A text that a regular expression takes literally. */
export function regexText(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
