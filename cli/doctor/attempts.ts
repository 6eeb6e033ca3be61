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

/** Requests that are tried as one of the accounts, as dry runs. */

export const api = ({ cluster }: InstalledContext) => cluster.makeApiClient(CustomObjectsApi);
export const dry = ({ namespace }: InstalledContext) => ({ namespace, dryRun: "All" });
export const mergePatch = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

/** What came of an attempt: the API server's Status where it refuses. */
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
 * An account's groups the API server adds by itself.
 *
 * @param pod whose token it has; default: one that is bound to no pod
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
