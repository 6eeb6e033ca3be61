import { randomUUID } from "node:crypto";
import { signedDelivery } from "../../../cli/lib/signedDelivery.ts";
import type { JsonObject } from "./answers.ts";
import { targetType } from "./hookBodies.ts";
import type { Hook, HookDelivery, Hooks } from "./hooks.ts";

/** Delivers over HTTP like GitHub: once, with ten seconds for the answer. Records the result. */

const answerMilliseconds = 10_000;

type Attempt = Pick<HookDelivery, "guid" | "event" | "action" | "redelivery" | "repository"> & { payload: JsonObject };

/** Sends a ping to a hook. `body` is the hook as the API shows it. */
export function ping(hooks: Hooks, hook: Hook, body: JsonObject): void {
  const { repository } = hook;
  const payload = {
    zen: "Design for failure.",
    hook_id: hook.id,
    hook: body,
    ...(repository === null ? {} : { repository: { full_name: repository } }),
  };
  send(hooks, hook, { guid: randomUUID(), event: "ping", action: null, redelivery: false, repository, payload });
}

/** Sends an earlier delivery again, signed with the hook's current secret. Does nothing if the payload is unknown. */
export function sendAgain(hooks: Hooks, hook: Hook, { payload, ...delivery }: HookDelivery): void {
  if (payload !== null) send(hooks, hook, { ...delivery, payload, redelivery: true });
}

/** Sends nothing if the double does not know the secret. */
function send(hooks: Hooks, hook: Hook, attempt: Attempt): void {
  if (hook.secret === undefined) return;
  const { guid, event, action, redelivery, repository, payload } = attempt;
  post(hook, hook.secret, attempt)
    .then((statusCode) => ({ statusCode }))
    .catch((error: Error) => ({
      statusCode: 0,
      status: error.name === "TimeoutError" ? "timed out" : "failed to connect to host",
    }))
    .then((answer) => {
      if (!hooks.all.some(({ id }) => id === hook.id)) return;
      const named = { ...(repository === null ? {} : { repository }), payload };
      hooks.note({ hook: hook.appId === null ? hook.id : "app", guid, event, action, redelivery, ...named, ...answer });
    })
    .catch((error: Error) => process.stderr.write(`GitHub double: delivery ${guid}: ${error.stack}\n`));
}

async function post(hook: Hook, secret: string, { guid, event, payload }: Attempt): Promise<number> {
  const { headers, body } = await signedDelivery(secret, payload, {
    event,
    deliveryId: guid,
    hookId: hook.id,
    contentType: hook.contentType,
    target: targetType(hook),
  });
  const answer = await fetch(hook.url, {
    method: "POST",
    headers,
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(answerMilliseconds),
  });
  await answer.arrayBuffer();
  return answer.status;
}
