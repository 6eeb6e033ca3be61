/**
 * Parts of expressions in CEL, the language of admission policies.
 * @see https://kubernetes.io/docs/reference/using-api/cel/
 */

/** A CEL literal: a text, a number, or a list or map of texts. */
export function literal(value: string | number | readonly string[] | Readonly<Record<string, string>>): string {
  // CEL understands the escapes of JSON.
  return JSON.stringify(value);
}

/**
 * True if two maps have the same keys and values, with two exceptions.
 *
 * @param but condition on `key`: keys that may be added, changed and removed
 * @param added condition on `key`: keys that may be added and changed, but not removed
 */
export function sameBut(after: string, before: string, but: string, added = "false"): string {
  return [
    `${after}.all(key, ${but} || ${added} || (key in ${before} && ${after}[key] == ${before}[key]))`,
    `${before}.all(key, ${but} || key in ${after})`,
  ].join(" && ");
}

/** True for the `key` of a label or annotation that is not in the list and has none of the prefixes. */
export function foreignKey(keys: readonly string[], prefixes: readonly string[]): string {
  return `!(${[`key in ${literal(keys)}`, ...prefixes.map((prefix) => `key.startsWith(${literal(prefix)})`)].join(" || ")})`;
}

/** The map at a path; empty if the path does not exist. */
export function mapAt(root: string, ...path: string[]): string {
  return `${root}${path.map((key) => `.?${key}`).join("")}.orValue({})`;
}

/** The text under a key of a map; empty if the key is missing. */
export function textAt(map: string, key: string): string {
  return `${map}[?${literal(key)}].orValue("")`;
}

/**
 * Name of the pod that the request's token belongs to; empty if the token is not bound to a pod.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
 */
export const requestingPod = 'request.userInfo.?extra[?"authentication.kubernetes.io/pod-name"][?0].orValue("")';
