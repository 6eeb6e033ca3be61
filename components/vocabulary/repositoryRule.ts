import { literal, textAt } from "../policies/cel.ts";

/**
 * The rule for what belongs to a repository: an object that names one must name this one; an object that names none counts only where no
 * other repository is watched. Upper and lower case are the same. The steps and the sweep know it as jq, the API server as CEL.
 */

/** The rule as jq, of an object and its label `$key`. `$repositories` are the labels' values, by owner/name in lower case. */
export const isOfRepository = `def is_of_repository($repositories; $repository; $key): .metadata.labels[$key] as $named
  | if $named == null then ($repositories | length) == 1
    else ($named | ascii_downcase) == ($repositories[$repository | ascii_downcase] // "" | ascii_downcase) end;`;

/**
 * The rule as CEL, for any of the watched repositories: the API server does not know which one a run is for.
 *
 * @param labels the object's labels
 * @param watched values of the label, one for each repository
 */
export function isOfWatchedRepository(labels: string, key: string, watched: string[]): string {
  const named = `${textAt(labels, key)}.lowerAscii() in ${literal(watched.map((label) => label.toLowerCase()))}`;
  return watched.length === 1 ? `(!(${literal(key)} in ${labels}) || ${named})` : `(${named})`;
}
