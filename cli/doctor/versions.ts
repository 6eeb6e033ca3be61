import { parse } from "semver";

/** Versions as tools and images write them. */

/**
 * Whether a version is at least another; undefined for what is no version, as `latest`. Only the three numbers count: a suffix does not make
 * `v1.30.0-eks-1` older than 1.30.0.
 */
export function atLeast(version: string, least: string): boolean | undefined {
  const order = parse(version)?.compareMain(least);
  return order === undefined ? undefined : order >= 0;
}

/** The major version; undefined for what is no version. */
export function majorOf(version: string): number | undefined {
  return parse(version)?.major;
}
