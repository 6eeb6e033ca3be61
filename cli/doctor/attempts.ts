import {
  ApiException,
  type ConfigurationOptions,
  CustomObjectsApi,
  PatchStrategy,
  setHeaderOptions,
} from "@kubernetes/client-node";
import { type Status, statusOf } from "../lib/apiServerStatus.ts";
import { request } from "../lib/installation.ts";
import type { InstalledContext } from "./context.ts";
import { asAccount } from "./rights.ts";

/** Dry runs of requests, made as one of the accounts. */

export const api = ({ cluster }: InstalledContext) => cluster.makeApiClient(CustomObjectsApi);
export const dry = ({ namespace }: InstalledContext) => ({ namespace, dryRun: "All" });
export const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

/** The result of an attempt: the API server's Status if it refuses. */
export type Attempt = "let through" | Status;

export async function attempt(tried: Promise<unknown>): Promise<Attempt> {
  try {
    await tried;
    return "let through";
  } catch (error) {
    if (!(error instanceof ApiException)) throw error;
    return statusOf(error);
  }
}

/** A refusal for the report. */
export function wordsOf({ code, message }: Status): string {
  return `the API server says ${code}: ${message.slice(0, 500)}`;
}

/**
 * The options of a request as an account; the API server adds the account's groups itself.
 *
 * @param pod the pod whose token it uses; default: a token that is bound to no pod
 */
export function asUser(namespace: string, account: string, pod?: string): ConfigurationOptions {
  const user = both(request, setHeaderOptions("Impersonate-User", asAccount(namespace, account).user));
  return pod === undefined
    ? user
    : both(user, setHeaderOptions("Impersonate-Extra-authentication.kubernetes.io%2Fpod-name", pod));
}

export function both(one: ConfigurationOptions, other: ConfigurationOptions): ConfigurationOptions {
  return { middleware: [...(one.middleware ?? []), ...(other.middleware ?? [])], middlewareMergeStrategy: "append" };
}
