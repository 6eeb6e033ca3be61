import { createHmac, randomUUID } from "node:crypto";
import { sign } from "@octokit/webhooks-methods";

/** A webhook delivery: post `body` with `headers`. */
export interface Delivery {
  headers: Record<string, string>;
  /** Exactly the bytes that were signed. */
  body: string;
}

export interface DeliveryOptions {
  /** Default: push. */
  event?: string;
  /** A UUID, which redeliveries keep. Default: a new one. */
  deliveryId?: string;
  /** Default: 1. */
  hookId?: number;
  /** The content type of the webhook. Default: json. */
  contentType?: "json" | "form";
  /** What the webhook belongs to. Default: repository. */
  target?: "repository" | "organization" | "integration";
}

/**
 * A delivery as GitHub sends it, signed with the webhook's secret. A payload that is a string is signed and sent unchanged.
 * Without a secret the delivery is unsigned, as GitHub sends it for a webhook that has none.
 *
 * @see https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
 */
export async function signedDelivery(
  secret: string | undefined,
  payload: Record<string, unknown> | string,
  options: DeliveryOptions = {},
): Promise<Delivery> {
  const json = typeof payload === "string" ? payload : JSON.stringify(payload);
  const form = options.contentType === "form";
  const body = form ? new URLSearchParams({ payload: json }).toString() : json;
  const repository = typeof payload === "object" ? (payload.repository as { id?: number } | undefined) : undefined;
  return {
    headers: {
      accept: "*/*",
      "content-type": form ? "application/x-www-form-urlencoded" : "application/json",
      "user-agent": "GitHub-Hookshot/044aadd",
      "x-github-delivery": options.deliveryId ?? randomUUID(),
      "x-github-event": options.event ?? "push",
      "x-github-hook-id": String(options.hookId ?? 1),
      "x-github-hook-installation-target-id": String(repository?.id ?? 1),
      "x-github-hook-installation-target-type": options.target ?? "repository",
      ...(secret
        ? {
            "x-hub-signature": `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`,
            "x-hub-signature-256": await sign(secret, body),
          }
        : {}),
    },
    body,
  };
}
