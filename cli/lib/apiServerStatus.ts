import type { ApiException } from "@kubernetes/client-node";

/** What the API server says of a request that it refuses, and who refused it. */

/**
 * A Status object of Kubernetes.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
export interface Status {
  code: number;
  /** Empty where the answer is no Status. */
  reason: string;
  /** In one line; the whole answer where that is no Status. */
  message: string;
  details: { kind?: string; causes?: { message?: string }[] };
  /** Whether the API server itself says it; something behind it, as a pod, answers with anything. */
  own: boolean;
}

export function statusOf({ code, body }: ApiException<unknown>): Status {
  const { kind, reason, message, details } = parsed(body);
  return {
    code,
    reason: reason ?? "",
    message: oneLine(`${message ?? body}`),
    details: details ?? {},
    own: kind === "Status",
  };
}

function parsed(body: unknown): { kind?: string; reason?: string; message?: string; details?: Status["details"] } {
  try {
    return JSON.parse(`${body}`) ?? {};
  } catch {
    return {};
  }
}

export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}

const impersonated = ["users", "groups", "serviceaccounts", "userextras", "uids"];

/** Whether the caller may not act as somebody else. Then the Status is about whom he would have been, not about what was asked for. */
export function refusesImpersonation({ code, details }: Status): boolean {
  return code === 403 && impersonated.includes(details.kind ?? "");
}

/** Whether a ValidatingAdmissionPolicy of this name refuses. Only policies give causes; their first words are `ValidatingAdmissionPolicy 'NAME'`. */
export function refusedByPolicy({ details }: Status, policy: string): boolean {
  return (details.causes ?? []).some(({ message }) => message?.startsWith(`ValidatingAdmissionPolicy '${policy}' `));
}

/**
 * Whether RBAC, or another authorizer, refuses, before any policy, webhook or quota is asked. Their refusals are 403 Forbidden, too, and
 * of the same details: only the English tells, as in `pods is forbidden: User "x" cannot create resource "pods" in API group ""`.
 */
export function refusedByAuthorizer({ code, message, details }: Status): boolean {
  return code === 403 && details.causes === undefined && / cannot \w+ resource "/.test(message);
}

/** Whether an admission webhook has side effects, so that the API server asks it nothing in a dry run. It is 400, as is much else: only the English tells. */
export function refusesDryRun({ code, message }: Status): boolean {
  return code === 400 && / does not support dry run$/.test(message);
}
