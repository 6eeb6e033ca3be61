import { type Answer, type JsonObject, notFound, validationFailed } from "../answers.ts";
import type { App } from "../apps.ts";
import type { AppEndpoint, Call, Endpoint, World } from "../endpoint.ts";
import {
  hookBody,
  hookConfigBody,
  hookDeliveryBody,
  hookDeliveryItemBody,
  organizationHookBody,
} from "../hookBodies.ts";
import { ping, sendAgain } from "../hookSender.ts";
import { changed, checkedSettings } from "../hookSettings.ts";
import type { Hook, HookDelivery } from "../hooks.ts";
import { page, pageFromCursor } from "../paging.ts";
import type { Permissions } from "../permissions.ts";

const appDocs = "https://docs.github.com/rest/apps/webhooks";

/** Which status codes count as success, and which as failure. A delivery without an answer has the code 0 and counts as neither. */
const outcomes: Record<string, (statusCode: number) => boolean> = {
  success: (statusCode) => statusCode >= 200 && statusCode <= 399,
  failure: (statusCode) => statusCode >= 400 && statusCode <= 599,
};

const getAppHookConfig: AppEndpoint = {
  for: "app",
  method: "GET",
  path: "/app/hook/config",
  docs: `${appDocs}#get-a-webhook-configuration-for-an-app`,
  statuses: [200, 401, 404],
  handle: (_call, world, app) => ({ status: 200, body: hookConfigBody(ofApp(world, app)) }),
};

const setAppHookConfig: AppEndpoint = {
  for: "app",
  method: "PATCH",
  path: "/app/hook/config",
  docs: `${appDocs}#update-a-webhook-configuration-for-an-app`,
  statuses: [200, 401, 404, 422],
  handle(call, world, app) {
    // Unlike a hook's own endpoint, this one keeps settings that the request omits.
    const hook = ofApp(world, app);
    const settings = changed(hook, { config: { ...configOf(hook), ...call.body } });
    const hasSecret = settings.hasSecret || hook.hasSecret;
    return { status: 200, body: hookConfigBody(world.hooks.change(hook, { ...settings, hasSecret })) };
  },
};

const listAppDeliveries: AppEndpoint = {
  for: "app",
  method: "GET",
  path: "/app/hook/deliveries",
  docs: `${appDocs}#list-deliveries-for-an-app-webhook`,
  statuses: [200, 400, 401, 404, 422],
  handle: (call, world, app) => list(call, world, ofApp(world, app)),
};

const getAppDelivery: AppEndpoint = {
  for: "app",
  method: "GET",
  path: "/app/hook/deliveries/{delivery_id}",
  docs: `${appDocs}#get-a-delivery-for-an-app-webhook`,
  statuses: [200, 401, 404],
  handle: (call, world, app) => show(call, world, ofApp(world, app)),
};

const redeliverAppDelivery: AppEndpoint = {
  for: "app",
  method: "POST",
  path: "/app/hook/deliveries/{delivery_id}/attempts",
  docs: `${appDocs}#redeliver-a-delivery-for-an-app-webhook`,
  statuses: [202, 400, 401, 404, 422],
  handle: (call, world, app) => redeliver(call, world, ofApp(world, app)),
};

/** The hooks of a repository or of an organisation. Their paths, permission and form differ. */
interface Owned {
  /** What GitHub's documentation of the endpoints calls the hooks. */
  called: "repository" | "organization";
  path: string;
  docs: string;
  /** The name that the paths use for a single delivery. */
  delivery: string;
  permission: "repository_hooks" | "organization_hooks";
  hooks: (world: World, owner: string) => Hook[];
  body: (hook: Hook, last: HookDelivery | undefined, base: string) => JsonObject;
}

type Handle = (call: Call, world: World, owner: string) => Answer;
type Part = {
  method: Endpoint["method"];
  path: string;
  docs: string;
  statuses: number[];
  level?: "write";
  handle: Handle;
};

const ofRepositories: Owned = {
  called: "repository",
  path: "/repos/{owner}/{repo}/hooks",
  docs: "https://docs.github.com/rest/repos/webhooks",
  delivery: "a-delivery",
  permission: "repository_hooks",
  hooks: ({ hooks }, owner) => hooks.ofRepository(owner),
  body: hookBody,
};

const ofOrganizations: Owned = {
  called: "organization",
  path: "/orgs/{org}/hooks",
  docs: "https://docs.github.com/rest/orgs/webhooks",
  delivery: "a-webhook-delivery",
  permission: "organization_hooks",
  hooks: ({ hooks }, owner) => hooks.ofOrganization(owner),
  body: (hook, _last, base) => organizationHookBody(hook, base),
};

function endpointsOf({ called, path, docs, delivery, permission, hooks, body }: Owned): Endpoint[] {
  const article = called === "organization" ? "an" : "a";
  const one = (call: Call, world: World, owner: string): Hook => {
    const found = hooks(world, owner).find(({ id }) => id === Number(call.params.hook_id));
    if (!found) throw notFound();
    return found;
  };
  const shown = (world: World, hook: Hook, base: string) => body(hook, world.hooks.deliveriesTo(hook)[0], base);
  const parts: Part[] = [
    {
      method: "GET",
      path,
      docs: `list-${called}-webhooks`,
      statuses: [200, 401, 403, 404],
      handle(call, world, owner) {
        const { items, headers } = page(call, hooks(world, owner));
        return { status: 200, headers, body: items.map((hook) => shown(world, hook, call.base)) };
      },
    },
    {
      method: "POST",
      path,
      docs: `create-${article}-${called}-webhook`,
      statuses: [201, 401, 403, 404, 422],
      level: "write",
      handle(call, world, owner) {
        const settings = checkedSettings(call.body, hooks(world, owner), called);
        const hook = world.hooks.add(
          called === "repository" ? { repository: owner } : { organization: owner },
          settings,
        );
        ping(world.hooks, hook, shown(world, hook, call.base));
        return { status: 201, body: shown(world, hook, call.base) };
      },
    },
    {
      method: "PATCH",
      path: `${path}/{hook_id}`,
      docs: `update-${article}-${called}-webhook`,
      statuses: [200, 401, 403, 404, 422],
      level: "write",
      handle(call, world, owner) {
        const hook = one(call, world, owner);
        return { status: 200, body: shown(world, world.hooks.change(hook, changed(hook, call.body)), call.base) };
      },
    },
    {
      method: "POST",
      path: `${path}/{hook_id}/pings`,
      docs: `ping-${article}-${called}-webhook`,
      statuses: [204, 401, 403, 404],
      handle(call, world, owner) {
        const hook = one(call, world, owner);
        ping(world.hooks, hook, body(hook, undefined, call.base));
        return { status: 204 };
      },
    },
    {
      method: "GET",
      path: `${path}/{hook_id}/deliveries`,
      docs: `list-deliveries-for-${article}-${called}-webhook`,
      statuses: [200, 400, 401, 403, 404, 422],
      handle: (call, world, owner) => list(call, world, one(call, world, owner)),
    },
    {
      method: "GET",
      path: `${path}/{hook_id}/deliveries/{delivery_id}`,
      docs: `get-${delivery}-for-${article}-${called}-webhook`,
      statuses: [200, 401, 403, 404],
      handle: (call, world, owner) => show(call, world, one(call, world, owner)),
    },
    {
      method: "POST",
      path: `${path}/{hook_id}/deliveries/{delivery_id}/attempts`,
      docs: `redeliver-a-delivery-for-${article}-${called}-webhook`,
      statuses: [202, 400, 401, 403, 404, 422],
      level: "write",
      handle: (call, world, owner) => redeliver(call, world, one(call, world, owner)),
    },
  ];
  return parts.map(({ docs: anchor, level = "read", handle, ...part }) => {
    const accepted = [{ [permission]: level } as Permissions];
    const common = { ...part, docs: `${docs}#${anchor}`, accepted };
    return called === "repository"
      ? { ...common, for: "repository", handle: (call, world, { fullName }) => handle(call, world, fullName) }
      : { ...common, for: "organization", handle };
  });
}

function ofApp({ hooks }: World, app: App): Hook {
  const found = hooks.ofApp(app);
  if (!found) throw notFound();
  return found;
}

/** A hook's configuration in the form of a request. */
function configOf({ url, contentType, insecureSsl, secret }: Hook) {
  return { url, content_type: contentType, insecure_ssl: insecureSsl, ...(secret === undefined ? {} : { secret }) };
}

function list(call: Call, world: World, hook: Hook): Answer {
  const status = call.query.get("status");
  const outcome = status === null ? () => true : outcomes[status];
  if (!outcome) throw validationFailed({ resource: "HookDelivery", field: "status", code: "invalid" });
  const wanted = world.hooks.deliveriesTo(hook).filter(({ statusCode }) => outcome(statusCode));
  const { items, headers } = pageFromCursor(call, wanted);
  const body = items.map((delivery) => hookDeliveryItemBody(delivery, installationOf(world, hook, delivery)));
  return { status: 200, headers, body };
}

function show(call: Call, world: World, hook: Hook): Answer {
  const found = delivery(call, world, hook);
  return { status: 200, body: hookDeliveryBody(hook, found, installationOf(world, hook, found)) };
}

// GitHub documents that it refuses older deliveries, but not how. The status and the message are the double's own.
function redeliver(call: Call, world: World, hook: Hook): Answer {
  const found = delivery(call, world, hook);
  if (world.hooks.isTooOld(found))
    throw validationFailed({
      resource: "HookDelivery",
      field: "delivered_at",
      code: "custom",
      message: "Only deliveries from the past 3 days can be redelivered",
    });
  world.hooks.requestRedelivery(hook, found);
  sendAgain(world.hooks, hook, found);
  return { status: 202, body: {} };
}

function delivery(call: Call, { hooks }: World, hook: Hook): HookDelivery {
  const found = hooks.deliveriesTo(hook).find(({ id }) => id === Number(call.params.delivery_id));
  if (!found) throw notFound();
  return found;
}

/** The installation that an event for an App came from; null for a repository's hook. */
function installationOf({ apps }: World, { appId }: Hook, { repository }: HookDelivery): number | null {
  const app = appId === null ? undefined : apps.byId(appId);
  return (app && repository && apps.installationFor(app, repository)?.id) || null;
}

/** Webhooks of Apps, repositories and organisations, their deliveries, and requests for redelivery. */
export const hookEndpoints: readonly Endpoint[] = [
  getAppHookConfig,
  setAppHookConfig,
  listAppDeliveries,
  getAppDelivery,
  redeliverAppDelivery,
  ...endpointsOf(ofRepositories),
  ...endpointsOf(ofOrganizations),
];
