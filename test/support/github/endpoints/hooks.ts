import { type Answer, notFound, validationFailed } from "../answers.ts";
import type { App } from "../apps.ts";
import type { AppEndpoint, Call, Endpoint, RepositoryEndpoint, World } from "../endpoint.ts";
import { hookBody, hookConfigBody, hookDeliveryBody, hookDeliveryItemBody } from "../hookBodies.ts";
import type { Hook, HookDelivery } from "../hooks.ts";
import { page, pageFromCursor } from "../paging.ts";
import type { Repository } from "../repositories.ts";

const appDocs = "https://docs.github.com/rest/apps/webhooks";
const repositoryDocs = "https://docs.github.com/rest/repos/webhooks";
const read = [{ repository_hooks: "read" }] as const;
const write = [{ repository_hooks: "write" }] as const;

/** Which status codes count as what. A delivery that nothing answered, with the code 0, is in neither. */
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

const listRepositoryHooks: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/hooks",
  docs: `${repositoryDocs}#list-repository-webhooks`,
  statuses: [200, 401, 403, 404],
  accepted: read,
  handle(call, { hooks }, repository) {
    const { items, headers } = page(call, hooks.ofRepository(repository.fullName));
    const body = items.map((hook) => hookBody(hook, hooks.deliveriesTo(hook)[0], call.base));
    return { status: 200, headers, body };
  },
};

const listRepositoryDeliveries: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries",
  docs: `${repositoryDocs}#list-deliveries-for-a-repository-webhook`,
  statuses: [200, 400, 401, 403, 404, 422],
  accepted: read,
  handle: (call, world, repository) => list(call, world, ofRepository(call, world, repository)),
};

const getRepositoryDelivery: RepositoryEndpoint = {
  for: "repository",
  method: "GET",
  path: "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}",
  docs: `${repositoryDocs}#get-a-delivery-for-a-repository-webhook`,
  statuses: [200, 401, 403, 404],
  accepted: read,
  handle: (call, world, repository) => show(call, world, ofRepository(call, world, repository)),
};

const redeliverRepositoryDelivery: RepositoryEndpoint = {
  for: "repository",
  method: "POST",
  path: "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
  docs: `${repositoryDocs}#redeliver-a-delivery-for-a-repository-webhook`,
  statuses: [202, 400, 401, 403, 404, 422],
  accepted: write,
  handle: (call, world, repository) => redeliver(call, world, ofRepository(call, world, repository)),
};

function ofApp({ hooks }: World, app: App): Hook {
  const found = hooks.ofApp(app);
  if (!found) throw notFound();
  return found;
}

function ofRepository(call: Call, { hooks }: World, { fullName }: Repository): Hook {
  const found = hooks.ofRepository(fullName).find(({ id }) => id === Number(call.params.hook_id));
  if (!found) throw notFound();
  return found;
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

// That older ones are refused is documented; the status and the words are the double's own.
function redeliver(call: Call, world: World, hook: Hook): Answer {
  const found = delivery(call, world, hook);
  if (world.hooks.isTooOld(found))
    throw validationFailed({
      resource: "HookDelivery",
      field: "delivered_at",
      code: "custom",
      message: "Only deliveries from the past 3 days can be redelivered",
    });
  world.hooks.askAgain(hook, found);
  return { status: 202, body: {} };
}

function delivery(call: Call, { hooks }: World, hook: Hook): HookDelivery {
  const found = hooks.deliveriesTo(hook).find(({ id }) => id === Number(call.params.delivery_id));
  if (!found) throw notFound();
  return found;
}

/** The installation that an event for an App came from; a repository's hook knows none. */
function installationOf({ apps }: World, { appId }: Hook, { repository }: HookDelivery): number | null {
  const app = appId === null ? undefined : apps.byId(appId);
  return (app && repository && apps.installationFor(app, repository)?.id) || null;
}

/** Webhooks of Apps and repositories, their deliveries, and the request to deliver again. */
export const hookEndpoints: readonly Endpoint[] = [
  getAppHookConfig,
  listAppDeliveries,
  getAppDelivery,
  redeliverAppDelivery,
  listRepositoryHooks,
  listRepositoryDeliveries,
  getRepositoryDelivery,
  redeliverRepositoryDelivery,
];
