/**
 * Paths of the fields that a validator never reads, because its schema does not know them. Upstream's validators accept such fields, and so
 * does the API server if a CRD has no schema. A typo would go unnoticed.
 *
 * @param validate must read each field that it knows, by name
 */
export function unknownFields(value: object, validate: (value: unknown) => unknown): string[] {
  const unread = new Map<string, Set<string>>();
  validate(watched(value, "", unread));
  return [...unread].flatMap(([path, fields]) => [...fields].map((field) => `${path}.${field}`)).sort();
}

/** Wraps a value so that `unread` lists the fields, at any depth, that have not been read yet. */
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
    // A validator that iterates over all keys accepts every key, because the object is a map.
    ownKeys(target) {
      fields.clear();
      return Reflect.ownKeys(target);
    },
  });
}
