import { parse } from "semver";

/** Compares versions in the forms that tools and image tags use. */

/**
 * Whether a version is at least another; undefined if it is not a version, for example `latest`. Only the three numbers count, so that
 * `v1.30.0-eks-1` is not older than 1.30.0.
 */
export function atLeast(version: string, least: string): boolean | undefined {
  const order = parse(version)?.compareMain(least);
  return order === undefined ? undefined : order >= 0;
}

/** The major version; undefined if it is not a version. */
export function majorOf(version: string): number | undefined {
  return parse(version)?.major;
}
