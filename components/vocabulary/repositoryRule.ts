import { literal, textAt } from "../policies/cel.ts";

/**
 * The rule for which repository an object belongs to. If its label names a repository, it belongs to that one, ignoring case. An object
 * without the label counts only if a single repository is watched. The steps and the sweep use the rule as jq, the API server as CEL.
 */

/** The rule as a jq function of an object. `$repositories` maps owner/name, in lower case, to the value of the label `$key`. */
export const isOfRepository = `def is_of_repository($repositories; $repository; $key): .metadata.labels[$key] as $named
  | if $named == null then ($repositories | length) == 1
    else ($named | ascii_downcase) == ($repositories[$repository | ascii_downcase] // "" | ascii_downcase) end;`;

/**
 * The rule as CEL, for any of the watched repositories, because the API server does not know which one a run is for.
 *
 * @param labels CEL expression for the object's labels
 * @param watched values of the label, one for each repository
 */
export function isOfWatchedRepository(labels: string, key: string, watched: string[]): string {
  const named = `${textAt(labels, key)}.lowerAscii() in ${literal(watched.map((label) => label.toLowerCase()))}`;
  return watched.length === 1 ? `(!(${literal(key)} in ${labels}) || ${named})` : `(${named})`;
}
