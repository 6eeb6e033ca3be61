import type { ApiException } from "@kubernetes/client-node";

/** What the API server says when it refuses a request, and who refused it. */

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
  /** Whether the API server itself answers. What a pod answers through its proxy is no Status. */
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

/** Whether the caller may not impersonate. The Status then names the account that the caller wanted to be, not the object of the request. */
export function refusesImpersonation({ code, details }: Status): boolean {
  return code === 403 && impersonated.includes(details.kind ?? "");
}

/** Whether the ValidatingAdmissionPolicy of this name refuses. The Status of a policy has a cause, which begins with the policy's name. */
export function refusedByPolicy({ details }: Status, policy: string): boolean {
  return (details.causes ?? []).some(({ message }) => message?.startsWith(`ValidatingAdmissionPolicy '${policy}' `));
}

/**
 * Whether RBAC or another authorizer refuses, so that no policy, webhook or quota was asked. A webhook or a quota may refuse with the same
 * status, reason and details, so the English has to tell them apart: `pods is forbidden: User "x" cannot create resource "pods" in API group ""`.
 */
export function refusedByAuthorizer({ code, message, details }: Status): boolean {
  return code === 403 && details.causes === undefined && / cannot \w+ resource "/.test(message);
}

/** Whether the API server refuses a dry run because an admission webhook has side effects. Other refusals are 400, too: only the English tells. */
export function refusesDryRun({ code, message }: Status): boolean {
  return code === 400 && / does not support dry run$/.test(message);
}
