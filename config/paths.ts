/**
 * Sets a value where `pulumi config set --path` would: KEY, KEY.NAME, KEY["NAME"] or KEY[0], of a key that has been set as JSON, too.
 * What leads there is made; undefined takes the value away.
 */
export function setAt(values: Record<string, unknown>, path: string, value: unknown): void {
  const names = [...path.matchAll(/\[(?:"([^"]*)"|(\d+))\]|[^.[\]]+/g)].map(
    ([whole, quoted, index]) => quoted ?? index ?? whole,
  );
  let place: Record<string, unknown> = values;
  for (const [depth, name] of names.slice(0, -1).entries()) {
    const next = names[depth + 1] ?? "";
    place[name] = copied(place[name], /^\d+$/.test(next) ? [] : {});
    place = place[name] as Record<string, unknown>;
  }
  const last = names.at(-1) ?? path;
  if (value === undefined) {
    delete place[last];
  } else {
    place[last] = value;
  }
}

function copied(value: unknown, fresh: object): object {
  const given = typeof value === "string" && /^[[{]/.test(value) ? JSON.parse(value) : value;
  if (typeof given !== "object" || given === null) return fresh;
  return Array.isArray(given) ? [...given] : { ...given };
}
