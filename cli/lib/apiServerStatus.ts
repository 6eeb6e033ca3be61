import type { ApiException } from "@kubernetes/client-node";

/** Interprets refusals of the API server: what it says, and which part of it refused. */

/**
 * A Status object of Kubernetes.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
export interface Status {
  code: number;
  /** Empty if the answer is not a Status. */
  reason: string;
  /** In one line; the whole answer if it is not a Status. */
  message: string;
  details: { kind?: string; causes?: { message?: string }[] };
  /** Whether the API server itself answered. A pod behind its proxy does not answer with a Status. */
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

/** Whether the caller may not impersonate. Then the Status names the impersonated account, not the object of the request. */
export function refusesImpersonation({ code, details }: Status): boolean {
  return code === 403 && impersonated.includes(details.kind ?? "");
}

/** Whether the ValidatingAdmissionPolicy of this name refused. Such a Status has a cause that begins with the policy's name. */
export function refusedByPolicy({ details }: Status, policy: string): boolean {
  return (details.causes ?? []).some(({ message }) => message?.startsWith(`ValidatingAdmissionPolicy '${policy}' `));
}

/**
 * Whether RBAC or another authorizer refused, before any policy, webhook or quota was asked. A webhook or a quota may refuse with the same
 * status, reason and details. Only the message differs: `pods is forbidden: User "x" cannot create resource "pods" in API group ""`.
 */
export function refusedByAuthorizer({ code, message, details }: Status): boolean {
  return code === 403 && details.causes === undefined && / cannot \w+ resource "/.test(message);
}

/** Whether a dry run was refused because an admission webhook has side effects. Other refusals are 400 too, so the message decides. */
export function refusesDryRun({ code, message }: Status): boolean {
  return code === 400 && / does not support dry run$/.test(message);
}
