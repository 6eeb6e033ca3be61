/** Changes an object by a JSON merge patch (RFC 7396): null takes a member away, lists are replaced whole. */
export function mergeInto(target: object, patch: object): void {
  const members = target as Record<string, unknown>;
  for (const [key, value] of Object.entries(patch)) {
    const known = members[key];
    if (value === null) delete members[key];
    else if (isMap(value) && isMap(known)) mergeInto(known, value);
    else members[key] = value;
  }
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
