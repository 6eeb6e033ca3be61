/**
 * Pieces of expressions in CEL, the language of admission policies.
 * @see https://kubernetes.io/docs/reference/using-api/cel/
 */

/** A literal: a text, a number, or a list or map of such. */
export function literal(value: string | number | readonly string[] | Readonly<Record<string, string>>): string {
  // CEL reads the escapes of JSON as JSON does.
  return JSON.stringify(value);
}

/** True if two maps have the same keys with the same values; those of `but` may differ, come and go, those of `added` differ and come. */
export function sameBut(after: string, before: string, but: string, added = "false"): string {
  return [
    `${after}.all(key, ${but} || ${added} || (key in ${before} && ${after}[key] == ${before}[key]))`,
    `${before}.all(key, ${but} || key in ${after})`,
  ].join(" && ");
}

/** True for a `key` of a label or annotation that is none of these, and begins with none of those prefixes. */
export function foreignKey(keys: readonly string[], prefixes: readonly string[]): string {
  return `!(${[`key in ${literal(keys)}`, ...prefixes.map((prefix) => `key.startsWith(${literal(prefix)})`)].join(" || ")})`;
}

/** The map at a path that may be missing; empty then. */
export function mapAt(root: string, ...path: string[]): string {
  return `${root}${path.map((key) => `.?${key}`).join("")}.orValue({})`;
}

/** The text under a key of a map; empty where there is none. */
export function textAt(map: string, key: string): string {
  return `${map}[?${literal(key)}].orValue("")`;
}

/**
 * Name of the pod whose token asks; empty for a token that is bound to no pod.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 */
export const askingPod = 'request.userInfo.?extra[?"authentication.kubernetes.io/pod-name"][?0].orValue("")';
