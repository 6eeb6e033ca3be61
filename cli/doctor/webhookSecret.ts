import { readWebhookSecret, type WebhookSecret } from "../lib/settings.ts";
import { type Check, type Finding, pass, skip, warn } from "./check.ts";
import type { InstalledContext } from "./context.ts";
import { installationCheck } from "./installation.ts";

/** Whether the webhook's Secret contains exactly what Argo Events reads from it. If not, GitHub needs a different text. */

export const webhookSecretCheck: Check<InstalledContext> = {
  name: "webhook's secret",
  needs: [installationCheck],
  look,
};

async function look(context: InstalledContext): Promise<Finding> {
  const settings = await context.settings();
  const { eventSource } = context.installation.outputs;
  if (settings.webhookSecret === undefined) return skip(`because EventSource ${eventSource} names no webhookSecret`);
  const secret = await readWebhookSecret(context.installation, settings);
  return asRead(secret, { namespace: context.namespace, eventSource });
}

export function asRead(
  { at: { name, key }, note, spaceCounts }: Pick<WebhookSecret, "at" | "note" | "spaceCounts">,
  { namespace, eventSource }: { namespace: string; eventSource: string },
): Finding {
  if (note === undefined) return pass(`Secret ${name}, key ${key}, without white space at its end`);
  const again = `kubectl -n ${namespace} get secret ${name} -o jsonpath='{.data.${key.replaceAll(".", "\\.")}}' | base64 -d | tr -d '\\r\\n' > FILE; kubectl -n ${namespace} create secret generic ${name} --from-file=${key}=FILE --dry-run=client -o yaml | kubectl apply -f -`;
  return spaceCounts
    ? warn(
        note,
        `create it again without the white space: ${again}; kubectl -n ${namespace} rollout restart deployment -l eventsource-name=${eventSource}; scripts/rex webhook register`,
      )
    : warn(note, `scripts/rex webhook register gives GitHub the right text; to remove the line feed: ${again}`);
}
