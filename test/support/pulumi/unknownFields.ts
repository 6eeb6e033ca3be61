/**
 * Paths of the fields that a validator never looks at: the ones that its schema does not know. Upstream's validators let such a field
 * pass, and so does the API server where a CRD has no schema; a typo would go unnoticed.
 *
 * @param validate reads the value it is given, and each of the fields that it knows by name
 */
export function unknownFields(value: object, validate: (value: unknown) => unknown): string[] {
  const unread = new Map<string, Set<string>>();
  validate(watched(value, "", unread));
  return [...unread].flatMap(([path, fields]) => [...fields].map((field) => `${path}.${field}`)).sort();
}

/** A value that notes in `unread` which fields of it, and of everything inside, have not been read yet. */
function watched(value: object, path: string, unread: Map<string, Set<string>>): object {
  const fields = new Set(Array.isArray(value) ? [] : Object.keys(value));
  unread.set(path, fields);
  const inner = new Map<string | symbol, object>();
  return new Proxy(value, {
    get(target, key, receiver) {
      const item: unknown = Reflect.get(target, key, receiver);
      if (typeof key === "string") {
        fields.delete(key);
      }
      if (typeof key !== "string" || typeof item !== "object" || item === null) {
        return item;
      }
      const proxy =
        inner.get(key) ?? watched(item, Array.isArray(target) ? `${path}[${key}]` : `${path}.${key}`, unread);
      inner.set(key, proxy);
      return proxy;
    },
    // A validator that goes through all keys takes any: the object is a map.
    ownKeys(target) {
      fields.clear();
      return Reflect.ownKeys(target);
    },
  });
}
