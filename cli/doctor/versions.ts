/** Versions as tools and images write them. */

/** Major, minor, patch; undefined for what is no version, as `latest`. */
export function numbers(version: string): [number, number, number] | undefined {
  const found = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.trim());
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
}

/** Whether a version is at least another; undefined if it is none. */
export function atLeast(version: string, least: string): boolean | undefined {
  const [is, must] = [numbers(version), numbers(least)];
  if (is === undefined || must === undefined) return undefined;
  for (const [index, part] of is.entries()) {
    const other = must[index] as number;
    if (part !== other) return part > other;
  }
  return true;
}
