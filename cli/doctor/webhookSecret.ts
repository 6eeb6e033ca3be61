import { readWebhookSecret, type WebhookSecret } from "../lib/settings.ts";
import { type Check, type Finding, pass, skip, warn } from "./check.ts";
import type { InstalledContext } from "./context.ts";
import { installationCheck } from "./installation.ts";

/** The webhook's Secret: whether GitHub can have the same one, as Argo Events reads it. */

export const webhookSecretCheck: Check<InstalledContext> = {
  name: "webhook's secret",
  needs: [installationCheck],
  look,
};

async function look(context: InstalledContext): Promise<Finding> {
  const settings = await context.settings();
  const { eventSource } = context.installation.outputs;
  if (settings.webhookSecret === undefined) return skip(`because EventSource ${eventSource} names none`);
  const secret = await readWebhookSecret(context.installation, settings);
  return asRead(secret, { namespace: context.namespace, eventSource });
}

export function asRead(
  { at: { name, key }, note, odd }: Pick<WebhookSecret, "at" | "note" | "odd">,
  { namespace, eventSource }: { namespace: string; eventSource: string },
): Finding {
  if (note === undefined) return pass(`Secret ${name}, key ${key}, with nothing behind it`);
  const again = `kubectl -n ${namespace} get secret ${name} -o jsonpath='{.data.${key.replaceAll(".", "\\.")}}' | base64 -d | tr -d '\\r\\n' > FILE; kubectl -n ${namespace} create secret generic ${name} --from-file=${key}=FILE --dry-run=client -o yaml | kubectl apply -f -`;
  return odd
    ? warn(
        note,
        `make it again without: ${again}; kubectl -n ${namespace} rollout restart deployment -l eventsource-name=${eventSource}; npm run webhook -- register`,
      )
    : warn(note, `npm run webhook -- register gives it to GitHub so; to have it without: ${again}`);
}
