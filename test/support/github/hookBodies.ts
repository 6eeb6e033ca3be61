import type { JsonObject } from "./answers.ts";
import type { Hook, HookDelivery } from "./hooks.ts";
import { idOf } from "./identity.ts";

/** What GitHub shows instead of a hook's secret. */
const hidden = "********";

export function hookConfigBody({ url, contentType, insecureSsl, hasSecret }: Hook): JsonObject {
  return {
    content_type: contentType,
    insecure_ssl: insecureSsl,
    ...(hasSecret ? { secret: hidden } : {}),
    ...(url === "" ? {} : { url }),
  };
}

/** A repository's hook. `last` is the newest delivery to it. */
export function hookBody(hook: Hook, last: HookDelivery | undefined, base: string): JsonObject {
  const url = `${base}/repos/${hook.repository}/hooks/${hook.id}`;
  return {
    ...commonBody(hook, "Repository", url),
    test_url: `${url}/test`,
    last_response: lastResponseBody(last),
  };
}

/** An organisation's hook. GitHub does not show its last response. */
export function organizationHookBody(hook: Hook, base: string): JsonObject {
  return commonBody(hook, "Organization", `${base}/orgs/${hook.organization}/hooks/${hook.id}`);
}

function commonBody(hook: Hook, type: "Repository" | "Organization", url: string): JsonObject {
  return {
    type,
    id: hook.id,
    name: "web",
    active: hook.active,
    events: hook.events,
    config: hookConfigBody(hook),
    updated_at: hook.updatedAt,
    created_at: hook.createdAt,
    url,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
  };
}

// GitHub describes the message only as a string; the text for a failure is the double's own.
function lastResponseBody(last: HookDelivery | undefined): JsonObject {
  if (!last) return { code: null, status: "unused", message: null };
  const { statusCode: code, status: message } = last;
  return { code, status: code >= 200 && code < 400 ? "active" : "misconfigured", message };
}

/** A delivery as a list shows it. `installationId`: the App's installation that the event came from, if any. */
export function hookDeliveryItemBody(delivery: HookDelivery, installationId: number | null): JsonObject {
  const { id, guid, deliveredAt, redelivery, status, statusCode, event, action, repository } = delivery;
  return {
    id,
    guid,
    delivered_at: deliveredAt,
    redelivery,
    duration: 0.03,
    status,
    status_code: statusCode,
    event,
    action,
    installation_id: installationId,
    repository_id: repository === null ? null : idOf("Repository", repository),
    throttled_at: null,
  };
}

/** A delivery as its own endpoint shows it. Only the status of the receiver's answer is kept. */
export function hookDeliveryBody(hook: Hook, delivery: HookDelivery, installationId: number | null): JsonObject {
  return {
    ...hookDeliveryItemBody(delivery, installationId),
    url: hook.url,
    request: { headers: requestHeaders(hook, delivery), payload: delivery.payload },
    response: { headers: null, payload: null },
  };
}

function requestHeaders(hook: Hook, { guid, event }: HookDelivery): JsonObject {
  return {
    Accept: "*/*",
    "Content-Type": hook.contentType === "json" ? "application/json" : "application/x-www-form-urlencoded",
    "User-Agent": "GitHub-Hookshot/044aadd",
    "X-GitHub-Delivery": guid,
    "X-GitHub-Event": event,
    "X-GitHub-Hook-ID": String(hook.id),
    "X-GitHub-Hook-Installation-Target-ID": String(targetId(hook)),
    "X-GitHub-Hook-Installation-Target-Type": targetType(hook),
  };
}

function targetId({ appId, organization, repository }: Hook): number {
  return appId ?? (organization === null ? idOf("Repository", String(repository)) : idOf("User", organization));
}

/** What kind of owner the hook has, as the headers of its deliveries say. */
export function targetType({ appId, organization }: Hook): "integration" | "organization" | "repository" {
  if (appId !== null) return "integration";
  return organization === null ? "repository" : "organization";
}
