import { parse } from "semver";

/** Versions as tools and images write them. */

/** Whether a version is at least another; undefined for what is no version, as `latest`. What stands behind the three numbers, as in `v1.30.0-eks-1`, does not count. */
export function atLeast(version: string, least: string): boolean | undefined {
  const order = parse(version)?.compareMain(least);
  return order === undefined ? undefined : order >= 0;
}

/** Undefined for what is no version. */
export function majorOf(version: string): number | undefined {
  return parse(version)?.major;
}
