import { type Answer, notFound, validationFailed } from "../answers.ts";
import type { App } from "../apps.ts";
import type { AppEndpoint, Call, Endpoint, OrganizationEndpoint, RepositoryEndpoint, World } from "../endpoint.ts";
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
import type { Repository } from "../repositories.ts";

const appDocs = "https://docs.github.com/rest/apps/webhooks";
const repositoryDocs = "https://docs.github.com/rest/repos/webhooks";
const organizationDocs = "https://docs.github.com/rest/orgs/webhooks";
const read = [{ repository_hooks: "read" }] as const;
const write = [{ repository_hooks: "write" }] as const;
const organizationRead = [{ organization_hooks: "read" }] as const;
const organizationWrite = [{ organization_hooks: "write" }] as const;

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

const setAppHookConfig: AppEndpoint = {
  for: "app",
  method: "PATCH",
  path: "/app/hook/config",
  docs: `${appDocs}#update-a-webhook-configuration-for-an-app`,
  statuses: [200, 401, 404, 422],
  handle(call, world, app) {
    // Unlike a hook's own endpoint, this one leaves alone what it is not told.
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

const createRepositoryHook: RepositoryEndpoint = {
  for: "repository",
  method: "POST",
  path: "/repos/{owner}/{repo}/hooks",
  docs: `${repositoryDocs}#create-a-repository-webhook`,
  statuses: [201, 401, 403, 404, 422],
  accepted: write,
  handle(call, world, { fullName }) {
    const settings = checkedSettings(call.body, world.hooks.ofRepository(fullName), "repository");
    const hook = world.hooks.add({ repository: fullName }, settings);
    const body = hookBody(hook, undefined, call.base);
    ping(world.hooks, hook, body);
    return { status: 201, body };
  },
};

const updateRepositoryHook: RepositoryEndpoint = {
  for: "repository",
  method: "PATCH",
  path: "/repos/{owner}/{repo}/hooks/{hook_id}",
  docs: `${repositoryDocs}#update-a-repository-webhook`,
  statuses: [200, 401, 403, 404, 422],
  accepted: write,
  handle(call, world, repository) {
    const hook = ofRepository(call, world, repository);
    const updated = world.hooks.change(hook, changed(hook, call.body));
    return { status: 200, body: hookBody(updated, world.hooks.deliveriesTo(updated)[0], call.base) };
  },
};

const pingRepositoryHook: RepositoryEndpoint = {
  for: "repository",
  method: "POST",
  path: "/repos/{owner}/{repo}/hooks/{hook_id}/pings",
  docs: `${repositoryDocs}#ping-a-repository-webhook`,
  statuses: [204, 401, 403, 404],
  accepted: read,
  handle(call, world, repository) {
    const hook = ofRepository(call, world, repository);
    ping(world.hooks, hook, hookBody(hook, undefined, call.base));
    return { status: 204 };
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

const listOrganizationHooks: OrganizationEndpoint = {
  for: "organization",
  method: "GET",
  path: "/orgs/{org}/hooks",
  docs: `${organizationDocs}#list-organization-webhooks`,
  statuses: [200, 401, 403, 404],
  accepted: organizationRead,
  handle(call, { hooks }, organization) {
    const { items, headers } = page(call, hooks.ofOrganization(organization));
    return { status: 200, headers, body: items.map((hook) => organizationHookBody(hook, call.base)) };
  },
};

const createOrganizationHook: OrganizationEndpoint = {
  for: "organization",
  method: "POST",
  path: "/orgs/{org}/hooks",
  docs: `${organizationDocs}#create-an-organization-webhook`,
  statuses: [201, 401, 403, 404, 422],
  accepted: organizationWrite,
  handle(call, world, organization) {
    const settings = checkedSettings(call.body, world.hooks.ofOrganization(organization), "organization");
    const hook = world.hooks.add({ organization }, settings);
    const body = organizationHookBody(hook, call.base);
    ping(world.hooks, hook, body);
    return { status: 201, body };
  },
};

const updateOrganizationHook: OrganizationEndpoint = {
  for: "organization",
  method: "PATCH",
  path: "/orgs/{org}/hooks/{hook_id}",
  docs: `${organizationDocs}#update-an-organization-webhook`,
  statuses: [200, 401, 403, 404, 422],
  accepted: organizationWrite,
  handle(call, world, organization) {
    const hook = ofOrganization(call, world, organization);
    return {
      status: 200,
      body: organizationHookBody(world.hooks.change(hook, changed(hook, call.body)), call.base),
    };
  },
};

const pingOrganizationHook: OrganizationEndpoint = {
  for: "organization",
  method: "POST",
  path: "/orgs/{org}/hooks/{hook_id}/pings",
  docs: `${organizationDocs}#ping-an-organization-webhook`,
  statuses: [204, 401, 403, 404],
  accepted: organizationRead,
  handle(call, world, organization) {
    const hook = ofOrganization(call, world, organization);
    ping(world.hooks, hook, organizationHookBody(hook, call.base));
    return { status: 204 };
  },
};

const listOrganizationDeliveries: OrganizationEndpoint = {
  for: "organization",
  method: "GET",
  path: "/orgs/{org}/hooks/{hook_id}/deliveries",
  docs: `${organizationDocs}#list-deliveries-for-an-organization-webhook`,
  statuses: [200, 400, 401, 403, 404, 422],
  accepted: organizationRead,
  handle: (call, world, organization) => list(call, world, ofOrganization(call, world, organization)),
};

const getOrganizationDelivery: OrganizationEndpoint = {
  for: "organization",
  method: "GET",
  path: "/orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}",
  docs: `${organizationDocs}#get-a-webhook-delivery-for-an-organization-webhook`,
  statuses: [200, 401, 403, 404],
  accepted: organizationRead,
  handle: (call, world, organization) => show(call, world, ofOrganization(call, world, organization)),
};

const redeliverOrganizationDelivery: OrganizationEndpoint = {
  for: "organization",
  method: "POST",
  path: "/orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
  docs: `${organizationDocs}#redeliver-a-delivery-for-an-organization-webhook`,
  statuses: [202, 400, 401, 403, 404, 422],
  accepted: organizationWrite,
  handle: (call, world, organization) => redeliver(call, world, ofOrganization(call, world, organization)),
};

function ofOrganization(call: Call, { hooks }: World, organization: string): Hook {
  const found = hooks.ofOrganization(organization).find(({ id }) => id === Number(call.params.hook_id));
  if (!found) throw notFound();
  return found;
}

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

/** A hook's configuration as a request would give it. */
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
  sendAgain(world.hooks, hook, found);
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

/** Webhooks of Apps, repositories and organisations, their deliveries, and the request to deliver again. */
export const hookEndpoints: readonly Endpoint[] = [
  getAppHookConfig,
  setAppHookConfig,
  listAppDeliveries,
  getAppDelivery,
  redeliverAppDelivery,
  listRepositoryHooks,
  createRepositoryHook,
  updateRepositoryHook,
  pingRepositoryHook,
  listRepositoryDeliveries,
  getRepositoryDelivery,
  redeliverRepositoryDelivery,
  listOrganizationHooks,
  createOrganizationHook,
  updateOrganizationHook,
  pingOrganizationHook,
  listOrganizationDeliveries,
  getOrganizationDelivery,
  redeliverOrganizationDelivery,
];
