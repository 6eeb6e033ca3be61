import { GitHubError, type JsonObject, validationFailed } from "./answers.ts";
import type { Hook, HookSettings } from "./hooks.ts";

/** Reads the settings of a hook from a request, with GitHub's names and refusals. */

/**
 * The settings of a new hook.
 *
 * @param others the hooks that its owner already has
 * @throws GitHubError 422, as GitHub does, if `url` is not a URL or the owner already has such a hook
 */
export function checkedSettings(
  body: JsonObject,
  others: readonly Hook[],
  owner: "repository" | "organization",
): HookSettings {
  const { name = owner === "repository" ? "web" : undefined, events = ["push"], active = true } = body;
  if (name !== "web") throw validationFailed({ resource: "Hook", field: "name", code: "invalid" });
  const settings = {
    ...configured((body.config ?? {}) as JsonObject),
    events: eventsIn(events),
    active: active === true,
  };
  const same = others.some(
    ({ url, contentType, events }) =>
      url === settings.url &&
      contentType === settings.contentType &&
      events.some((event) => settings.events.includes(event)),
  );
  if (same)
    throw new GitHubError(422, "Validation Failed", {
      fields: {
        errors: [{ resource: "Hook", code: "custom", message: `Hook already exists on this ${owner}` }],
      },
    });
  return settings;
}

/** The new settings of an existing hook. If there is a `config`, it replaces the whole old one, including the secret. */
export function changed(hook: Hook, { config, events = hook.events, active = hook.active }: JsonObject): HookSettings {
  const { url, contentType, insecureSsl, hasSecret, secret } = hook;
  const kept = { url, contentType, insecureSsl, hasSecret, ...(secret === undefined ? {} : { secret }) };
  const given = config === undefined ? kept : configured(config as JsonObject, url);
  return { ...given, events: eventsIn(events), active: active === true };
}

function configured(config: JsonObject, known?: string) {
  const { url = known, content_type = "form", insecure_ssl = "0", secret } = config;
  if (typeof url !== "string" || !/^https?:/.test(url) || !URL.canParse(url))
    throw validationFailed({ resource: "Hook", field: "url", code: "invalid" });
  const contentType: "json" | "form" = content_type === "json" ? "json" : "form";
  const insecureSsl: "0" | "1" = String(insecure_ssl) === "1" ? "1" : "0";
  const isSecret = typeof secret === "string" && secret !== "";
  return { url, contentType, insecureSsl, hasSecret: isSecret, ...(isSecret ? { secret } : {}) };
}

function eventsIn(events: unknown): string[] {
  if (Array.isArray(events) && events.length > 0 && events.every((event) => typeof event === "string")) return events;
  throw validationFailed({ resource: "Hook", field: "events", code: "invalid" });
}
