/** The key with which the engine marks special values among a resource's properties. */
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A resource's properties without marks, and the places of the secrets. */
export interface Plain {
  value: Json;
  /** Paths of the secrets, from the root. */
  secrets: Path[];
  /** Whether some value is known only after `up`. */
  partlyUnknown: boolean;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Path = (string | number)[];

/** Removes the marks. Unknown values are left out. */
export function plain(value: Json, path: Path = []): Plain {
  if (Array.isArray(value)) {
    const items = value.map((item, index) => plain(item, [...path, index]));
    return combine(
      items,
      items.map((item) => item.value),
    );
  }
  if (value === null || typeof value !== "object") {
    return { value: value === unknown ? null : value, secrets: [], partlyUnknown: value === unknown };
  }
  if (value[signature] === secretSignature) {
    const inner = plain(value.value ?? null, path);
    return { ...inner, secrets: [path, ...inner.secrets] };
  }
  const entries = Object.entries(value).map(([key, item]) => [key, plain(item, [...path, key])] as const);
  const known = entries.filter(([, item]) => !(item.partlyUnknown && item.value === null));
  return combine(
    entries.map(([, item]) => item),
    Object.fromEntries(known.map(([key, item]) => [key, item.value])),
  );
}

function combine(parts: Plain[], value: Json): Plain {
  return {
    value,
    secrets: parts.flatMap((part) => part.secrets),
    partlyUnknown: parts.some((part) => part.partlyUnknown),
  };
}

/** Marks the values at these paths as secret. Ignores paths that do not exist. */
export function withSecrets(value: Json, secrets: Path[]): Json {
  return secrets.reduce((marked, path) => mark(marked, path), value);
}

function mark(value: Json | undefined, path: Path): Json {
  if (value === undefined || value === null || typeof value !== "object") {
    return path.length === 0 && value !== undefined ? secret(value) : (value ?? null);
  }
  if (!Array.isArray(value) && value[signature] === secretSignature) {
    return value;
  }
  const [head, ...rest] = path;
  if (head === undefined) {
    return secret(value);
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => (index === head ? mark(item, rest) : item));
  }
  return head in value ? { ...value, [head]: mark(value[head], rest) } : value;
}

function secret(value: Json): Json {
  return { [signature]: secretSignature, value };
}

/** Whether two values are the same as JSON; the order of keys does not matter. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: Json | undefined): string {
  return JSON.stringify(value ?? null, (_, item) =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** The value at a path; undefined if there is none. */
export function at(value: Json | undefined, ...path: Path): Json | undefined {
  return path.reduce<Json | undefined>(
    (found, key) =>
      found !== null && typeof found === "object"
        ? (found as Record<string | number, Json | undefined>)[key]
        : undefined,
    value,
  );
}
